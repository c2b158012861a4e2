import pytest

from gateway.config.loader import parse
from tests.config.samples import ENVIRON, HASH, SECRET, complete

TWO = """\
upstreams:
  plain: {base_url: https://a.example, api_key: key}
  private: {base_url: https://b.example, api_key: key, zdr: true}
"""


def warnings_of(text: str) -> list[str]:
    return list(parse(complete(text), ENVIRON).warnings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "server: {answer_within: 5s}\n",
            (
                "server.answer_within: 5 s or more: the official Python SDK times out after 5 s "
                "and sends the request again"
            ),
        ),
        (
            "server: {listen: 0.0.0.0:80}\n",
            (
                "server.public_url: is http://127.0.0.1:8080, but `listen` is 0.0.0.0:80: "
                "clients get wrong URLs"
            ),
        ),
        (
            TWO + "routing:\n  - to: plain\n",
            "upstreams.private: no rule of `routing` uses this upstream: it gets no requests",
        ),
        (
            "upstreams: {one: {base_url: http://openrouter.ai/api/v1, api_key: key}}\n",
            (
                "upstreams.one.base_url: http:// to a host that is not local: the API key travels"
                " unencrypted, and where the host redirects to https every submit is refused;"
                " write https://"
            ),
        ),
        (
            "teams: {growth: {zdr: require}}\n",
            (
                "teams.growth.zdr: require, but no routed upstream has `zdr: true`: all its "
                "requests are rejected"
            ),
        ),
        (
            "teams: {growth: {budgets: [{period: day, limit_usd: 1, key: ci}]}}\n",
            (
                "teams.growth.budgets[0].key: the file has no such key: counts nothing until "
                "`keys create` adds it"
            ),
        ),
        (
            (
                f"teams: {{growth: {{keys: [{{name: cli, hash: '{HASH}'}}], "
                "budgets: [{period: day, limit_usd: 1, key: clii}]}}\n"
            ),
            (
                'teams.growth.budgets[0].key: the file has no such key (did you mean "cli"?): '
                "counts nothing until `keys create` adds it"
            ),
        ),
        (
            (
                f"webhooks: [{{name: a, url: https://h.example, secret: {SECRET}, "
                "events: [video.generated.*]}]\n"
            ),
            (
                "webhooks[0].events[0]: matches no event; the events are "
                "video.generation.completed, video.generation.failed, "
                "video.generation.cancelled, video.generation.expired, "
                "budget.threshold, bill.disputed, endpoint.disabled"
            ),
        ),
    ],
)
def test_a_probably_unintended_setting_is_a_warning(text: str, message: str) -> None:
    assert warnings_of(text) == [message]


@pytest.mark.parametrize(
    "text",
    [
        "server: {answer_within: 4.9s}\n",
        "server: {listen: 0.0.0.0:80, public_url: https://v.example}\n",
        (
            "server: {admin_listen: 0.0.0.0:8081}\n"
            f"admin: {{tokens: [{{name: a, hash: '{HASH}'}}]}}\n"
        ),
        TWO + "teams: {growth: {zdr: require}}\n",
        TWO,
        f"webhooks: [{{name: a, url: https://h.example, secret: {SECRET}, events: ['*']}}]\n",
    ],
)
def test_intended_settings_give_no_warning(text: str) -> None:
    assert warnings_of(text) == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.20", "[::1]", "[fd00::1]", "upstream", "box.local", "a.svc"],
)
def test_plain_http_to_a_local_host_is_no_cause_for_a_warning(host: str) -> None:
    text = f"upstreams: {{one: {{base_url: 'http://{host}:9000/api/v1', api_key: key}}}}\n"
    assert warnings_of(text) == []
