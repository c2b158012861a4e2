from gateway.config.diff import diff
from tests.config.samples import HASH, OTHER_HASH, SECRET, config


def changes(old: str, new: str) -> list[str]:
    return diff(config(old), config(new))


def test_equal_configurations_have_no_changes() -> None:
    assert changes("", "") == []
    assert changes("server: {drain_seconds: 30}\n", "") == []


def test_a_changed_value_is_shown_as_in_the_file() -> None:
    old = "server: {drain_seconds: 10}\npricing: {unpriced_usd: 1.50}\n"
    new = "server: {answer_within: 500ms}\ncontent: {max_gb: 0.5}\n"

    assert changes(old, new) == [
        "server.answer_within: 4s -> 500ms",
        "server.drain_seconds: 10 -> 30",
        "content.max_gb: 20 -> 0.5",
        "pricing.unpriced_usd: 1.50 -> 5.00",
    ]


def test_lists_and_nulls_are_shown_in_full() -> None:
    old = "teams: {growth: {models: {deny: [a]}, limits: {max_resolution: 720p}}}\n"
    new = "teams: {growth: {models: {deny: [a, b/*]}, limits: {max_cost_usd: 2}}}\n"

    assert changes(old, new) == [
        "teams.growth.models.deny: [a] -> [a, b/*]",
        "teams.growth.limits.max_resolution: 720p -> null",
        "teams.growth.limits.max_cost_usd: null -> 2.00",
    ]


def test_a_change_to_or_from_an_empty_list_is_shown_in_full() -> None:
    old, new = "callbacks: {allow_hosts: [a.example]}\n", "callbacks: {allow_hosts: []}\n"

    assert changes(old, new) == ["callbacks.allow_hosts: [a.example] -> []"]
    assert changes(new, old) == ["callbacks.allow_hosts: [] -> [a.example]"]


def test_added_and_removed_teams_and_budgets_are_shown() -> None:
    old = "teams: {a: {budgets: [{period: day, limit_usd: 5}]}, b: {}}\n"
    new = """\
        budgets: [{period: month, limit_usd: 1000, alerts: [0.5, 1]}]
        teams:
          a:
            budgets:
              - {period: month, limit_usd: 9, models: ["google/*"], key: ci}
              - {period: day, limit_usd: 6}
          c: {zdr: require, retain: false}
        """

    assert changes(old, new) == [
        "budgets.month: added (period month, limit_usd 1000.00, alerts [0.5, 1])",
        "teams.a.budgets.day.limit_usd: 5.00 -> 6.00",
        (
            'teams.a.budgets["month google/* key ci"]: added (period month, limit_usd 9.00, '
            "models [google/*], key ci)"
        ),
        "teams.b: removed",
        "teams.c: added (zdr require, retain false)",
    ]


def test_only_the_order_of_routing_rules_is_a_change() -> None:
    keys = [f"{{name: a, hash: '{HASH}'}}", f"{{name: b, hash: '{OTHER_HASH}'}}"]
    upstreams = (
        "upstreams:\n  x: {base_url: https://x.example, api_key: k}\n"
        "  y: {base_url: https://y.example, api_key: k}\n"
    )

    def with_keys(*ordered: str) -> str:
        return f"teams: {{growth: {{keys: [{', '.join(ordered)}]}}}}\n"

    assert changes(with_keys(*keys), with_keys(*reversed(keys))) == []
    assert changes(
        upstreams + "routing: [{to: x}, {to: y}]\n", upstreams + "routing: [{to: y}, {to: x}]\n"
    ) == ["routing[0].to: x -> y", "routing[1].to: y -> x"]


def test_changed_secrets_are_hidden() -> None:
    def text(canary: str, digest: str) -> str:
        return f"""\
            database: {{url: "postgresql://u:{canary}@h/db"}}
            signing_key: {canary * 8}
            upstreams:
              a: {{base_url: https://a.example, api_key: {canary}, webhook_secrets: [{canary * 4}]}}
            teams: {{growth: {{keys: [{{name: ci, hash: "{digest}"}}]}}}}
            webhooks:
              - {{name: w, url: "https://h.example/{canary}", secret: {canary * 4}}}
            """

    lines = changes(text("canary-one", HASH), text("canary-two", OTHER_HASH))

    assert lines == [
        "database.url: changed (hidden)",
        "signing_key: changed (hidden)",
        "upstreams.a.api_key: changed (hidden)",
        "upstreams.a.webhook_secrets: changed (hidden)",
        "teams.growth.keys.ci.hash: changed (hidden)",
        "webhooks.w.url: https://h.example/(hidden) -> https://h.example/(hidden)",
        "webhooks.w.secret: changed (hidden)",
    ]


def test_secrets_of_added_sections_are_hidden() -> None:
    new = f"""\
        upstreams:
          openrouter: {{base_url: https://openrouter.ai/api/v1, api_key: "${{OPENROUTER_API_KEY}}"}}
          b: {{base_url: https://b.example, api_key: canary, webhook_secrets: [{SECRET}]}}
        teams: {{growth: {{keys: [{{name: ci, hash: "{HASH}"}}]}}}}
        webhooks:
          - {{name: w, url: "https://h.example/canary", secret: {SECRET}}}
        """

    lines = changes("", new)

    assert lines == [
        (
            "upstreams.b: added (base_url https://b.example, api_key (hidden), "
            "webhook_secrets (hidden))"
        ),
        "routing[1]: added (to b)",
        "teams.growth.keys.ci: added (name ci, hash (hidden))",
        "webhooks.w: added (name w, url https://h.example/(hidden), secret (hidden))",
    ]
