"""What `xo-exporter check` says: each pool tried step by step, with what was found."""

import asyncio
import hashlib
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final, NamedTuple

import msgspec

from xo_exporter.check_hints import hint_of
from xo_exporter.collector import Collector, Outcome
from xo_exporter.config import Config, PoolConfig, Url
from xo_exporter.errors import ApiFailure, ConfigError, PoolError, TooLate
from xo_exporter.settings import shown
from xo_exporter.xapi import tls
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.session import Session

_CLOCK_WORTH_A_WORD: Final = 10.0  # seconds
_BOOLEAN: Final = msgspec.json.Decoder(bool)
_TEXT: Final = msgspec.json.Decoder(str)
_LOG_OUT_TIMEOUT: Final = 3.0


class Findings(NamedTuple):
    """The text to print, and whether nothing was wrong."""

    text: str
    all_well: bool


class _Step(NamedTuple):
    """One thing tried: what it was, what was found, and what to do where that is bad.

    well: None where it was not tried, because of what failed before it.
    """

    well: bool | None
    what: str
    found: str
    hint: str = ""

    @property
    def lines(self) -> Iterator[str]:
        verdict = {True: "ok", False: "failed", None: "-"}[self.well]
        yield f"  {verdict:6}  {shown(self.what)}: {shown(self.found)}"
        if self.hint:
            yield f"          {shown(self.hint)}"


def _works(what: str, found: str) -> _Step:
    return _Step(well=True, what=what, found=found)


def _fails(what: str, found: str, hint: str = "") -> _Step:
    return _Step(well=False, what=what, found=found, hint=hint)


def _not_tried(what: str) -> _Step:
    return _Step(well=None, what="not tried", found=f"{what}; first mend what failed above")


async def check(config: Config) -> Findings:
    """Try each pool of `config`: names, connections, TLS, log-in, role, objects, RRDs."""
    collector = Collector(config)
    try:
        # Addresses and log-in first, all pools at once; then all is read that can be.
        entered = await asyncio.gather(*(_enter(pool) for pool in config.pools))
        readable = [
            pool.key for pool, (_, is_in) in zip(config.pools, entered, strict=True) if is_in
        ]
        scrape = await collector.scrape(readable)
    finally:
        await collector.close()
    outcomes = {outcome.name: outcome for outcome in scrape.outcomes}
    lines: list[str] = []
    all_well = True
    for pool, (steps, _) in zip(config.pools, entered, strict=True):
        lines.append(f"{pool.key} ({pool.url})")
        outcome = outcomes.get(pool.key)
        for step in (*steps, *(_reading(outcome) if outcome else ())):
            lines += step.lines
            all_well = all_well and step.well is not False
    return Findings("\n".join(lines) + "\n", all_well)


async def _enter(pool: PoolConfig) -> tuple[list[_Step], bool]:
    """What was found on the way to a session, and whether there was one."""
    found = [[step async for step in _address(pool, url)] for url in (pool.url, *pool.members)]
    steps = [step for of_one in found for step in of_one]
    try:
        pool.read_password()
    except ConfigError as error:
        refused = _fails("log-in", error.message, hint_of(error, "login"))
        return [*steps, refused, _not_tried("role, objects, RRDs")], False
    if not any(of_one[-1].well for of_one in found):
        return [*steps, _not_tried("log-in, role, objects, RRDs")], False
    try:
        session = await log_in(pool, deadline=time.monotonic() + pool.timeout, hostnames={})
    except (PoolError, ConfigError) as error:
        refused = _fails("log-in", error.message, hint_of(error, "login"))
        return [*steps, refused, _not_tried("role, objects, RRDs")], False
    try:
        async with asyncio.timeout(pool.timeout):
            steps.append(_works("log-in", f"as {pool.username}, at {session.target.url}"))
            steps += [step async for step in _role(session)]
    except TimeoutError:
        late = TooLate(f"{session.target.url} did not answer in time")
        steps.append(_fails("role", late.message, hint_of(late)))
    finally:
        await _log_out(session)
    return steps, True


async def _log_out(session: Session) -> None:
    try:
        async with asyncio.timeout(_LOG_OUT_TIMEOUT):
            await session.log_out()
    except (PoolError, TimeoutError):
        return  # the steps that follow say what is wrong


