"""Every entry of the table, and what configures it. Who deletes an entry deletes its row."""

import pytest

from gateway.config.inactive import ENTRIES, Inactive, inactive_features
from tests.config.samples import SECRET, config


def team(more: str) -> str:
    return f"teams: {{growth: {{{more}}}}}\n"


UPSTREAM = "upstreams: {a: {base_url: https://a.example, api_key: key, %s}}\n"
HOOK = f"{{name: w, url: https://h.example, secret: {SECRET}}}"

# The beginning of an entry's words, and files that configure it.
ROWS = {
    "webhooks:": [f"webhooks: [{HOOK}]\n", team(f"webhooks: [{HOOK}]")],
    "callbacks:": ["callbacks: {allow_http: true}\n", "callbacks: {allow_hosts: [a.example]}\n"],
    "upstreams.*.webhook_secrets:": [UPSTREAM % f"webhook_secrets: [{SECRET}]"],
}


def told(text: str) -> list[str]:
    return inactive_features(config(text))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.words.partition(":")[0])
def test_an_inactive_feature_is_told_when_it_is_configured(entry: Inactive) -> None:
    (files,) = [files for beginning, files in ROWS.items() if entry.words.startswith(beginning)]

    assert all(entry.words in told(text) for text in files)


def test_every_row_has_its_entry() -> None:
    words = [entry.words for entry in ENTRIES]

    assert [b for b in ROWS if not any(one.startswith(b) for one in words)] == []


def test_no_default_is_told() -> None:
    assert told("") == []


def test_writing_a_default_out_configures_nothing() -> None:
    text = "callbacks: {allow_http: false}\n" + team("limits: {max_duration: null}, models: {}")

    assert told(text) == told("")
