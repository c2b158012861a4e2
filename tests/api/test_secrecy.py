"""Nothing secret leaves by a side door: every byte of logs, traces and metrics is searched.

One scene after the other puts its own canary where a client, an upstream or an operator would put
a secret; logs are at their most talkative.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.config.loader import Loaded, parse
from gateway.domain.signature import sign_openrouter
from gateway.sandbox import Sandbox
from gateway.server import reload
from tests.api.conftest import StartGateway, StartSandbox
from tests.fakes.clock import FakeClock
from tests.fakes.subscriber import answers, subscriber
from tests.harness import KEYS, RunningGateway, running_gateway
from tests.telemetry.collector import Collector

SECRET = "canary-of-the-workspace-secret"
HOOK_SECRET = "canary-of-a-subscriber-secret"
UPSTREAM_KEY = "sk-or-canary-of-the-upstream-key"
PROMPT = "canary of a prompt, a fox in fog"
IMAGE = base64.b64encode(b"canary of an image, quite some bytes of it").decode()


@dataclass
class Scene:
    """A gateway whose words are all heard, and what must not be among them."""

    gateway: RunningGateway
    sandbox: Sandbox
    collector: Collector
    hook: str
    canaries: dict[str, str] = field(default_factory=dict)

    def hide(self, what: str, canary: str) -> str:
        """From now on nobody may say this."""
        self.canaries[what] = canary
        return canary

    async def found(self, metrics: str) -> dict[str, str]:
        """Which of the canaries were said, and by whom."""
        self.gateway.lines()
        await asyncio.to_thread(self.gateway.telemetry.close)
        said = {
            "log": self.gateway.log.getvalue(),
            "traces": "".join(body.decode("utf-8", "replace") for body in self.collector.bodies),
            "metrics": metrics,
        }
        assert "request.ended" in said["log"]
        assert "upstream.submit" in said["traces"]
        return {
            what: where
            for what, canary in self.canaries.items()
            for where, text in said.items()
            if canary in text
        }


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    server = await made.start()
    yield made
    made.release()
    await server.close()


@pytest.fixture
async def scene(
    sandboxes: StartSandbox, sqlite_url: str, collector: Collector, clock: FakeClock
) -> AsyncIterator[Scene]:
    sandbox = await sandboxes(webhook_secret=SECRET, api_keys=(UPSTREAM_KEY,))
    async with subscriber(answers(500, b"canary of a subscriber's answer")) as hook:
        changes: dict[str, Any] = {
            "telemetry": {"otlp_endpoint": collector.url, "log_level": "debug"},
            "callbacks": {"allow_http": True, "allow_networks": ["127.0.0.0/8"]},
            "content": {"mode": "cache"},
            "webhooks": [
                {
                    "name": "farm",
                    "url": hook.url(path="/in?t=canary-in-a-url"),
                    "secret": HOOK_SECRET,
                }
            ],
            "upstreams": {"*": {"webhook_secrets": [SECRET]}},
            "budgets": [{"period": "day", "limit_usd": 5, "alerts": [0.001]}],
        }
        errors = ("config.reload_refused", "request.failed", "Unclosed connection")
        async with running_gateway(
            sandbox, sqlite_url, changes, clock=clock, expected_errors=errors
        ) as gateway:
            scene = Scene(gateway, sandbox, collector, hook.url())
            scene.hide("workspace secret", SECRET)
            scene.hide("subscriber's secret", HOOK_SECRET)
            scene.hide("subscriber's url", "canary-in-a-url")
            scene.hide("subscriber's answer", "canary of a subscriber")
            scene.hide("upstream's key", UPSTREAM_KEY)
            scene.hide("team's key", KEYS["growth"])
            yield scene


async def everything(scene: Scene) -> None:
    """The life of a job, and everything that goes wrong around it."""
    gateway = scene.gateway
    scene.hide("prompt", PROMPT)
    scene.hide("image", IMAGE[:24])
    callback = f"{scene.hook}?token={scene.hide('callback query', 'canary-in-a-callback')}"
    job = await gateway.job(
        prompt=PROMPT,
        callback_url=callback,
        frame_images=[
            {
                "type": "image_url",
                "frame_type": "first_frame",
                "image_url": {"url": f"data:image/png;base64,{IMAGE}"},
            }
        ],
        user=scene.hide("user", "canary-user"),
        session_id=scene.hide("session", "canary-session"),
    )
    told_to_the_upstream = scene.sandbox.jobs[0].callback_url or ""
    scene.hide("correlation token", told_to_the_upstream.rpartition("/")[2])
    body = await gateway.ended(job)
    link = body["unsigned_urls"][0]
    scene.hide("signed link", link.partition("signature=")[2].partition("&")[0])
    await gateway.get(link, team=None)
    await gateway.get(f"{link}x", team=None)
    await gateway.until(lambda: _heard(gateway, "delivery.attempted", 2))

    await _refused(scene)
    await _upstream_says_it_again(scene)
    await _strangers(scene)
    await _operators(scene)


async def _refused(scene: Scene) -> None:
    gateway = scene.gateway
    await gateway.submit(prompt=PROMPT, duration=99, callback_url="http://10.0.0.1/canary-callback")
    scene.hide("refused callback", "canary-callback")
    await gateway.submit(model=scene.hide("model", "canary/model"), prompt=PROMPT)
    for odd in (b'{"prompt": "' + PROMPT.encode(), b'["' + PROMPT.encode() + b'"]'):
        await gateway.call("POST", "/videos", data=odd)
    idempotent = {"Idempotency-Key": scene.hide("idempotency key", "canary-idempotency")}
    for number in (1, 2):
        await gateway.call(
            "POST",
            "/videos",
            headers=idempotent,
            json={"model": "x-ai/grok-imagine-video", "prompt": PROMPT, "duration": number},
        )
    other = f"vg_{scene.hide('unknown key', 'CanaryKey' * 4)}"
    await gateway.call("GET", "/videos/x", team=None, headers={"Authorization": f"Bearer {other}"})


async def _upstream_says_it_again(scene: Scene) -> None:
    """An upstream that puts what it was given into its own words."""
    message = scene.hide("upstream's message", f"canary of an error about {PROMPT}")
    scene.sandbox.faults.next("submit", "refuse", status=400, message=message)
    await scene.gateway.submit(prompt=f"{PROMPT} once more")
    scene.sandbox.faults.next("submit", "html", body=f"<h1>{message}</h1>")
    await scene.gateway.submit(prompt=f"{PROMPT} twice more")
    scene.sandbox.faults.next("job", "fail", error=message)
    job = await scene.gateway.job(prompt=f"{PROMPT} thrice more")
    await scene.gateway.ended(job)


async def _strangers(scene: Scene) -> None:
    gateway = scene.gateway
    canary = scene.hide("stranger's words", "canary-of-a-stranger")
    host, port = gateway.origin.removeprefix("http://").split(":")
    for raw in (
        f"GET /{canary} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization {canary}\r\n\r\n",
        f"POST /api/v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{canary}",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw.encode())
        await reader.read()
        writer.close()
        await writer.wait_closed()
    await gateway.get(f"/{canary}?{canary}={canary}")
    body = json.dumps({"type": "video.generation.completed", "data": {"id": "x", "note": canary}})
    url = f"{gateway.origin}/webhooks/sandbox"
    for signature in (
        canary,
        sign_openrouter(body.encode(), SECRET, int(gateway.clock.now().timestamp())),
    ):
        for address in (url, f"{url}/{canary}"):
            headers = {"X-OpenRouter-Signature": signature}
            await gateway.call("POST", address, team=None, data=body.encode(), headers=headers)


async def _operators(scene: Scene) -> None:
    gateway = scene.gateway
    made = await gateway.call(
        "POST",
        f"{gateway.admin_url}/admin/v1/keys",
        team=None,
        json={"team": "growth", "name": "k"},
    )
    scene.hide("made key", made.json["key"])
    token = scene.hide("admin token", "canary-of-an-admin-token")
    await gateway.get(
        f"{gateway.admin_url}/admin/v1/keys",
        team=None,
        headers={"Authorization": f"Bearer {token}"},
    )
    secret = scene.hide("secret in a bad file", "canary-in-a-file")

    def bad() -> Loaded:
        upstreams = {"main": {"base_url": "nonsense", "api_key": [secret]}}
        text = json.dumps({"signing_key": secret, "upstreams": upstreams, "teams": {}})
        return parse(text, {}, "gateway.yaml")

    reload(gateway.gateway, bad, gateway.telemetry)


async def _heard(gateway: RunningGateway, event: str, times: int) -> bool:
    return len(gateway.told(event)) >= times


async def test_no_secret_leaves_by_logs_traces_or_metrics(scene: Scene) -> None:
    await everything(scene)
    metrics = await scene.gateway.get(f"{scene.gateway.admin_url}/metrics", team=None)

    assert await scene.found(metrics.body.decode()) == {}
    assert len(scene.canaries) == 22


async def test_each_act_has_one_line_with_its_request_and_trace(scene: Scene) -> None:
    await everything(scene)

    lines = scene.gateway.lines()
    told = {line["event"] for line in lines}
    acts = {"job.submitted", "job.ended", "webhook.refused", "delivery.attempted"}
    acts |= {"budget.threshold", "key.created", "config.reload_refused", "request.ended"}
    assert acts <= told
    for line in lines:
        if line["event"] in {"job.submitted", "job.ended", "delivery.attempted", "request.ended"}:
            assert line["request_id"], line
            assert line["trace_id"], line
    ended = [line for line in lines if line["event"] == "request.ended"]
    assert all(line["route"] == "other" or line["route"].startswith("/") for line in ended)
    assert {"team", "job", "status", "seconds", "method"} <= set().union(*ended)
    assert {line["reason"] for line in ended if line["status"] == 400} <= {
        *("invalid_request", "unsupported_parameter", "upstream_refused", "model_not_found"),
    }


@pytest.mark.parametrize("where", ["submit", "poll"])
async def test_an_upstream_that_repeats_our_secrets_is_not_quoted(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, where: str
) -> None:
    secret = "whsec_a-webhook-signing-secret"
    changes = {"upstreams": {"*": {"webhook_secrets": [secret]}}}
    gateway = await gateways(sandbox, sqlite_url, changes)
    words = f"key {sandbox.api_key} and {secret} were refused"
    if where == "submit":
        sandbox.faults.next("submit", "refuse", status=400, message=words)
        answer = await gateway.submit()
        text = answer.body.decode()
    else:
        sandbox.faults.next("job", "fail", error=words)
        job = await gateway.job()
        text = json.dumps(await gateway.ended(job))

    rows = await gateway.database.read(
        lambda tx: [
            dict(row)
            for query in (
                "SELECT error AS text FROM jobs",
                "SELECT body AS text FROM events",
                "SELECT decision AS text FROM jobs",
            )
            for row in tx.fetch(query)
        ]
    )
    everything = text + str(rows) + json.dumps(gateway.lines())
    assert "were refused" in text
    assert sandbox.api_key not in everything
    assert secret not in everything
