"""One log-in at one address, in a thread, which leaves no session behind when it comes too late."""

import asyncio
import contextlib
import ssl
import threading
import time
from typing import Final

import XenAPI

from xo_exporter.config import PoolConfig, Secret
from xo_exporter.errors import BadAnswer, PoolError, TooLate, drop_frames
from xo_exporter.xapi import transport
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.blocking import in_thread, start_thread

_API_VERSION: Final = "1.0"  # what clients send; XAPI does not look at it
_GRACE: Final = 5.0
"""Seconds that an abandoned log-in has to come to its end and log itself out."""
_MOST_ABANDONED: Final = 512
"""Of all pools together: each is a thread, and where many pools hang the others need theirs. What
is ended before its time may leave a session behind, which XAPI ends when it has been idle."""


class LogInCall:
    """One log-in under way in a thread; abandoned, it logs itself out again when it is through."""

    def __init__(
        self,
        pool: PoolConfig,
        password: Secret,
        target: Target,
        context: ssl.SSLContext | None,
        certificate_name: str | None,
        seconds: float,
    ) -> None:
        self._pool = pool
        self._password = password
        self._where = str(target.url)
        self._http = transport.PoolTransport(
            context,
            certificate_name=certificate_name,
            # Beyond what the caller waits for: a session that comes too late must be ended.
            deadline=time.monotonic() + seconds + _GRACE,
        )
        self._xenapi = XenAPI.Session(self._where, transport=self._http)
        self._lock = threading.Lock()
        self._abandoned = False
        self._handed_over = False
        self._ended = threading.Event()

    def run(self) -> str:
        """The session's reference; blocks. Raises PoolError."""
        try:
            return self._run()
        finally:
            if not self._handed_over:
                self._end()

    def _run(self) -> str:
        try:
            transport.call(self._log_in, self._where)
        except PoolError as error:
            # The frames of XenAPI hold the password, and some tracebacks show what frames hold.
            drop_frames(error)
            raise error  # noqa: TRY201  a bare one would bring the frames back
        with self._lock:
            if not self._abandoned:
                self._handed_over = True
                return str(self._xenapi.handle)
        self._log_out()
        raise TooLate(f"{self._where} did not answer the log-in in time")

    def abandon(self) -> None:
        """Nobody waits for it any more; called in the event loop."""
        while len(_unfinished) >= _MOST_ABANDONED:
            oldest = next(iter(_unfinished))
            _unfinished.pop(oldest, None)  # it may have ended in this very moment
            oldest.abort()
        _unfinished[self] = None
        with self._lock:
            self._abandoned = True
        if self._handed_over:  # it came in the very moment
            try:
                start_thread(self._log_out_late)
            except PoolError:
                self._end()  # the session ends when the server thinks that it has been idle
        elif self._ended.is_set():
            self._end()
        elif not self._http.abort_unless_sent():
            asyncio.get_running_loop().call_later(2 * _GRACE, self.abort)

    def abort(self) -> None:
        """End it at once, whether or not that leaves a session behind."""
        self._http.abort()

    def may_open_a_session(self) -> bool:
        """Whether the server may have been asked, and what it says is still to come."""
        return self._http.has_sent and not self._ended.is_set()

    def wait(self, seconds: float) -> None:
        """Block until it has ended, logged out again; at most so long."""
        self._ended.wait(max(seconds, 0.0))

    def _end(self) -> None:
        self._ended.set()
        _unfinished.pop(self, None)

    def _log_out_late(self) -> None:
        try:
            self._log_out()
        finally:
            self._end()

    def _log_in(self) -> None:
        self._xenapi.login_with_password(
            self._pool.username, self._password.reveal(), _API_VERSION, transport.ORIGINATOR
        )
        # Without these XenAPI does not log in again by itself, nor keep the password.
        self._xenapi.last_login_method, self._xenapi.last_login_params = "", None
        if not isinstance(self._xenapi.handle, str) or not self._xenapi.handle:
            raise BadAnswer(f"{self._where} gives no session for a log-in")

    def _log_out(self) -> None:
        self._http.deadline = time.monotonic() + _GRACE
        with contextlib.suppress(PoolError):
            transport.call(self._xenapi.xenapi.session.logout, self._where)


_unfinished: Final[dict[LogInCall, None]] = {}  # abandoned, but not ended yet; the oldest first


async def finish_abandoned(seconds: float) -> None:
    """Give the log-ins that nobody waits for any more so long to log themselves out.

    Their threads are daemons: the end of the process would leave their sessions open.
    """
    deadline = time.monotonic() + seconds
    waiting = [log_in for log_in in tuple(_unfinished) if log_in.may_open_a_session()]

    def wait() -> None:
        for log_in in waiting:
            log_in.wait(deadline - time.monotonic())

    if waiting:
        await in_thread(wait, abandon=lambda: None)
