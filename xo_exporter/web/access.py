"""Who may read: basic auth by bcrypt, and the headers of every answer."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from xo_exporter.errors import ConfigError
from xo_exporter.web.files import FromFiles, stamp_of
from xo_exporter.web.passwords import Passwords, TooManyAtOnce
from xo_exporter.web.web_config import WebConfig, read_web_config

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
        self._passwords = Passwords()

    def apply_to(self, app: web.Application) -> None:
        """Put the checks before every route, and the headers on every answer."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                config = self._file.current()
            except ConfigError:
                return web.Response(status=500, text="Internal Server Error\n")
            try:
                is_let_in = not config.users or await self._is_let_in(request, config)
            except TooManyAtOnce:
                return web.Response(
                    status=503, text="Service Unavailable\n", headers={"Retry-After": "1"}
                )
            if not is_let_in:
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
        app.on_cleanup.append(self._close)

    async def _is_let_in(self, request: web.Request, config: WebConfig) -> bool:
        credentials = _basic_auth(request.headers.get("Authorization", ""))
        if credentials is None:
            return False
        user, password = credentials
        return await self._passwords.is_right(config.users, user, password, request.remote or "")

    async def _close(self, _app: web.Application) -> None:
        await self._passwords.close()


def _basic_auth(header: str) -> tuple[str, bytes] | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
