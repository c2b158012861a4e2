"""Talking to the running gateway's admin API, or finding that none runs."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from gateway.adapters.admin_token import NoAdminToken, read_token, token_path
from gateway.config.schema import Config
from gateway.domain.errors import GatewayError

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=2)
_PAGE = 500  # rows asked for at once


class AdminRefused(GatewayError):
    """The running gateway said no; its words are for the operator."""


class NoGateway(GatewayError):
    """Nothing answers at `server.admin_listen`."""


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
        """One call; the answer's JSON.

        Raises:
            NoGateway: nobody listens there.
            AdminRefused: the gateway answered with an error.

        """
        return asyncio.run(self._call(method, path, body))

    def rows(self, path: str, query: Mapping[str, str], limit: int) -> list[dict[str, Any]]:
        """Page after page of a listing, until there are `limit` rows or no more.

        Raises:
            NoGateway, AdminRefused: as `call`.

        """
        rows: list[dict[str, Any]] = []
        asked = dict(query)
        while len(rows) < limit:
            asked["limit"] = str(min(_PAGE, limit - len(rows)))
            page = self.call("GET", f"{path}?{urlencode(asked)}")
            rows += page["data"]
            if "next" not in page:
                break
            asked["cursor"] = page["next"]
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
            raise NoGateway(f"no gateway answers at {self._base}") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise AdminRefused(
                f"the gateway at {self._base} gave no usable answer: {type(error).__name__}"
            ) from None
        if response.status >= 400:
            raise AdminRefused(str(answer.get("error", {}).get("message", answer)))
        return answer
