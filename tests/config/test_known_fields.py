from gateway.config.known_fields import all_keys, known_keys


def test_known_keys_are_the_keys_of_a_section() -> None:
    assert known_keys(("upstreams", "any", "poll")) == ["first", "factor", "max"]
    assert known_keys(("budgets", 0)) == ["period", "limit_usd", "alerts", "models", "key"]
    assert known_keys(("teams", "any", "webhooks", 3)) == known_keys(("webhooks", 0))
    assert known_keys(())[:2] == ["server", "database"]


def test_there_are_no_known_keys_for_free_names_and_unknown_paths() -> None:
    assert known_keys(("teams",)) == []
    assert known_keys(("server", "listen")) == []
    assert known_keys(("nowhere", 0, "at", "all")) == []


def test_all_keys_are_listed_once_with_what_is_required() -> None:
    keys = list(all_keys())
    paths = [key.path for key in keys]

    assert len(paths) == len(set(paths))
    assert "teams.*.budgets[].limit_usd" in paths
    assert [key.path for key in keys if key.required and "." not in key.path] == [
        "upstreams",
        "teams",
    ]
    assert {key.path for key in keys if key.section} >= {"server", "routing[].when", "teams"}
