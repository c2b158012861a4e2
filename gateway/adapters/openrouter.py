"""An OpenRouter-shaped upstream over HTTP (docs/openrouter-contract.md)."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from urllib.parse import quote

import aiohttp
from yarl import URL

from gateway.adapters.redirects import (
    MOST_REDIRECTS,
    PublicDownloads,
    redirect_target,
    same_origin,
)
from gateway.domain.content import ByteRange, OutOfRange, RangeRequest, parse_content_range
from gateway.domain.delivery import parse_retry_after
from gateway.domain.job import JobUpdate
from gateway.domain.submit_verdict import read_models, read_submit
from gateway.domain.upstream import (
    Accepted,
    CatalogFailed,
    CatalogOutcome,
    ContentFailed,
    Declined,
    Missing,
    NotSent,
    PollOutcome,
    SubmitOutcome,
    Unanswered,
    Unclear,
    is_openrouters_own,
    masked,
    parse_answer,
    read_poll,
)
from gateway.ports import Clock
from gateway.services.off_loop import OffLoop
from gateway.telemetry.bundle import Telemetry

_MAX_ANSWER = 1 << 20  # bytes of JSON in the answer to a submit or a poll
_MAX_CATALOG = 16 << 20
_LARGE = 64 * 1024  # bytes of an answer from which parsing would block other requests
_PIECE = 64 * 1024  # bytes of a submit's body written at a time
_CHUNK = 256 * 1024  # bytes of video in one chunk: 20 downloads need 5 MB
_MODELS_TIMEOUT = 30.0
_IDLE = 2.0  # seconds that an idle connection is used for a submit; servers keep it for 5 s

# aiohttp raises these before a byte of the request is written: DNS, refused, TLS, connect timeout.
_BEFORE_SENDING = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class OpenRouter:
    """One upstream with its own key, timeouts and connections."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        connect: float,
        poll: float,
        content_idle: float,
        public: PublicDownloads,
        clock: Clock,
        telemetry: Telemetry,
        off_loop: OffLoop,
    ) -> None:
        """Create it inside a running loop, and `close` it. Times are in seconds.

        `public` opens the target of a video's redirect, `off_loop` parses large answers.
        """
        self._off_loop = off_loop
        self._name = name
        self._api_key = api_key
        self._base = base_url.rstrip("/")
        self._poll_timeout = poll
        self._connect = connect
        self._content_idle = content_idle
        self._public = public
        self._clock = clock
        self._telemetry = telemetry
        headers = {"Authorization": f"Bearer {api_key}", "User-Agent": "video-gateway"}
        # A server that has just closed an idle connection looks like one that
        # took the job and crashed, so a longer idle connection is not used for a submit.
        self._submits = _session(headers, aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE))
        self._reads = _session(headers, aiohttp.TCPConnector(limit=0))

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    async def close(self) -> None:
        """Close every connection."""
        await self._submits.close()
        await self._reads.close()

    async def submit(
        self, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> SubmitOutcome:
        """Send one submit, once; return the outcome, also of failures."""
        with self._timed("submit") as call:
            outcome = await self._submit(body, headers, timeout)
            call.outcome = outcome_word(outcome)
            if isinstance(outcome, Declined):
                kind = REFUSALS.get(outcome.status, "other")
                self._telemetry.metrics.upstream_refused(self._name, kind)
            return outcome

    async def _submit(
        self, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> SubmitOutcome:
        written = _Pieces(body)
        try:
            async with self._submits.post(
                f"{self._base}/videos",
                data=written,
                headers={
                    **headers,
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                },
                timeout=aiohttp.ClientTimeout(total=timeout, connect=min(self._connect, timeout)),
                allow_redirects=False,
            ) as response:
                answer = await _read_what_came(response)
                if len(answer) <= _LARGE:
                    return self._verdict(response, answer)
                return await self._off_loop.run(lambda: self._verdict(response, answer))
        except _BEFORE_SENDING as error:
            return NotSent(_why(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unclear(_why(error)) if written.whole else NotSent(_why(error))

    def _verdict(self, response: aiohttp.ClientResponse, answer: bytes) -> SubmitOutcome:
        retry_after = parse_retry_after(response.headers.get("Retry-After"), self._clock.now())
        outcome = read_submit(
            response.status, answer, retry_after, location=response.headers.get("Location")
        )
        if isinstance(outcome, Declined):
            # An upstream may quote the key that it rejects.
            return replace(outcome, error=masked(outcome.error, {self._api_key: "..."}))
        return outcome

    async def poll(self, upstream_id: str) -> PollOutcome:
        """Poll a job."""
        with self._timed("poll") as call:
            outcome = await self._poll(upstream_id)
            call.outcome = outcome_word(outcome)
            return outcome

    async def _poll(self, upstream_id: str) -> PollOutcome:
        try:
            async with self._reads.get(
                self._job_url(upstream_id),
                timeout=self._timeout(self._poll_timeout),
                allow_redirects=False,
            ) as response:
                return await self._read_poll(response.status, await _read(response, _MAX_ANSWER))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unanswered(_why(error))

    async def _read_poll(self, status: int, answer: bytes) -> PollOutcome:
        """Parse the answer to a poll; a large one in a thread, so that no request waits."""
        if len(answer) <= _LARGE:
            return read_poll(status, answer)
        return await self._off_loop.run(lambda: read_poll(status, answer))

    @asynccontextmanager
    async def content(
        self, upstream_id: str, index: int, wanted: RangeRequest | None = None
    ) -> AsyncIterator["_Stream"]:
        """Open one output for reading, with a limit on idle time and none on the total.

        Redirects are followed to the upstream's own origin, or to a public address over https. If
        the upstream ignores the range or returns another one, the whole output is read.

        Raises:
            ContentFailed: on entering, if the upstream does not return the output.
            OutOfRange: on entering, if the output has no byte of the wanted range.

        """
        url = str(self._job_url(upstream_id, f"/content?index={index}"))
        with self._timed("content") as call:
            async with AsyncExitStack() as stack:
                try:
                    response = await self._open_content(url, wanted, stack)
                    if response.status == 206 and not _answers(response, wanted):
                        response.close()
                        wanted = None
                        response = await self._open_content(url, None, stack)
                    if wanted is not None and response.status == 416:
                        call.outcome = "ok"
                        raise OutOfRange(_stated_size(response))
                    if response.status != (206 if _answers(response, wanted) else 200):
                        call.outcome = "gone" if response.status in (404, 410) else "error"
                        raise await _content_refused(response)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    raise ContentFailed(_why(error)) from error
                call.outcome = "ok"  # a reader that stops early is not a failure of the upstream
                try:
                    yield _Stream(response)
                except ContentFailed:
                    call.outcome = "error"
                    raise

    async def _open_content(
        self, url: str, wanted: RangeRequest | None, stack: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        # A range of a compressed body would contain other bytes.
        headers = {"Accept-Encoding": "identity"}
        if wanted is not None:
            headers["Range"] = wanted.header
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect, sock_read=self._content_idle
        )
        for _ in range(MOST_REDIRECTS + 1):
            if same_origin(url, self._base):
                response = await stack.enter_async_context(
                    self._reads.get(
                        URL(url, encoded=True),
                        headers=headers,
                        timeout=timeout,
                        allow_redirects=False,
                    )
                )
            else:
                response = await self._public.get(url, headers, timeout, stack)
            target = redirect_target(response, url)
            if target is None:
                return response
            url = target
        raise ContentFailed(f"more than {MOST_REDIRECTS} redirects")

    async def models(self) -> CatalogOutcome:
        """Return the catalog's entries as listed, or why they can't be fetched."""
        with self._timed("models") as call:
            try:
                async with self._reads.get(
                    f"{self._base}/videos/models",
                    timeout=self._timeout(_MODELS_TIMEOUT),
                    allow_redirects=False,
                ) as response:
                    outcome = read_models(
                        response.status,
                        await _read(response, _MAX_CATALOG),
                        location=response.headers.get("Location"),
                    )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                return CatalogFailed(_why(error))
            if not isinstance(outcome, CatalogFailed):
                call.outcome = "ok"
            return outcome

    def _job_url(self, upstream_id: str, rest: str = "") -> URL:
        """Return an upstream's id, which is opaque, as one path segment."""
        return URL(f"{self._base}/videos/{quote(upstream_id, safe='')}{rest}", encoded=True)

    def _timeout(self, total: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=total, connect=min(self._connect, total))

    def _timed(self, operation: str) -> "_Call":
        return _Call(self._clock, self._telemetry, self._name, operation)


class _Pieces:
    """A body written in pieces, so that a large one does not block other requests."""

    def __init__(self, body: bytes) -> None:
        self.whole = False
        """Whether the last piece was handed over: the upstream may then have all of it."""
        self._body = memoryview(body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), _PIECE):
            self.whole = start + _PIECE >= len(self._body)
            yield bytes(self._body[start : start + _PIECE])


class _Call:
    """Measures one call, also as a span; its outcome is `error` until it is set."""

    def __init__(self, clock: Clock, telemetry: Telemetry, upstream: str, operation: str) -> None:
        self.outcome = "error"
        self._clock = clock
        self._telemetry = telemetry
        self._upstream = upstream
        self._operation = operation
        self._start = clock.monotonic()
        self._opened = ExitStack()

    def __enter__(self) -> "_Call":
        self._span = self._opened.enter_context(
            self._telemetry.tracer.span(
                f"upstream.{self._operation}",
                kind="client",
                attributes={"upstream": self._upstream},
            )
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._span.set(outcome=self.outcome)
        if self.outcome in _FAILURES:
            self._span.fail(self.outcome)
        self._opened.__exit__(kind, error, trace)
        seconds = self._clock.monotonic() - self._start
        self._telemetry.metrics.upstream_call(
            self._upstream, self._operation, self.outcome, seconds
        )


class _Stream:
    """The body of an answer, in bounded chunks."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def content_type(self) -> str:
        return self._response.headers.get("Content-Type", "video/mp4")

    @property
    def size(self) -> int | None:
        if self._response.status == 206:
            return _stated_size(self._response)
        encoded = self._response.headers.get("Content-Encoding", "identity") != "identity"
        return None if encoded else self._response.content_length

    @property
    def part(self) -> ByteRange | None:
        if self._response.status != 206:
            return None
        stated = parse_content_range(self._response.headers.get("Content-Range"))
        return None if stated is None else stated[0]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_chunked(_CHUNK):
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ContentFailed(_why(error)) from error


_FAILURES = frozenset({"error", "not_sent", "unknown"})  # a refusal is not a failure

REFUSALS = {
    400: "invalid",
    401: "credentials",
    402: "credits",
    403: "forbidden",
    404: "not_found",
    413: "too_large",
    422: "invalid",
    429: "rate_limited",
    503: "unavailable",
}


def _session(headers: Mapping[str, str], connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        trust_env=False,  # a proxy of the environment would receive the key
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=_CHUNK,
    )


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return at most `limit` bytes of the answer; a longer one is cut and is not valid JSON."""
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(64 * 1024):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            response.close()
            break
    return b"".join(parts)[:limit]


def _answers(response: aiohttp.ClientResponse, wanted: RangeRequest | None) -> bool:
    """Return whether the response is the wanted range, or a beginning of it."""
    stated = parse_content_range(response.headers.get("Content-Range"))
    if wanted is None or stated is None or response.status != 206:
        return False
    if "Content-Encoding" in response.headers:
        return False
    part, size = stated
    try:
        asked = wanted.within(size)
    except OutOfRange:
        return False
    told = response.content_length
    return part.start == asked.start and part.stop <= asked.stop and told in (None, part.length)


_UNSATISFIED = re.compile(r"bytes (?:\*|[0-9]+-[0-9]+)/([0-9]{1,18})", re.ASCII)


def _stated_size(response: aiohttp.ClientResponse) -> int | None:
    """Return the whole size in the `Content-Range` of a 206 or 416."""
    match = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", "").strip())
    return None if match is None else int(match[1])


async def _content_refused(response: aiohttp.ClientResponse) -> ContentFailed:
    own = False
    if response.status == 404:
        answer = await _read_what_came(response)
        own = is_openrouters_own(response.status, parse_answer(answer))
    return ContentFailed(f"status {response.status}", status=response.status, own=own)


async def _read_what_came(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer; empty if it is truncated, so that only the status counts."""
    try:
        return await _read(response, _MAX_ANSWER)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return b""


def _why(error: BaseException) -> str:
    """Return the kind of a network error, without the URL, which may contain a token."""
    return type(error).__name__


def outcome_word(outcome: SubmitOutcome | PollOutcome) -> str:
    """Return the value of the metrics' `outcome` label."""
    words: dict[type, str] = {
        Accepted: "ok",
        JobUpdate: "ok",
        Declined: "refused",
        NotSent: "not_sent",
        Unclear: "unknown",
        Missing: "missing",
        Unanswered: "error",
    }
    return words[type(outcome)]
