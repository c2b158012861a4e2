"""The official TypeScript SDK and the AI SDK, unmodified, under Node.js (tests/sdk_js)."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.sandbox import Sandbox
from tests.fakes.clock import FakeClock
from tests.harness import GROK, KEYS, RunningGateway, flowing
from tests.sdk_js.programs import Programs


async def test_the_typescript_sdk_lists_submits_polls_and_downloads(
    sdk_js: Programs, gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    async with flowing(clock):
        said = await sdk_js.run("lifecycle", base=gateway.base, key=KEYS["growth"], request=GROK)

    video = await gateway.get(f"/videos/{said['job']['id']}/content")
    assert said["models"] == 30
    assert said["submitted"]["status"] == "pending"
    assert said["job"]["status"] == "completed"
    assert said["job"]["usage"]["cost"] == 0.07
    assert said["sha256"] == sha256(video.body).hexdigest()
    assert len(sandbox.ledger.submits) == 1


async def test_the_ai_sdk_makes_a_video_and_fetches_it_without_a_key(
    sdk_js: Programs, gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    """On the real service its download is a 401 (docs/openrouter-contract.md section 9)."""
    async with flowing(clock):
        said = await sdk_js.run(
            "ai_sdk", base=gateway.base, key=KEYS["growth"], model=GROK["model"], duration=1
        )

    assert said["mediaType"] == "video/mp4"
    assert said["bytes"] > 1000
    assert said["metadata"]["openrouter"]["cost"] == 0.07
    assert len(sandbox.ledger.submits) == 1


async def test_the_ai_sdk_does_not_pay_twice_while_the_upstream_is_down(
    sdk_js: Programs, gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    """One 503 on a poll makes it submit the paid job again; the gateway never hands one on."""
    sandbox.faults.next("poll", "refuse", status=503, times=3)

    async with flowing(clock):
        said = await sdk_js.run(
            "ai_sdk", base=gateway.base, key=KEYS["growth"], model=GROK["model"], duration=1
        )

    assert said["bytes"] > 1000
    assert len(sandbox.ledger.submits) == 1
    assert sandbox.faults.waiting == ()


async def test_without_the_gateway_the_ai_sdk_does_pay_twice(
    sdk_js: Programs, sandbox: Sandbox, clock: FakeClock
) -> None:
    """And without a video: the real service gives it to nobody who brings no key."""
    sandbox.faults.next("poll", "refuse", status=503)

    async with flowing(clock):
        with pytest.raises(AssertionError, match="download: 401"):
            await sdk_js.run(
                "ai_sdk", base=sandbox.url, key=sandbox.api_key, model=GROK["model"], duration=1
            )

    assert len(sandbox.ledger.submits) == 2


async def test_the_typescript_sdk_lists_all_models_and_reads_its_key(
    sdk_js: Programs, gateway: RunningGateway, clock: FakeClock
) -> None:
    async with flowing(clock):
        said = await sdk_js.run("models", base=gateway.base, key=KEYS["growth"])

    assert said == {"listed": 30, "counted": 30, "label": "growth/ci"}


async def test_the_ai_sdks_own_download_refuses_a_private_address(
    sdk_js: Programs, gateway: RunningGateway
) -> None:
    """So docs/clients.md asks for a public address, or for the `download` option."""
    urls = [f"{gateway.origin}/healthz", "http://10.0.0.1/", "http://localhost/"]

    said = await sdk_js.run("own_download", urls=urls)

    assert all("not allowed" in verdict for verdict in said.values()), said


def test_the_page_about_clients_names_the_versions_that_are_run() -> None:
    page = (_ROOT / "docs/clients.md").read_text()
    manifest = json.loads((_ROOT / "tests/sdk_js/package.json").read_text())
    pinned = (_ROOT / "requirements.lock").read_text()
    python = re.search(r"^openrouter==([0-9.]+)", pinned, re.MULTILINE)

    assert python is not None
    for version in (python[1], *manifest["dependencies"].values()):
        assert f" {version}" in page, version


_ROOT = Path(__file__).parents[2]
