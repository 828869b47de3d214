"""One plugin, asked about all its objects in turn, again and again."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog

from xo_exporter.errors import (
    ApiFailure,
    BadAnswer,
    HostIsSlave,
    LoginRefused,
    PoolError,
    SessionInvalid,
    TooLate,
    Unreachable,
)
from xo_exporter.plugins.plugin import Plugin, Target, is_its_own
from xo_exporter.plugins.values import Answer
from xo_exporter.xapi.records import Records
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

T = TypeVar("T")

_EARLY: Final = 0.9
"""The share of an interval after which a call is due: who reads the pool is not quite even."""

_FIRST_PAUSE: Final = 60.0  # seconds before what failed is tried again; then doubled
_LONGEST_PAUSE: Final = 3600.0

_TEXT: Final = msgspec.json.Decoder(str)


class _Known(Generic[T]):
    """What is known of one object, and the call that is under way."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.session: Session | None = None
        self.due = 0.0  # by the clock
        self.value: T | None = None
        self.taken = 0.0  # when the value came
        self.failures = 0  # in a row
        self.fault = ""
        self.is_told = False  # by a line of its own in the log
        self.was_asked = False

    @property
    def is_under_way(self) -> bool:
        return self.task is not None and not self.task.done()

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Round(Generic[T]):
    """Asks one plugin about its objects, one after the other, each when it is due.

    pool: the NAME that the log has; at_once: bounds the calls of all plugins of the pool;
    clock: seconds that only grow.
    """

    def __init__(
        self, plugin: Plugin[T], pool: str, at_once: asyncio.Semaphore, clock: Callable[[], float]
    ) -> None:
        self._plugin = plugin
        self._pool = pool
        self._at_once = at_once
        self._clock = clock
        self._turn = asyncio.Semaphore(1)
        self._known: dict[str, _Known[T]] = {}
        self._refusal: tuple[Session, LoginRefused] | None = None

    def begin(self, session: Session, records: Records) -> None:
        """Begin the calls that are due; what is in the records no more is forgotten."""
        now = self._clock()
        targets = {target.uuid: target for target in self._plugin.targets(records)}
        for gone in self._known.keys() - targets.keys():
            self._known.pop(gone).cancel()
        for uuid, target in targets.items():
            known = self._known.setdefault(uuid, _Known())
            if now >= known.due and not known.is_under_way:
                known.session = session
                known.task = asyncio.create_task(self._read(session, target, known))

    def answers(self) -> dict[str, Answer[T]]:
        """By UUID, what is known of each object that was ever asked about."""
        now = self._clock()
        return {
            uuid: self._answer(known, now) for uuid, known in self._known.items() if known.was_asked
        }

    def _answer(self, known: _Known[T], now: float) -> Answer[T]:
        if known.value is None:
            return Answer(is_up=not known.failures)
        age = now - known.taken
        value = known.value if age <= self._plugin.kept else None
        return Answer(is_up=not known.failures, value=value, age=age)

    def leave(self, session: Session) -> None:
        """Give up what is under way by this session."""
        for known in self._known.values():
            if known.session is session:
                known.cancel()
                known.session = None
        if self._refusal and self._refusal[0] is session:
            self._refusal = None

    def clear(self) -> None:
        """Forget all objects."""
        for known in self._known.values():
            known.cancel()
        self._known.clear()
        self._refusal = None

    async def _read(self, session: Session, target: Target, known: _Known[T]) -> None:
        async with self._turn, self._at_once:
            started = self._clock()
            try:
                value = await self._asked(session, target)
            except (SessionInvalid, HostIsSlave):
                known.due = started + _FIRST_PAUSE  # it says nothing of the plugin
            except PoolError as error:
                self._fail(target, known, error)
            except Exception as error:
                log.exception("a plugin can't be read", **self._where(target))
                self._fail(target, known, BadAnswer(f"unexpected: {type(error).__name__}"))
            else:
                self._take(target, known, value, started)

    async def _asked(self, session: Session, target: Target) -> T:
        if self._refusal and self._refusal[0] is session:
            raise self._refusal[1]  # a session has one role for good
        plugin = self._plugin

        async def call(function: str) -> str:
            arguments = dict(target.arguments)
            return await session.call(
                _TEXT, "host.call_plugin", target.host, plugin.file, function, arguments
            )

        try:
            async with asyncio.timeout(plugin.deadline):
                return await plugin.ask(call)
        except TimeoutError as error:
            raise TooLate(f"{plugin.file} did not answer within {plugin.deadline:g} s") from error
        except LoginRefused as error:
            refusal = LoginRefused(
                error.code, hint="plugins want the role pool-operator; give it, or ask none"
            )
            self._refusal = session, refusal
            raise refusal from error
        except ApiFailure as error:
            raise self._explained(error) from error

    def _explained(self, error: ApiFailure) -> ApiFailure:
        """The same error, with what to do about it; one of the session's stays what it is."""
        if isinstance(error, SessionInvalid | HostIsSlave):
            return error
        hint = ""
        if error.code == "XENAPI_MISSING_PLUGIN":
            hint = f"the host has no {self._plugin.file}: update it, or don't ask for this"
        elif is_its_own(error):
            hint = f"{self._plugin.file} failed: its log is in /var/log on the host"
        return ApiFailure(error.code, hint=hint)

    def _take(self, target: Target, known: _Known[T], value: T, started: float) -> None:
        known.value, known.taken = value, self._clock()
        known.due = started + self._plugin.interval * _EARLY
        known.was_asked = True
        if known.is_told:
            log.info("a plugin can be read again", **self._where(target))
        known.failures, known.fault, known.is_told = 0, "", False

    def _fail(self, target: Target, known: _Known[T], error: PoolError) -> None:
        known.failures += 1
        pause = _FIRST_PAUSE * 2.0 ** min(known.failures - 1, 10)
        known.due = self._clock() + min(pause, _LONGEST_PAUSE)
        known.was_asked = True
        fault = str(error)
        is_new = fault != known.fault
        if isinstance(error, LoginRefused | Unreachable):  # what is so for all is told once
            is_new = all(one.fault != fault for one in self._known.values())
        known.fault = fault
        if is_new:
            known.is_told = True
            log.warning("a plugin can't be read", error=fault, **self._where(target))

    def _where(self, target: Target) -> dict[str, Any]:
        return {"pool": self._pool, "plugin": self._plugin.file, "object": target.name}
