"""What can go wrong with a pool, switched on and off while it runs.

    pool.faults.add(Status(503), path="/rrd_updates", host=ref)   # until cleared
    with pool.faults.active(Hang(), method="event.from"): ...      # for the block
    pool.faults.clear()

Faults of one answer are the classes below; what concerns the pool as a whole (clocks, missing
JSON-RPC, a pool that still boots) are fields of `Faults`. Others are calls of their own:
a dead host is `pool.stop_host` and `pool.start_host`, a new master `pool.move_master`, an ended
session `pool.sessions.expire` or `pool.sessions.calls_left`, lost deletions
`pool.database.forget_deletions`; ill-formed names and NaN are values in the database (encoding.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

HTML_PAGE = b"<!DOCTYPE html><html><head><title>XO Lite</title></head><body></body></html>"


@dataclass(frozen=True, slots=True)
class Hang:
    """The request is read and never answered."""


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer begins after `delay` seconds, then drips: `drip` bytes every `pause` seconds."""

    delay: float = 0.0
    drip: int = 0
    pause: float = 0.05


@dataclass(frozen=True, slots=True)
class Garbage:
    """The answer is this body with status 200, in place of the real one."""

    body: bytes = HTML_PAGE
    content_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class Status:
    """The answer is an HTTP status with a small page."""

    code: int = 500
    body: bytes = b"<html><body><h1>HTTP error</h1></body></html>"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Truncated:
    """Only the first `keep` bytes come: a share of the body when below 1.

    With `announced` the header promises the whole body and the connection is cut; else the header
    fits what comes.
    """

    keep: float = 0.5
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Endless:
    """The body never ends: `chunk` again and again, as fast as it is read."""

    chunk: bytes = b"0" * 65536
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection is closed in place of an answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """XAPI answers with this error code and its parameters.

    `early` gives it the shape of errors that come before XAPI has looked at the call: in JSON-RPC
    version 2.0 with a list, whatever was asked for.
    """

    code: str
    params: tuple[str, ...] = ()
    early: bool = False


Fault = Hang | Slow | Garbage | Status | Truncated | Endless | Disconnect | Failure


@dataclass(eq=False, slots=True)
class Rule:
    """A fault and where it strikes; None is everywhere. `times` counts down when it is set."""

    fault: Fault
    host: str | None = None
    path: str | None = None
    method: str | None = None
    times: int | None = None

    def strikes(self, host: str, path: str, method: str) -> bool:
        """Say whether it strikes this request."""
        return (
            (self.host is None or self.host == host)
            and (self.path is None or self.path == path)
            and (self.method is None or self.method == method)
        )


@dataclass(slots=True)
class Faults:
    """All faults of one pool.

    clock_offset: seconds by which a host's clock is ahead, by the host's reference;
    jsonrpc: "missing" answers 404, "html" a page with status 200 as a web server would;
    booting: every call fails with HOST_STILL_BOOTING, an early failure.
    """

    rules: list[Rule] = field(default_factory=list)
    clock_offset: dict[str, float] = field(default_factory=dict)
    jsonrpc: Literal["works", "missing", "html"] = "works"
    booting: bool = False

    def add(
        self,
        fault: Fault,
        *,
        host: str | None = None,
        path: str | None = None,
        method: str | None = None,
        times: int | None = None,
    ) -> Rule:
        """Switch a fault on, for a host's reference, a path, a method; `times` limits it."""
        rule = Rule(fault, host, path, method, times)
        self.rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Switch one fault off; nothing happens when it is off already."""
        if rule in self.rules:
            self.rules.remove(rule)

    @contextmanager
    def active(
        self,
        fault: Fault,
        *,
        host: str | None = None,
        path: str | None = None,
        method: str | None = None,
    ) -> Iterator[Rule]:
        """Switch a fault on for a block of code."""
        rule = self.add(fault, host=host, path=path, method=method)
        try:
            yield rule
        finally:
            self.remove(rule)

    def clear(self) -> None:
        """Switch everything off."""
        self.rules.clear()
        self.clock_offset.clear()
        self.jsonrpc = "works"
        self.booting = False

    def strike(self, host: str, path: str, method: str) -> Fault | None:
        """Give the first fault that strikes this request, and count it."""
        for rule in self.rules:
            if rule.strikes(host, path, method):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self.rules.remove(rule)
                return rule.fault
        return None
