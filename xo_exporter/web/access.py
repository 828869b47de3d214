"""Who may read: basic auth by bcrypt, and the headers of every answer."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import bcrypt
from aiohttp import web

from xo_exporter.errors import ConfigError
from xo_exporter.web.files import FromFiles, stamp_of
from xo_exporter.web.web_config import WebConfig, read_web_config

_VERDICTS: Final = 100  # remembered, so that bcrypt's price is paid once a client
_BCRYPT_BYTES: Final = 72  # bcrypt looks at no more of a password

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebConfigFile:
    """The file of `--web.config.file`, read anew when it has changed.

    Raises ConfigError at once when it can't be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._with_tls: bool | None = None
        self._file = FromFiles("the web configuration", self._read, lambda: stamp_of(path))

    def current(self) -> WebConfig:
        """What the file says now; raises ConfigError for as long as it can't be used."""
        return self._file.current()

    def _read(self) -> WebConfig:
        config = read_web_config(self.path)
        with_tls = config.tls is not None
        if self._with_tls is None:
            self._with_tls = with_tls
        elif self._with_tls != with_tls:
            switched = "on" if with_tls else "off"
            raise ConfigError(
                f"{self.path} switches TLS {switched}, which only a start can do",
                hint="start xo-exporter anew",
            )
        return config


class Access:
    """Applies a web configuration to an application."""

    def __init__(self, file: WebConfigFile) -> None:
        self._file = file
        self._key = secrets.token_bytes(32)
        self._verdicts: OrderedDict[bytes, bool] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self._nobody: dict[int, bytes] = {}

    def apply_to(self, app: web.Application) -> None:
        """Put the checks before every route, and the headers on every answer."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                config = self._file.current()
            except ConfigError:
                return web.Response(status=500, text="Internal Server Error\n")
            if config.users and not await self._is_let_in(request, config):
                return web.Response(
                    status=401, text="Unauthorized\n", headers={"WWW-Authenticate": "Basic"}
                )
            return await handler(request)

        async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
            try:
                response.headers.update(self._file.current().headers)
            except ConfigError:
                return

        app.middlewares.append(check)
        app.on_response_prepare.append(add_headers)

    async def _is_let_in(self, request: web.Request, config: WebConfig) -> bool:
        credentials = _basic_auth(request.headers.get("Authorization", ""))
        if credentials is None:
            return False
        user, password = credentials
        known = config.users.get(user)
        # Nobody by that name costs as much time as a wrong password.
        hashed = known if known is not None else self._nobodys_hash(config)
        parts = b"\0".join(
            hashlib.sha256(part).digest() for part in (user.encode(), hashed, password)
        )
        key = hmac.digest(self._key, parts, "sha256")
        if key not in self._verdicts:
            async with self._one_at_a_time:
                if key not in self._verdicts:
                    self._verdicts[key] = await asyncio.to_thread(_matches, password, hashed)
            while len(self._verdicts) > _VERDICTS:
                self._verdicts.popitem(last=False)
        return self._verdicts.get(key, False) and known is not None

    def _nobodys_hash(self, config: WebConfig) -> bytes:
        rounds = int(next(iter(config.users.values())).split(b"$")[2])
        if rounds not in self._nobody:
            salt = bcrypt.gensalt(rounds)
            self._nobody[rounds] = salt + b"." * 31
        return self._nobody[rounds]


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:_BCRYPT_BYTES], hashed)
    except ValueError:
        return False


def _basic_auth(header: str) -> tuple[str, bytes] | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
