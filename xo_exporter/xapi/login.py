"""Logging in: the pool's addresses in turn, and on to the master where a member answers."""

import asyncio
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import XenAPI

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import (
    BadAnswer,
    HostIsSlave,
    LoginRefused,
    PoolError,
    TlsRefused,
    TooLate,
    Unreachable,
)
from xo_exporter.xapi import tls, transport
from xo_exporter.xapi.addresses import Target, target_of
from xo_exporter.xapi.blocking import in_thread
from xo_exporter.xapi.session import Session

_API_VERSION: Final = "1.0"  # what clients send; XAPI does not look at it
_MAX_REDIRECTS: Final = 3
_SHARES: Final = 3  # the time is shared by so many addresses at most, or none had enough
_GRACE: Final = 5.0
"""Seconds that an abandoned log-in has to come to its end and log itself out."""


async def log_in(
    pool: PoolConfig,
    *,
    deadline: float,
    hostnames: Mapping[str, str],
    learnt: Sequence[str] = (),
    avoid: Collection[Url] = (),
) -> Session:
    """A session on the master of `pool`, by `deadline` (of time.monotonic).

    The `url`, the `members` and the `learnt` addresses are tried in turn, those to `avoid`
    last, until one takes the connection. `hostnames` maps the addresses of hosts known from an
    earlier reading to their hostnames, for certificates that name those. The password, CA and
    certificate files are read now.

    Raises LoginRefused at once where the log-in itself is refused, else the error of the first
    address that was tried.
    """
    password = pool.read_password()
    targets = [Target(url) for url in (pool.url, *pool.members)]
    for address in learnt:
        target = target_of(pool.url, pool.members, address, hostnames.get(address, ""))
        if all(target.url != known.url for known in targets):
            targets.append(target)
    targets.sort(key=lambda target: target.url in avoid)
    errors: list[PoolError] = []
    for position, target in enumerate(targets):
        ways_left = min(len(targets) - position, _SHARES)
        attempt = _Attempt(pool, password, hostnames, deadline)
        try:
            return await attempt.within((deadline - time.monotonic()) / ways_left, target)
        except LoginRefused:
            raise
        except (Unreachable, TooLate, TlsRefused, BadAnswer) as error:
            errors.append(error)
    raise errors[0]


class _Attempt:
    """A log-in by one of the pool's addresses, and on to the master from there."""

    def __init__(
        self, pool: PoolConfig, password: Secret, hostnames: Mapping[str, str], deadline: float
    ) -> None:
        self._pool = pool
        self._password = password
        self._hostnames = hostnames
        self._deadline = deadline
        self._transport: transport.PoolTransport | None = None

    async def within(self, seconds: float, target: Target) -> Session:
        """The session, if somebody takes the connection within `seconds`.

        A log-in that is under way is waited for until the deadline: a server takes its time to
        refuse one, and asking another meanwhile would be a second try of the same password.
        """
        task = asyncio.create_task(self._log_in_or_follow(target))
        try:
            await asyncio.wait({task}, timeout=max(seconds, 0))
            if not task.done() and self._transport is not None and self._transport.connected:
                await asyncio.wait({task}, timeout=max(self._deadline - time.monotonic(), 0))
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            raise TooLate(f"{target.url} did not answer the log-in in time")
        return task.result()

    async def _log_in_or_follow(self, target: Target) -> Session:
        asked = {target.url}
        for _ in range(_MAX_REDIRECTS):
            try:
                return await self._log_in_at(target)
            except HostIsSlave as slave:
                if not slave.master:
                    raise
                hostname = self._hostnames.get(slave.master, "")
                master = target_of(self._pool.url, self._pool.members, slave.master, hostname)
                if master.url in asked:
                    raise BadAnswer(
                        f"{target.url} says that {slave.master} is the master, and that one "
                        "says it is none",
                        hint="the pool may be changing its master; this mends itself",
                    ) from slave
                asked.add(master.url)
                target = master
        raise BadAnswer(f"{self._pool.url} leads from member to member, and to no master")

    async def _log_in_at(self, target: Target) -> Session:
        try:
            return await self._ask(target, certificate_name=None)
        except TlsRefused as refused:
            if target.hostname is None or not tls.is_wrong_name(refused.__cause__ or refused):
                raise
            return await self._ask(target, certificate_name=target.hostname)

    async def _ask(self, target: Target, *, certificate_name: str | None) -> Session:
        context = tls.client_context(self._pool.tls) if target.url.scheme == "https" else None
        http = transport.PoolTransport(context, certificate_name=certificate_name)
        http.deadline = self._deadline
        self._transport = http
        where = str(target.url)
        xenapi = XenAPI.Session(where, transport=http)
        abandoned = threading.Event()
        credentials = (self._pool.username, self._password.reveal())

        def run() -> str:
            arguments = (*credentials, _API_VERSION, transport.ORIGINATOR)
            transport.call(lambda: xenapi.login_with_password(*arguments), where)
            # Without these XenAPI does not log in again by itself, nor keep the password.
            xenapi.last_login_method, xenapi.last_login_params = "", None
            if abandoned.is_set():
                http.deadline = time.monotonic() + _GRACE
                transport.call(xenapi.xenapi.session.logout, where)
            return str(xenapi.handle)

        def abandon() -> None:
            abandoned.set()
            timer = threading.Timer(_GRACE, http.abort)
            timer.daemon = True
            timer.start()

        try:
            ref = await in_thread(run, abandon=abandon)
        except PoolError:
            http.close()
            raise
        return Session(target, ref, context=context, xenapi=xenapi, xenapi_transport=http)
