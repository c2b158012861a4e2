"""The operators' door: a token, names of its own, and no page of another site."""

import stat
from typing import Any

import pytest

from gateway.adapters.admin_token import read_or_create_token, token_path
from gateway.domain.team import hash_key
from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.harness import Answer, RunningGateway


async def ask(
    gateway: RunningGateway, path: str = "/admin/v1/keys", method: str = "GET", **options: Any
) -> Answer:
    return await gateway.call(method, f"{gateway.admin_url}{path}", team=None, **options)


MADE: dict[str, Any] = {"method": "POST", "json": {"team": "growth", "name": "made"}}


async def test_the_peer_s_address_is_no_credential(gateway: RunningGateway) -> None:
    answer = await ask(gateway, headers={"Authorization": ""})

    assert (answer.status, answer.reason) == (401, "invalid_key")
    assert "video-gateway admin token" in answer.json["error"]["message"]


async def test_the_generated_token_is_kept_for_its_owner_alone(gateway: RunningGateway) -> None:
    path = token_path(gateway.gateway.live.config)

    assert (await ask(gateway)).status == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() == gateway.admin_token
    assert len(gateway.admin_token) > 40


async def test_it_is_the_same_after_a_restart(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    first = await gateways(sandbox, sqlite_url)
    path = token_path(first.gateway.live.config)

    assert read_or_create_token(path, None) == first.admin_token  # type: ignore[arg-type]


async def test_where_tokens_are_configured_the_generated_one_is_none(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    plain = "an-operators-token"
    changes = {"admin": {"tokens": [{"name": "ops", "hash": hash_key(plain)}]}}
    gateway = await gateways(sandbox, sqlite_url, changes)

    assert (await ask(gateway, headers={"Authorization": f"Bearer {plain}"})).status == 200
    assert (await ask(gateway, headers={"Authorization": "Bearer vga_x"})).status == 401
    assert not token_path(gateway.gateway.live.config).exists()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "169.254.169.254", "[", ""],
)
@pytest.mark.parametrize("path", ["/admin/v1/keys", "/metrics"])
async def test_a_name_that_is_not_the_listener_s_is_refused(
    gateway: RunningGateway, path: str, host: str
) -> None:
    """DNS rebinding: the page's own name leads to this address."""
    answer = await ask(gateway, path, headers={"Host": host})

    assert (answer.status, answer.reason) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:99"])
async def test_the_listener_s_own_names_are_taken(gateway: RunningGateway, host: str) -> None:
    assert (await ask(gateway, headers={"Host": host})).status == 200


async def test_more_names_are_configured(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    admin = {"hosts": ["ops.example"], "metrics_hosts": ["*.internal"]}
    gateway = await gateways(sandbox, sqlite_url, {"admin": admin})

    async def status(path: str, host: str) -> int:
        return (await ask(gateway, path, headers={"Host": host})).status

    assert await status("/admin/v1/keys", "ops.example:8081") == 200
    assert await status("/admin/v1/keys", "gw.internal") == 403
    assert await status("/metrics", "gw.internal") == 200
    assert await status("/metrics", "ops.example") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_another_site_s_page_is_refused(
    gateway: RunningGateway, headers: dict[str, str]
) -> None:
    answer = await ask(gateway, **MADE, headers=headers)

    assert (answer.status, answer.reason) == (403, "origin_not_allowed")
    assert (await gateway.row("SELECT COUNT(*) AS n FROM keys"))["n"] == 0


async def test_its_own_pages_are_taken(gateway: RunningGateway) -> None:
    headers = {"Origin": gateway.admin_url, "Sec-Fetch-Site": "same-origin"}

    assert (await ask(gateway, **MADE, headers=headers)).status == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_a_form_could_send_is_refused(gateway: RunningGateway, kind: str) -> None:
    body = b'{"team": "growth", "name": "made"}'
    headers = {"Content-Type": kind}

    answer = await ask(gateway, method="POST", data=body, headers=headers)

    assert (answer.status, answer.reason) == (415, "unsupported_media_type")


async def test_an_unknown_field_is_refused_by_name(gateway: RunningGateway) -> None:
    """`expires` once made a key that never expired."""
    body = {"team": "growth", "name": "made", "expires": "2026-12-01"}

    answer = await ask(gateway, method="POST", json=body)

    assert answer.status == 400
    assert answer.json["error"]["metadata"]["gateway"]["field"] == "expires"
