"""Logging in: the pool's addresses in turn, and on to the master where a member answers."""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

import XenAPI

from xo_exporter.config import PoolConfig, Secret
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
_GRACE: Final = 5.0
"""Seconds that an abandoned log-in has to come to its end and log itself out."""


async def log_in(
    pool: PoolConfig, *, deadline: float, hostnames: Mapping[str, str], learnt: Sequence[str] = ()
) -> Session:
    """A session on the master of `pool`, by `deadline` (of time.monotonic).

    The `url`, the `members` and the `learnt` addresses are tried in turn, as long as none
    answers; each has its share of the time. `hostnames` maps the addresses of hosts known from
    an earlier reading to their hostnames, for certificates that name those. The password, CA
    and certificate files are read now.

    Raises LoginRefused at once where the log-in itself is refused, else the error of the first
    address.
    """
    password = pool.read_password()
    targets = [Target(url) for url in (pool.url, *pool.members)]
    for address in learnt:
        target = target_of(pool.url, pool.members, address, hostnames.get(address, ""))
        if all(target.url != known.url for known in targets):
            targets.append(target)
    first_error: PoolError | None = None
    for position, target in enumerate(targets):
        share = (deadline - time.monotonic()) / (len(targets) - position)
        try:
            async with asyncio.timeout(max(share, 0)):
                return await _log_in_or_follow(pool, password, target, hostnames, share)
        except TimeoutError as error:
            failure: PoolError = TooLate(f"{target.url} did not answer the log-in in time")
            failure.__cause__ = error
        except LoginRefused:
            raise
        except (Unreachable, TooLate, TlsRefused, BadAnswer) as error:
            failure = error
        first_error = first_error or failure
    assert first_error is not None  # noqa: S101  there is always a url
    raise first_error


async def _log_in_or_follow(
    pool: PoolConfig,
    password: Secret,
    target: Target,
    hostnames: Mapping[str, str],
    seconds: float,
) -> Session:
    asked = {target.url}
    for _ in range(_MAX_REDIRECTS):
        try:
            return await _log_in_at(pool, password, target, seconds)
        except HostIsSlave as slave:
            if not slave.master:
                raise
            master = target_of(
                pool.url, pool.members, slave.master, hostnames.get(slave.master, "")
            )
            if master.url in asked:
                raise BadAnswer(
                    f"{target.url} says that {slave.master} is the master, and that one says "
                    "it is none",
                    hint="the pool may be changing its master; this mends itself",
                ) from slave
            asked.add(master.url)
            target = master
    raise BadAnswer(f"{pool.url} leads from member to member, and to no master")


async def _log_in_at(pool: PoolConfig, password: Secret, target: Target, seconds: float) -> Session:
    try:
        return await _attempt(pool, password, target, seconds, certificate_name=None)
    except TlsRefused as refused:
        if target.hostname is None or not tls.is_wrong_name(refused.__cause__ or refused):
            raise
        return await _attempt(pool, password, target, seconds, certificate_name=target.hostname)


async def _attempt(
    pool: PoolConfig,
    password: Secret,
    target: Target,
    seconds: float,
    *,
    certificate_name: str | None,
) -> Session:
    context = tls.client_context(pool.tls) if target.url.scheme == "https" else None
    http = transport.PoolTransport(context, certificate_name=certificate_name)
    http.deadline = time.monotonic() + seconds
    where = str(target.url)
    xenapi = XenAPI.Session(where, transport=http)
    abandoned = threading.Event()

    def run() -> str:
        arguments = (pool.username, password.reveal(), _API_VERSION, transport.ORIGINATOR)
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
