"""Logging in: the pool's addresses in turn, and on to the master where a member answers."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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
)
from xo_exporter.xapi import tls, transport
from xo_exporter.xapi.addresses import Target, hostname_of, target_of
from xo_exporter.xapi.blocking import in_thread
from xo_exporter.xapi.login_call import LogInCall
from xo_exporter.xapi.records import NULL_REF
from xo_exporter.xapi.session import Session

_MAX_REDIRECTS: Final = 3
_SHARES: Final = 3  # the time is shared by so many addresses at most, or none had enough
_LOG_OUT_TIMEOUT: Final = 1.0

Accept = Callable[[Session], Awaitable[None]]


async def log_in(
    pool: PoolConfig,
    *,
    deadline: float,
    hostnames: Mapping[str, str],
    learnt: Sequence[str] = (),
    avoid: Collection[Url] = (),
    accept: Accept | None = None,
) -> Session:
    """A session on the master of `pool`, by `deadline` (of time.monotonic).

    The `url`, the `members` and the `learnt` addresses are tried in turn, those to `avoid`
    last, until one answers. `hostnames` maps the addresses of hosts known from an earlier
    reading to their hostnames, for certificates that name those. The password, CA and
    certificate files are read now. A session is shown to `accept`, which raises PoolError where
    it is none of this pool: then it is logged out, and the next address tried. Where the `url`
    is the only address, what it leads to is the pool.

    Raises LoginRefused at once where the log-in itself is refused, else the error of the first
    address that was tried; ConfigError where the password file can't be read.
    """
    attempt = _Attempt(pool, pool.read_password(), hostnames, deadline)
    errors: list[PoolError] = []
    targets = _targets(pool, hostnames, learnt, avoid)
    for position, target in enumerate(targets):
        ways_left = min(len(targets) - position, _SHARES)
        try:
            session = await attempt.at(target, ways_left)
            if accept is not None and (len(targets) > 1 or target.url != pool.url):
                await _shown(session, accept, deadline)
        except LoginRefused:
            raise
        except PoolError as error:
            errors.append(error)
        else:
            return session
        if time.monotonic() >= deadline:
            break
    raise errors[0]


def _targets(
    pool: PoolConfig, hostnames: Mapping[str, str], learnt: Sequence[str], avoid: Collection[Url]
) -> list[Target]:
    targets = [Target(url) for url in (pool.url, *pool.members)]
    for address in learnt:
        target = target_of(pool.url, pool.members, address, hostname_of(address, hostnames))
        if target.url.host and all(target.url != known.url for known in targets):
            targets.append(target)
    return sorted(targets, key=lambda target: target.url in avoid)


async def _shown(session: Session, accept: Accept, deadline: float) -> None:
    """Let `accept` look at the session; where it does not end well, log out."""
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            await accept(session)
    except BaseException as error:
        leaving = asyncio.create_task(_leave(session))
        try:
            await asyncio.wait({leaving})
        except asyncio.CancelledError:
            await asyncio.wait({leaving})
            raise
        if isinstance(error, TimeoutError):
            raise TooLate(f"{session.target.url} did not answer in time") from error
        raise


async def _leave(session: Session) -> None:
    with contextlib.suppress(PoolError, TimeoutError):
        async with asyncio.timeout(_LOG_OUT_TIMEOUT):
            await session.log_out()


class _Attempt:
    """The pool's log-in, tried by one of its addresses after the other."""

    def __init__(
        self, pool: PoolConfig, password: Secret, hostnames: Mapping[str, str], deadline: float
    ) -> None:
        self._pool = pool
        self._password = password
        self._hostnames = hostnames
        self._deadline = deadline
        self._failed: dict[Url, PoolError] = {}

    async def at(self, target: Target, ways_left: int) -> Session:
        """The session by way of `target`, or of the master that it names.

        A host has its share of the time that is left to answer at all, then all of it to answer
        the log-in: a server takes its time to refuse one, and asking another one meanwhile
        would be a second try of the same password.
        """
        asked = {target.url}
        for _ in range(_MAX_REDIRECTS):
            try:
                return await self._once_at(target, ways_left)
            except HostIsSlave as slave:
                if not slave.master:
                    raise
                hostname = hostname_of(slave.master, self._hostnames)
                master = target_of(self._pool.url, self._pool.members, slave.master, hostname)
                if not master.url.host:
                    raise BadAnswer(
                        f"{target.url} names a master at an address that is none"
                    ) from slave
                if master.url in asked:
                    raise BadAnswer(
                        f"{target.url} says that {slave.master} is the master, and that one "
                        "says it is none",
                        hint="the pool may be changing its master; this mends itself",
                    ) from slave
                asked.add(master.url)
                target = master
        raise BadAnswer(f"{self._pool.url} leads from member to member, and to no master")

    async def _once_at(self, target: Target, ways_left: int) -> Session:
        """As `_log_in_at`; where several addresses lead to one host, it is asked once."""
        if target.url in self._failed:
            raise self._failed[target.url]
        try:
            return await self._log_in_at(target, ways_left)
        except (HostIsSlave, TlsRefused):  # with its hostname the certificate may be accepted
            raise
        except PoolError as error:
            self._failed[target.url] = error
            raise

    async def _log_in_at(self, target: Target, ways_left: int) -> Session:
        context = None
        if target.url.scheme == "https":
            loop = asyncio.get_running_loop()
            context = await loop.run_in_executor(tls.READERS, tls.client_context, self._pool.tls)
        try:
            return await self._log_in_as(None, target, context, ways_left)
        except TlsRefused as refused:
            if target.hostname is None or not tls.is_wrong_name(refused.__cause__):
                raise await self._explained(refused, target) from refused.__cause__
        try:
            return await self._log_in_as(target.hostname, target, context, ways_left)
        except TlsRefused as refused:
            raise await self._explained(refused, target) from refused.__cause__

    async def _explained(self, refused: TlsRefused, target: Target) -> TlsRefused:
        error = refused.__cause__
        if not isinstance(error, ssl.SSLError):
            return refused
        return await tls.explained_refusal(error, target.url)

    async def _log_in_as(
        self,
        certificate_name: str | None,
        target: Target,
        context: ssl.SSLContext | None,
        ways_left: int,
    ) -> Session:
        share = (self._deadline - time.monotonic()) / ways_left
        if ways_left > 1:
            await _knock(target, context, certificate_name, share)
        remaining = self._deadline - time.monotonic()
        log_in = LogInCall(self._pool, self._password, target, context, certificate_name, remaining)
        try:
            async with asyncio.timeout(remaining):
                ref = await in_thread(log_in.run, abandon=log_in.abandon)
        except TimeoutError as error:
            raise TooLate(f"{target.url} did not answer the log-in in time") from error
        return Session(target, ref, context=context, certificate_name=certificate_name)


async def _knock(
    target: Target, context: ssl.SSLContext | None, certificate_name: str | None, seconds: float
) -> None:
    """See whether an XAPI answers at all, while there is another address to turn to.

    Asks for something that takes a session, without one: the answer is an error, and quick.
    Raises PoolError where there is none, HostIsSlave where the host is a member.
    """
    where = str(target.url)
    http = transport.PoolTransport(
        context, certificate_name=certificate_name, deadline=time.monotonic() + seconds
    )

    def ask() -> object:
        return XenAPI.Session(where, transport=http).pool.get_all(NULL_REF)

    try:
        async with asyncio.timeout(seconds):
            answer = await in_thread(lambda: transport.call(ask, where), abandon=http.abort)
    except TimeoutError as error:
        raise TooLate(f"{where} did not answer in time") from error
    match answer:
        case {"Status": "Failure", "ErrorDescription": ["HOST_IS_SLAVE", *master]}:
            raise HostIsSlave("HOST_IS_SLAVE", tuple(str(address) for address in master))
        case {"Status": _}:
            return
        case _:
            raise BadAnswer(f"{where} gives no XAPI answer")
