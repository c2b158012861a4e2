"""The configuration in force, and how a reload replaces it."""

from gateway.config.live import Live, secrets_of
from tests.services.books import in_force

CALLED = {"teams": {"red": {"was": "crimson"}, "blue": {}}}


def test_what_begins_after_a_reload_sees_the_new_version() -> None:
    live, other = in_force({}, version="1"), in_force({"teams": {"green": {}}}, version="2")
    before = live.current

    live.replace(other.config, "2")

    assert (before.version, live.current.version) == ("1", "2")
    assert "red" in before.config.teams
    assert set(live.config.teams) == {"green"}


def test_a_team_has_its_former_name_too() -> None:
    live: Live = in_force(CALLED)

    assert set(live.current.names_of("red")) == {"red", "crimson"}
    assert live.current.names_of("blue") == ("blue",)


def test_the_secrets_of_the_configuration_are_known_for_masking() -> None:
    assert "sk-or-1234567890" in secrets_of(in_force({}).config)
