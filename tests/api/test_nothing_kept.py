"""`retain: false` and ZDR: no byte of a prompt, an image or a video is left behind, anywhere.

Everything that the gateway wrote is searched: database files and their logs, the content folder,
temporary files, its log; on PostgreSQL also the server's data folder.
"""

import asyncio
import base64
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway, StartSandbox
from tests.api.public.test_downloads import download
from tests.fakes.subscriber import answers, subscriber
from tests.harness import Answer, RunningGateway

PROMPT = "the-prompt-nobody-may-keep-4711"
IMAGE = b"the-image-nobody-may-keep-0815"
FILM = b"the-film-nobody-may-keep-2342"
IMAGE_URL = "data:image/png;base64," + base64.b64encode(IMAGE).decode()
RETAINS_NOTHING = {"retain": False}
MARKS = {
    "prompt": PROMPT.encode(),
    "image": IMAGE,
    "image as sent": base64.b64encode(IMAGE),
    "film": FILM,
}

CALLBACK_PATH = "customers-own-secret-path"


@pytest.fixture(autouse=True)
def marked_films(sandbox: Sandbox) -> None:
    mark(sandbox)


def mark(sandbox: Sandbox) -> None:
    """Let its videos be large, and begin with what the tests search for."""
    noise = random.Random(1)

    def make(_job: str, _index: int) -> bytes:
        return b"".join(FILM + noise.randbytes(100_000) for _ in range(30))

    sandbox.films.make = make


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files go where they are searched."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _private(
    folder: Path, mode: str, rivals: Mapping[str, Any] = RETAINS_NOTHING
) -> dict[str, Any]:
    return {
        "content": {"mode": mode, "url": str(folder / "content")},
        "upstreams": {"*": {"zdr": True}},
        "teams": {"rivals": rivals},
    }


async def _submit(gateway: RunningGateway, team: str, **fields: Any) -> Answer:
    return await gateway.submit(
        team=team,
        prompt=PROMPT,
        input_references=[{"type": "image_url", "image_url": {"url": IMAGE_URL}}],
        **fields,
    )


async def _lived(gateway: RunningGateway, team: str, **fields: Any) -> str:
    """A job from its submit to its second download, with a retry and a refusal on the way."""
    answer = await _submit(gateway, team, **fields)
    assert answer.status == 202, answer.body
    job = str(answer.json["id"])
    refused = await _submit(gateway, team, **{**fields, "duration": 999})
    assert refused.status == 400, refused.body
    await gateway.ended(job, team=team)
    first = await download(gateway, job, team=team)
    second = await download(gateway, job, {"Range": "bytes=0-9"}, team=team)
    assert first.body.startswith(FILM)
    assert second.status in (200, 206)
    await asyncio.sleep(0)
    return job


def _kept(gateway: RunningGateway, *folders: Path) -> set[str]:
    """What of the marks is anywhere in these folders or in the log."""
    gateway.lines()  # written out
    texts = [("log", gateway.log.getvalue().encode())]
    texts += [(str(path), data) for folder in folders for path, data in _contents(folder)]
    return {name for name, mark in MARKS.items() for _, data in texts if mark in data}


def _contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            try:
                yield path, path.read_bytes()
            except FileNotFoundError:
                continue


async def _folders(gateway: RunningGateway, folder: Path, url: str) -> list[Path]:
    if url.startswith("sqlite:"):
        return [folder]
    row = await gateway.row("SELECT current_setting('data_directory') AS folder")
    return [folder, Path(row["folder"])]


@pytest.mark.parametrize("mode", ["passthrough", "cache", "archive"])
@pytest.mark.parametrize(
    ("rivals", "fields"),
    [(RETAINS_NOTHING, {}), ({"zdr": "require"}, {}), ({}, {"zdr": True})],
    ids=["retain: false", "zdr: require", "asked for zdr"],
)
async def test_nothing_of_a_private_request_is_left_in_any_mode(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    tmp_path: Path,
    mode: str,
    rivals: dict[str, Any],
    fields: dict[str, Any],
) -> None:
    gateway = await gateways(sandbox, sqlite_url, _private(tmp_path, mode, rivals))

    await _lived(gateway, "rivals", **fields)

    assert _kept(gateway, tmp_path) == set()


