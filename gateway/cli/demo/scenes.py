"""The demo's scenes. Each sends requests as a client does, prints the results and checks them.

To add a scene, write a function of a Show and add it to SCENES.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from httpx import HTTPError
from openrouter.errors import OpenRouterError

from gateway.cli.demo.client import Refusal, client, refusal
from gateway.cli.demo.failed import DemoFailed
from gateway.cli.demo.http import call
from gateway.cli.demo.stage import Stage, wait_until
from gateway.cli.demo.terminal import Terminal
from gateway.cli.demo.video_info import decode_video

MODEL = "x-ai/grok-imagine-video"
FOX = {"model": MODEL, "prompt": "A fox crosses a frozen lake", "duration": 4, "resolution": "480p"}
OWL = {"model": MODEL, "prompt": "An owl over wet roofs", "duration": 2, "resolution": "480p"}

_TIMEOUT = 30.0  # seconds for a job; one takes about four
_EXPECTED = 4.5  # seconds; the length of the progress bar


@dataclass(slots=True)
class Show:
    """State shared by the scenes."""

    stage: Stage
    terminal: Terminal
    jobs: dict[str, Any] = field(default_factory=dict)  # name -> the SDK's last answer for the job
    files: list[Path] = field(default_factory=list)

    def check(self, passed: bool, text: str) -> None:
        """Print that the check passed.

        Raises:
            DemoFailed: it did not pass.

        """
        if not passed:
            raise DemoFailed(f"check failed: {text}")
        self.terminal.passed(text)


def models(show: Show) -> None:
    """List the models."""
    show.terminal.scene("List the models")
    with client(show.stage, "studio") as sdk:
        listed = sdk.video_generation.list_videos_models().data
    grok = {model.id: model for model in listed}[MODEL]
    show.terminal.fact("models", len(listed))
    show.terminal.fact(MODEL, "")
    show.terminal.fact("  prices", grok.pricing_skus)
    show.check(len(listed) > 20, "the gateway relays the upstream's catalog")


def video(show: Show) -> None:
    """Submit, poll, download."""
    show.terminal.scene("Submit, poll, download: the official SDK with another base URL and key")
    with client(show.stage, "studio") as sdk:
        started = time.monotonic()
        job = sdk.video_generation.generate(**FOX)
        show.terminal.fact("job", f"{job.id}  ({time.monotonic() - started:.2f} s to submit)")
        done = wait(show, sdk, job.id)
        path = save(show, sdk, job.id, "fox.mp4")
    show.jobs["fox"] = done
    info = decode_video(path)
    show.terminal.fact("cost", f"{done.usage.cost} USD")
    show.terminal.fact("file", f"{path}  ({info})")
    show.check(
        info.seconds >= 3.5, "every frame of the file decodes, and its length is as requested"
    )
    link = call("GET", done.unsigned_urls[0])
    show.check(
        link.status == 200 and link.body == path.read_bytes(),
        "its signed link returns the same bytes without a key",
    )


def dedupe(show: Show) -> None:
    """Send identical requests: at the same time, and again after the job completed."""
    show.terminal.scene("The same request twice at once, and again afterwards: one paid generation")
    before = show.stage.submits()
    with ThreadPoolExecutor(2) as pool:
        ids = list(pool.map(lambda _: submit(show, "studio", OWL), range(2)))
    show.terminal.fact("client one", ids[0])
    show.terminal.fact("client two", ids[1])
    show.check(ids[0] == ids[1], "two clients at the same moment get one job")
    with client(show.stage, "studio") as sdk:
        show.jobs["owl"] = wait(show, sdk, ids[0])
        path = save(show, sdk, ids[0], "owl.mp4")
    show.terminal.fact("file", f"{path}  ({decode_video(path)})")
    show.check(
        submit(show, "studio", OWL) == ids[0],
        "the same request after completion returns the same job at once",
    )
    show.check(show.stage.submits() == before + 1, "the upstream got exactly one submit")


def stored_copy(show: Show) -> None:
    """Download a stored video after the upstream deleted its copy."""
    show.terminal.scene("The upstream deletes the video; the gateway still has its stored copy")
    gone = {"on": "content", "action": "refuse", "status": 410, "times": 5}
    show.stage.control("POST", "faults", gone)
    with client(show.stage, "studio") as sdk:
        path = save(show, sdk, show.jobs["fox"].id, "fox-again.mp4")
    show.stage.control("DELETE", "faults")
    show.terminal.fact("file", f"{path}  ({decode_video(path)})")
    same = path.read_bytes() == (show.stage.output / "fox.mp4").read_bytes()
    show.check(same, "the gateway returns the same bytes from its own store")
    part = call(
        "GET",
        f"{show.stage.api}/videos/{show.jobs['fox'].id}/content",
        key=show.stage.keys["studio"],
        headers={"Range": "bytes=0-99"},
    )
    show.check(
        part.status == 206 and len(part.body) == 100, "a Range request returns only that part"
    )


def webhook(show: Show) -> None:
    """Receive a signed event about a completed job."""
    show.terminal.scene("A subscriber receives a signed event")
    job, subscriber = show.jobs["fox"], show.stage.subscriber
    wait_until(lambda: bool(subscriber.for_job(job.id)), _TIMEOUT)
    deliveries = subscriber.for_job(job.id)
    for delivery in deliveries:
        data = delivery.event["data"]
        show.terminal.fact("event", delivery.event["type"])
        show.terminal.fact("job", f"{data['id']}, {data['usage']['cost']} USD")
        show.terminal.fact("idempotency", delivery.idempotency_key)
    show.check(
        len(deliveries) == 1 and deliveries[0].verified,
        "the subscriber got one event for the job, with a valid signature",
    )
    show.check(
        all(
            url.startswith(show.stage.gateway)
            for url in deliveries[0].event["data"]["unsigned_urls"]
        ),
        "its links point to the gateway",
    )


def metrics(show: Show) -> None:
    """Print the metrics that the earlier scenes changed."""
    show.terminal.scene("The metrics that changed")
    now = show.stage.metrics()
    for name in sorted(now):
        if re.match(_CHANGED, name) and now[name]:
            show.terminal.fact(f"{now[name]:g}", name.removeprefix("video_gateway_"))
    saved = sum(value for name, value in now.items() if name.startswith(_SAVED))
    show.check(saved > 0, "a metric counts the dollars that dedupe saved")


_SAVED = "video_gateway_dedupe_saved_dollars_total"
_CHANGED = (
    r"video_gateway_(jobs_ended_total|decisions_total|dedupe_total|dedupe_saved_dollars_total"
    r"|budget_(spent|reserved)_dollars)\{"
)


def mistakes(show: Show) -> None:
    """Send a request with three mistakes."""
    show.terminal.scene("A request with three mistakes, rejected before money is spent")
    before = show.stage.submits()
    wrong = {**FOX, "duration": 99, "resolution": "4K", "aspect_ratio": "21:9"}
    refused = refusal(show.stage, "studio", wrong)
    _print_refusal(show, refused)
    violations = refused.gateway["violations"]
    for violation in violations:
        nearest = violation.get("nearest")
        show.terminal.fact(
            violation["field"], f"{violation['value']} -> nearest allowed: {nearest}"
        )
    show.check(
        refused.status == 400 and len(violations) == 3, "one answer names all three mistakes"
    )
    show.check(show.stage.submits() == before, "nothing reached the upstream")


def upstream_refuses(show: Show) -> None:
    """Send a request that only the upstream can reject."""
    show.terminal.scene("A request that the upstream refuses: relayed as it is, at no cost")
    refused = refusal(show.stage, "studio", {**FOX, "previous_job_id": show.jobs["fox"].id})
    _print_refusal(show, refused)
    show.check(
        refused.status == 400 and not refused.gateway, "the gateway relays the refusal unchanged"
    )


def budget(show: Show) -> None:
    """Use up a budget."""
    show.terminal.scene("A budget that runs out: team newsroom has 1 USD")
    before = show.stage.submits()
    with client(show.stage, "newsroom") as sdk:
        first = submit(show, "newsroom", _news(8))
        show.terminal.fact("8 s", first)
        wait(show, sdk, first)
    show.terminal.fact("9 s", submit(show, "newsroom", _news(9)))
    refused = refusal(show.stage, "newsroom", _news(10))
    _print_refusal(show, refused)
    details = refused.gateway
    for name in ("limit", "spent", "reserved", "estimate", "would_fit"):
        show.terminal.fact(name, f"{details[f'{name}_usd']} USD")
    show.check(
        refused.status == 402 and details["reason"] == "budget_exceeded",
        "402 with the numbers of the budget",
    )
    show.check(
        show.stage.submits() == before + 2,
        "only the requests within the budget reached the upstream",
    )


def _news(seconds: int) -> dict[str, Any]:
    return {**FOX, "prompt": f"Evening news, {seconds} seconds", "duration": seconds}


def zero_retention(show: Show) -> None:
    """Send a request that no upstream may process."""
    show.terminal.scene("Team clinic requires zero data retention, which no upstream here offers")
    before = show.stage.submits()
    refused = refusal(show.stage, "clinic", FOX)
    _print_refusal(show, refused)
    show.check(
        refused.status == 404 and refused.gateway["reason"] == "zdr_unavailable",
        "404 in OpenRouter's wording; metadata names what required it",
    )
    show.check(show.stage.submits() == before, "nothing left the gateway")


def dry_run(show: Show) -> None:
    """Ask what a request would cost."""
    show.terminal.scene("A dry run: what would the request cost, and would it be accepted?")
    before = show.stage.submits()
    answer = call(
        "POST",
        f"{show.stage.api}/videos",
        key=show.stage.keys["newsroom"],
        body=_news(15),
        headers={"X-Gateway-Dry-Run": "true"},
    )
    result = answer.json
    show.terminal.fact("outcome", result["outcome"])
    show.terminal.fact("estimate", f"{result['estimated_cost_usd']} USD")
    for line in result["decision"]["estimate"]["lines"]:
        show.terminal.fact("", line)
    for rule in result["refusals"]:
        why = f"{rule['rule']}: {rule['reason']}, {rule['would_fit_usd']} USD would fit"
        show.terminal.fact("refused by", why)
    show.check(
        answer.status == 200 and result["outcome"] == "refused",
        "the answer contains the whole decision",
    )
    show.check(show.stage.submits() == before, "nothing was sent and nothing was reserved")


SCENES: tuple[Callable[[Show], None], ...] = (
    models,
    video,
    dedupe,
    stored_copy,
    webhook,
    mistakes,
    upstream_refuses,
    budget,
    zero_retention,
    dry_run,
    metrics,
)


def run_scenes(show: Show) -> None:
    """Run all scenes in order.

    Raises:
        DemoFailed: a scene failed; the scenes after it do not run.

    """
    for scene in SCENES:
        try:
            scene(show)
        except (
            OpenRouterError,
            HTTPError,
            HTTPException,
            OSError,
            LookupError,
            ValueError,
        ) as error:
            raise DemoFailed(
                f"scene {scene.__name__!r} raised {type(error).__name__}: {error};"
                f" see {show.stage.log('gateway')}"
            ) from error


def submit(show: Show, team: str, request: dict[str, Any]) -> str:
    """Submit the request and return the id of its job, which may be a shared one."""
    with client(show.stage, team) as sdk:
        return str(sdk.video_generation.generate(**request).id)


def wait(show: Show, sdk: Any, job_id: str) -> Any:
    """Poll until the job ends, and return it.

    Raises:
        DemoFailed: the job did not complete, or not in time.

    """
    started = time.monotonic()
    while True:
        job = sdk.video_generation.get_generation(job_id=job_id)
        seconds = time.monotonic() - started
        show.terminal.progress(seconds, _EXPECTED, job.status)
        if job.status not in ("pending", "in_progress"):
            break
        if seconds > _TIMEOUT:
            raise DemoFailed(f"{job_id} is still {job.status} after {seconds:.0f} s")
        time.sleep(0.25)
    show.terminal.progress_done()
    if job.status != "completed":
        raise DemoFailed(f"{job_id} ended as {job.status}: {job.error}")
    return job


def save(show: Show, sdk: Any, job_id: str, name: str) -> Path:
    """Download the video of a job into the output folder."""
    path = show.stage.output / name
    path.write_bytes(sdk.video_generation.get_video_content(job_id=job_id).read())
    show.files.append(path)
    return path


def _print_refusal(show: Show, refused: Refusal) -> None:
    show.terminal.fact("the SDK", f"raises {refused.error_type} ({refused.status})")
    show.terminal.fact("message", refused.message)
    if refused.gateway:
        show.terminal.fact("reason", refused.gateway["reason"])
