"""The scenes, in order. Each does what a client does, says what came of it, and checks it.

A new scene is a function of a Show, and an entry in SCENES.
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
from gateway.cli.demo.film import watch
from gateway.cli.demo.http import call
from gateway.cli.demo.stage import Stage, until
from gateway.cli.demo.terminal import Terminal

MODEL = "x-ai/grok-imagine-video"
FOX = {"model": MODEL, "prompt": "A fox crosses a frozen lake", "duration": 4, "resolution": "480p"}
OWL = {"model": MODEL, "prompt": "An owl over wet roofs", "duration": 2, "resolution": "480p"}

_PATIENCE = 30.0  # seconds for a job; one takes about four
_USUAL = 4.5


@dataclass(slots=True)
class Show:
    """What the scenes share: the stage, the terminal, and what was made so far."""

    stage: Stage
    terminal: Terminal
    jobs: dict[str, Any] = field(default_factory=dict)  # what for -> the SDK's last answer
    files: list[Path] = field(default_factory=list)

    def check(self, holds: bool, words: str) -> None:
        """Say that it holds.

        Raises:
            DemoFailed: it does not.

        """
        if not holds:
            raise DemoFailed(f"this should hold and does not: {words}")
        self.terminal.proved(words)


def models(show: Show) -> None:
    """What can be asked for."""
    show.terminal.scene("List the models")
    with client(show.stage, "studio") as sdk:
        listed = sdk.video_generation.list_videos_models().data
    grok = {model.id: model for model in listed}[MODEL]
    show.terminal.fact("models", len(listed))
    show.terminal.fact(MODEL, "")
    show.terminal.fact("  prices", grok.pricing_skus)
    show.check(len(listed) > 20, "the catalog came through the gateway")


def video(show: Show) -> None:
    """Submit, poll, download."""
    show.terminal.scene("Submit, poll, download: the official SDK with another base URL and key")
    with client(show.stage, "studio") as sdk:
        begun = time.monotonic()
        job = sdk.video_generation.generate(**FOX)
        show.terminal.fact("job", f"{job.id}  ({time.monotonic() - begun:.2f} s to submit)")
        done = wait(show, sdk, job.id)
        path = save(show, sdk, job.id, "fox.mp4")
    show.jobs["fox"] = done
    film = watch(path)
    show.terminal.fact("cost", f"{done.usage.cost} USD")
    show.terminal.fact("file", f"{path}  ({film})")
    show.check(film.seconds >= 3.5, "the file plays, frame by frame, and is as long as ordered")
    link = call("GET", done.unsigned_urls[0])
    show.check(
        link.status == 200 and link.body == path.read_bytes(),
        "its signed link gives the same bytes to somebody who has no key",
    )


def shared(show: Show) -> None:
    """Two clients, one paid generation, in flight and after."""
    show.terminal.scene("The same request twice at once, and again afterwards: paid once")
    before = show.stage.submits()
    with ThreadPoolExecutor(2) as pool:
        ids = list(pool.map(lambda _: submit(show, "studio", OWL), range(2)))
    show.terminal.fact("client one", ids[0])
    show.terminal.fact("client two", ids[1])
    show.check(ids[0] == ids[1], "two clients at the same moment hold one job")
    with client(show.stage, "studio") as sdk:
        show.jobs["owl"] = wait(show, sdk, ids[0])
        path = save(show, sdk, ids[0], "owl.mp4")
    show.terminal.fact("file", f"{path}  ({watch(path)})")
    show.check(
        submit(show, "studio", OWL) == ids[0], "asked again when it is done: the same job, at once"
    )
    show.check(show.stage.submits() == before + 1, "the upstream was asked, and paid, exactly once")


def stays(show: Show) -> None:
    """What was downloaded once is here, whatever the upstream keeps."""
    show.terminal.scene("The upstream drops the video; the gateway still has it")
    gone = {"on": "content", "action": "refuse", "status": 410, "times": 5}
    call("POST", f"{show.stage.sandbox}/sandbox/v1/faults", body=gone)
    with client(show.stage, "studio") as sdk:
        path = save(show, sdk, show.jobs["fox"].id, "fox-again.mp4")
    call("DELETE", f"{show.stage.sandbox}/sandbox/v1/faults")
    show.terminal.fact("file", f"{path}  ({watch(path)})")
    same = path.read_bytes() == (show.stage.output / "fox.mp4").read_bytes()
    show.check(same, "the same bytes, from the gateway's own store")
    part = call(
        "GET",
        f"{show.stage.api}/videos/{show.jobs['fox'].id}/content",
        key=show.stage.keys["studio"],
        headers={"Range": "bytes=0-99"},
    )
    show.check(part.status == 206 and len(part.body) == 100, "a player may ask for a part of it")


def webhook(show: Show) -> None:
    """What happened is told to who wants to know."""
    show.terminal.scene("Who subscribed was told, and can be sure by whom")
    job, subscriber = show.jobs["fox"], show.stage.subscriber
    until(lambda: bool(subscriber.about(job.id)), _PATIENCE)
    told = subscriber.about(job.id)
    for delivery in told:
        data = delivery.event["data"]
        show.terminal.fact("event", delivery.event["type"])
        show.terminal.fact("about", f"{data['id']}, {data['usage']['cost']} USD")
        show.terminal.fact("key", delivery.idempotency_key)
    show.check(len(told) == 1 and told[0].signed, "one event for one job, its signature holds")
    show.check(
        all(url.startswith(show.stage.gateway) for url in told[0].event["data"]["unsigned_urls"]),
        "its links lead to the gateway",
    )


def metrics(show: Show) -> None:
    """What operators see of all that."""
    show.terminal.scene("The metrics that moved")
    now = show.stage.metrics()
    for name in sorted(now):
        if re.match(_MOVED, name) and now[name]:
            show.terminal.fact(f"{now[name]:g}", name.removeprefix("video_gateway_"))
    saved = sum(value for name, value in now.items() if name.startswith(_SAVED))
    show.check(saved > 0, "what sharing saved is counted in dollars")


_SAVED = "video_gateway_dedupe_saved_dollars_total"
_MOVED = (
    r"video_gateway_(jobs_ended_total|decisions_total|dedupe_total|dedupe_saved_dollars_total"
    r"|budget_(spent|reserved)_dollars)\{"
)


def mistakes(show: Show) -> None:
    """Three mistakes, told at once."""
    show.terminal.scene("A request with three mistakes, refused before a cent is spent")
    before = show.stage.submits()
    wrong = {**FOX, "duration": 99, "resolution": "4K", "aspect_ratio": "21:9"}
    said = refusal(show.stage, "studio", wrong)
    _tell(show, said)
    violations = said.gateway["violations"]
    for violation in violations:
        near = violation.get("nearest")
        show.terminal.fact(violation["field"], f"{violation['value']} -> nearest allowed: {near}")
    show.check(said.status == 400 and len(violations) == 3, "all three are named in one answer")
    show.check(show.stage.submits() == before, "nothing reached the upstream")


def upstream_refuses(show: Show) -> None:
    """What only the upstream can know."""
    show.terminal.scene("A request that the upstream refuses: its words, and no debt")
    said = refusal(show.stage, "studio", {**FOX, "previous_job_id": show.jobs["fox"].id})
    _tell(show, said)
    show.check(said.status == 400 and not said.gateway, "the refusal is relayed as it came")


def budget(show: Show) -> None:
    """A dollar is a dollar."""
    show.terminal.scene("A budget that runs out: team newsroom has 1 USD")
    before = show.stage.submits()
    with client(show.stage, "newsroom") as sdk:
        first = submit(show, "newsroom", _news(8))
        show.terminal.fact("8 s", first)
        wait(show, sdk, first)
    show.terminal.fact("9 s", submit(show, "newsroom", _news(9)))
    said = refusal(show.stage, "newsroom", _news(10))
    _tell(show, said)
    told = said.gateway
    for name in ("limit", "spent", "reserved", "estimate", "would_fit"):
        show.terminal.fact(name, f"{told[f'{name}_usd']} USD")
    show.check(said.status == 402 and told["reason"] == "budget_exceeded", "402 with its numbers")
    show.check(show.stage.submits() == before + 2, "only what fitted reached the upstream")


def _news(seconds: int) -> dict[str, Any]:
    return {**FOX, "prompt": f"Evening news, {seconds} seconds", "duration": seconds}


def zero_retention(show: Show) -> None:
    """Zero data retention fails closed."""
    show.terminal.scene("Team clinic requires zero data retention, which no upstream here promises")
    before = show.stage.submits()
    said = refusal(show.stage, "clinic", FOX)
    _tell(show, said)
    show.check(
        said.status == 404 and said.gateway["reason"] == "zdr_unavailable",
        "404 in OpenRouter's words, with what asked for it",
    )
    show.check(show.stage.submits() == before, "nothing left the gateway")


def dry_run(show: Show) -> None:
    """Ask first."""
    show.terminal.scene("A dry run: what would it cost, and would it be taken?")
    before = show.stage.submits()
    answer = call(
        "POST",
        f"{show.stage.api}/videos",
        key=show.stage.keys["newsroom"],
        body=_news(15),
        headers={"X-Gateway-Dry-Run": "true"},
    )
    told = answer.json
    show.terminal.fact("outcome", told["outcome"])
    show.terminal.fact("estimate", f"{told['estimated_cost_usd']} USD")
    for line in told["decision"]["estimate"]["lines"]:
        show.terminal.fact("", line)
    for rule in told["refusals"]:
        why = f"{rule['rule']}: {rule['reason']}, {rule['would_fit_usd']} USD would fit"
        show.terminal.fact("refused by", why)
    show.check(answer.status == 200 and told["outcome"] == "refused", "the whole decision is told")
    show.check(show.stage.submits() == before, "nothing was sent, and nothing reserved")


SCENES: tuple[Callable[[Show], None], ...] = (
    models,
    video,
    shared,
    stays,
    webhook,
    mistakes,
    upstream_refuses,
    budget,
    zero_retention,
    dry_run,
    metrics,
)


def play(show: Show) -> None:
    """All scenes, in order.

    Raises:
        DemoFailed: one did not do what it says; the rest is not played.

    """
    for scene in SCENES:
        try:
            scene(show)
        except (OpenRouterError, HTTPError, HTTPException, OSError, LookupError, ValueError) as odd:
            raise DemoFailed(
                f"the scene {scene.__name__!r} met {type(odd).__name__}: {odd};"
                f" see {show.stage.log('gateway')}"
            ) from odd


def submit(show: Show, team: str, request: dict[str, Any]) -> str:
    """The id of the job that the request became, or was given."""
    with client(show.stage, team) as sdk:
        return str(sdk.video_generation.generate(**request).id)


def wait(show: Show, sdk: Any, job_id: str) -> Any:
    """Poll until the job is over.

    Raises:
        DemoFailed: it did not complete, or not in time.

    """
    begun = time.monotonic()
    while True:
        job = sdk.video_generation.get_generation(job_id=job_id)
        seconds = time.monotonic() - begun
        show.terminal.progress(seconds, _USUAL, job.status)
        if job.status not in ("pending", "in_progress"):
            break
        if seconds > _PATIENCE:
            raise DemoFailed(f"{job_id} is still {job.status} after {seconds:.0f} s")
        time.sleep(0.25)
    show.terminal.progress_done()
    if job.status != "completed":
        raise DemoFailed(f"{job_id} ended as {job.status}: {job.error}")
    return job


def save(show: Show, sdk: Any, job_id: str, name: str) -> Path:
    """Download the video of a job."""
    path = show.stage.output / name
    path.write_bytes(sdk.video_generation.get_video_content(job_id=job_id).read())
    show.files.append(path)
    return path


def _tell(show: Show, said: Refusal) -> None:
    show.terminal.fact("the SDK", f"raises {said.kind} ({said.status})")
    show.terminal.fact("message", said.message)
    if said.gateway:
        show.terminal.fact("reason", said.gateway["reason"])