async def test_nothing_is_left_in_postgresql_either(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    gateway = await gateways(sandbox, postgres_url, _private(tmp_path, "archive"))

    await _lived(gateway, "rivals")

    folders = await _folders(gateway, tmp_path, postgres_url)
    assert len(folders) == 2
    assert _kept(gateway, *folders) == set()


async def test_nothing_lies_on_the_disk_while_a_private_video_is_downloaded(
    gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str, tmp_path: Path
) -> None:
    sandbox = await sandboxes()
    mark(sandbox)
    gateway = await gateways(sandbox, sqlite_url, _private(tmp_path, "cache"))
    answer = await _submit(gateway, "rivals")
    job = str(answer.json["id"])
    await gateway.ended(job, team="rivals")
    sandbox.faults.next("content", "slow", seconds=1.0)
    client = asyncio.create_task(download(gateway, job, team="rivals"))
    seen: set[str] = set()

    async def done() -> bool:
        seen.update(_kept(gateway, tmp_path))
        return client.done()

    await gateway.until(done)

    assert (await client).body.startswith(FILM)
    assert seen == set()


async def test_the_search_finds_what_is_kept_of_a_request_that_may_be(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Else the tests above would pass with a search that finds nothing."""
    gateway = await gateways(sandbox, sqlite_url, _private(tmp_path, "cache"))

    await _lived(gateway, "growth")

    assert "film" in _kept(gateway, tmp_path)


async def test_no_prompt_and_no_image_is_kept_of_anybody(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Only the video may be: what a job needs to be followed and settled is no prompt."""
    gateway = await gateways(sandbox, sqlite_url, _private(tmp_path, "archive"))

    await _lived(gateway, "growth")

    assert _kept(gateway, tmp_path) <= {"film"}


async def test_a_provider_s_words_and_a_client_s_odd_values_are_not_kept_either(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """They may quote the prompt; whoever waits for the answer hears them all the same."""
    gateway = await gateways(sandbox, sqlite_url, _private(tmp_path, "cache"))
    words = f"This prompt is not allowed: {PROMPT}"
    sandbox.faults.next("submit", "refuse", status=400, message=words)
    sandbox.faults.next("job", "fail", error=words)

    refused = await _submit(gateway, "rivals")
    odd = await gateway.submit(team="rivals", resolution=PROMPT, aspect_ratio=PROMPT)
    failed = await gateway.ended(await gateway.job(team="rivals", prompt=PROMPT), team="rivals")

    assert (refused.status, refused.json["error"]["message"]) == (400, words)
    assert (odd.status, odd.reason) == (400, "unsupported_parameter")
    assert failed["status"] == "failed"
    assert PROMPT not in failed["error"]
    assert _kept(gateway, tmp_path) == set()


@pytest.mark.parametrize("joins", [False, True], ids=["first", "joined"])
async def test_the_path_of_a_callback_is_never_readable_and_its_key_goes_with_the_delivery(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path, joins: bool
) -> None:
    """It is needed until the event has arrived, also after a failed attempt and a restart."""
    config = _private(tmp_path, "passthrough") | {
        "callbacks": {"allow_http": True, "allow_networks": ["127.0.0.2/32"]},
        "delivery": {"retries": ["5s"]},
    }
    gateway = await gateways(sandbox, sqlite_url, config)
    async with subscriber(answers(500), "127.0.0.2") as client:
        url = client.url("127.0.0.2", f"/{CALLBACK_PATH}?token=1")
        fields = {} if joins else {"callback_url": url}
        job = str((await _submit(gateway, "rivals", **fields)).json["id"])
        if joins:
            joined = await _submit(gateway, "rivals", callback_url=url)
            assert joined.json["id"] == job
        stored = await gateway.row("SELECT url FROM subscriptions")
        client.behave = answers(500)
        await gateway.ended(job, team="rivals")
        await gateway.until(lambda: _attempts(gateway, 1))
        client.behave = answers(204)
        await gateway.until(lambda: _attempts(gateway, 2))

        assert f"/{CALLBACK_PATH}?token=1" in client.head
    assert stored["url"].startswith("sealed+http://127.0.0.2:")
    assert CALLBACK_PATH.encode() not in b"".join(data for _, data in _contents(tmp_path))
    assert CALLBACK_PATH not in gateway.log.getvalue()
    assert (await gateway.row("SELECT callback_key FROM jobs"))["callback_key"] is None
    listed = await gateway.get(f"{gateway.admin_url}/admin/v1/deliveries")
    [delivery] = listed.json["data"]
    again = await gateway.call(
        "POST", f"{gateway.admin_url}/admin/v1/deliveries/{delivery['id']}/replay"
    )
    assert delivery["origin"].startswith("http://127.0.0.2:")
    assert (again.status, "was deleted" in again.body.decode()) == (400, True)


async def _attempts(gateway: RunningGateway, number: int) -> bool:
    return len(gateway.told("delivery.attempted")) >= number