async def _address(pool: PoolConfig, url: Url) -> AsyncIterator[_Step]:
    """Name, connection and TLS of one address."""
    loop = asyncio.get_running_loop()
    port = url.effective_port
    try:
        async with asyncio.timeout(pool.timeout):
            found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except OSError as error:  # a timeout is one of them
        hint = "see whether it is spelled right, and what this machine's DNS knows"
        yield _fails("name", f"{url.host} can't be resolved ({_reason(error)})", hint)
        return
    addresses = ", ".join(dict.fromkeys(str(info[4][0]) for info in found))
    if addresses != url.host:
        yield _works("name", f"{url.host} is {addresses}")
    try:
        async with asyncio.timeout(pool.timeout):
            yield await _connection(pool, url)
    except PoolError as error:
        yield _fails("TLS", error.message, hint_of(error))
    except OSError as error:
        hint = "see whether the host is up, and what firewalls are between"
        yield _fails("connection", f"{url} takes none ({_reason(error)})", hint)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    # asyncio puts a sentence of its own, with the address once more, in the place of this.
    code = error.errno or 0
    return os.strerror(code) if code > 0 else error.strerror or str(error)


async def _connection(pool: PoolConfig, url: Url) -> _Step:
    context = tls.client_context(pool.tls) if url.scheme == "https" else None
    # Certificates have names without the dot of the root.
    name = url.host.removesuffix(".") if context else None
    try:
        _, writer = await asyncio.open_connection(
            url.host, url.effective_port, ssl=context, server_hostname=name
        )
    except ssl.SSLError as error:
        raise await tls.explained_refusal(error, url) from error
    try:
        if context is None:
            return _works("connection", f"{url}, without TLS: anyone can read the password")
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        digest = tls.colons(hashlib.sha256(certificate or b"").digest())
        judged = "pinned" if pool.tls.fingerprint_sha256 else "valid"
        judged = judged if pool.tls.verify or pool.tls.fingerprint_sha256 else "not verified"
        return _works("TLS", f"{url}, certificate {judged}, SHA-256 {digest}")
    finally:
        writer.transport.abort()


async def _role(session: Session) -> AsyncIterator[_Step]:
    try:
        if await session.field(_BOOLEAN, "is_local_superuser"):
            found = "the local superuser, who may do anything; the role read-only would do"
            yield _works("role", found)
        elif name := await session.field(_TEXT, "auth_user_name"):
            yield _works("role", f"that of {name}; read-only is enough")
    except ApiFailure as error:
        if error.code != "MESSAGE_METHOD_UNKNOWN":
            yield _fails("role", error.message, hint_of(error))
        else:  # whether it is enough shows in what can be read
            yield _works("role", "this XAPI does not tell; read-only is enough")
    except PoolError as error:
        yield _fails("role", error.message, hint_of(error))


def _reading(outcome: Outcome) -> Iterator[_Step]:
    """Objects, and the RRDs of each host."""
    model = outcome.model
    if model is not None:
        yield _works(
            "objects",
            f"pool {model.pool.name_label!r}, {len(model.hosts)} hosts, {len(model.VMs)} VMs, "
            f"{len(model.SRs)} SRs, {len(model.PBDs)} PBDs, {len(model.VDIs)} VDIs, "
            f"{len(model.VBDs)} VBDs",
        )
        for host in model.hosts:
            if host.rrd_up:
                age = "" if host.rrd_age is None else f", newest row {host.rrd_age:.0f} s old"
                yield _works(f"RRDs of {host.name_label}", f"read{age}{_clock(host.clock_offset)}")
    for failure in outcome.failures:
        what = f"RRDs of {failure.host}" if failure.host else failure.stage
        yield _fails(what, failure.error.message, hint_of(failure.error, failure.stage))


def _clock(offset: float | None) -> str:
    """What to say of a clock that is off; the metrics are right all the same."""
    if offset is None or abs(offset) < _CLOCK_WORTH_A_WORD:
        return ""
    ahead = "ahead of" if offset > 0 else "behind"
    return f"; its clock is {abs(offset):.0f} s {ahead} ours, which NTP would mend"
