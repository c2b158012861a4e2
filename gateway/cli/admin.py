"""Client of the running gateway's admin API."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from gateway.adapters.admin_token import NoAdminToken, read_token, token_path
from gateway.config.schema import Config
from gateway.domain.errors import GatewayError

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=2)
_PAGE = 500  # rows per request


class AdminError(GatewayError):
    """The admin API answered with an error; the message is the gateway's own."""


class GatewayNotRunning(GatewayError):
    """No gateway listens at `server.admin_listen`."""


class AdminApi:
    """The admin API of the gateway that this configuration describes."""

    def __init__(self, config: Config, token: str | None) -> None:
        """`token`: a bearer token of `admin.tokens`; None: the one that the gateway generated."""
        listen = config.server.admin_listen
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{listen.port}/admin/v1"
        self._config = config
        self._token = token

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one request and return the JSON of the response.

        Raises:
            GatewayNotRunning: nothing listens at that address.
            AdminError: the response is an error or not JSON, or did not arrive in time.

        """
        return asyncio.run(self._call(method, path, body))

    def rows(
        self, path: str, query: Mapping[str, str], limit: int, *, page_size: int = _PAGE
    ) -> list[dict[str, Any]]:
        """Fetch the pages of a list until there are `limit` rows or no more pages.

        Raises:
            GatewayNotRunning, AdminError: as `call`.

        """
        rows: list[dict[str, Any]] = []
        parameters = dict(query)
        while len(rows) < limit:
            parameters["limit"] = str(min(page_size, limit - len(rows)))
            page = self.call("GET", f"{path}?{urlencode(parameters)}")
            rows += page["data"]
            if "next" not in page:
                break
            parameters["cursor"] = page["next"]
        return rows

    def _headers(self) -> dict[str, str]:
        token = self._token
        if token is None and not self._config.admin.tokens:
            try:
                token = read_token(token_path(self._config))
            except NoAdminToken:  # the gateway's answer says how to get one
                return {}
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers()) as session,
                session.request(method, f"{self._base}{path}", json=body) as response,
            ):
                answer = await response.json(content_type=None)
        except aiohttp.ClientConnectorError:
            raise GatewayNotRunning(f"no gateway is running at {self._base}") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise AdminError(
                f"request to the gateway at {self._base} failed: {type(error).__name__}"
            ) from None
        if response.status >= 400:
            raise AdminError(str(answer.get("error", {}).get("message", answer)))
        return answer
