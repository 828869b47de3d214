"""Log-ins that nobody waits for any more: no session is left behind, and no thread for long."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from xo_exporter.config import PoolConfig, Secret
from xo_exporter.errors import PoolError, TooLate
from xo_exporter.simulator import Hang, SimulatedPool, Slow
from xo_exporter.xapi import login_call
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.login_call import LogInCall, finish_abandoned
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Until = Callable[[Callable[[], object]], Awaitable[None]]

_LOG_IN: Final = "session.login_with_password"


def calls_under_way() -> int:
    """Count the threads in which a call is made."""
    return sum(thread.name == "xapi-call" for thread in threading.enumerate())


async def test_a_log_in_that_comes_too_late_logs_itself_out(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, until: Until
) -> None:
    """A session that the server opens after we have given up is closed again."""
    pool.faults.add(Slow(delay=0.5), method=_LOG_IN)
    with pytest.raises(TooLate):
        await log_in_to(config_of(pool), seconds=0.3)
    await until(lambda: pool.sessions.logins == 1)
    await until(lambda: pool.sessions.open == [])


async def test_a_cancelled_log_in_logs_itself_out(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, until: Until
) -> None:
    """A scrape that goes away in the middle of a log-in leaves no session behind."""
    pool.faults.add(Slow(delay=0.3), method=_LOG_IN)
    task = asyncio.ensure_future(log_in_to(config_of(pool)))
    await until(lambda: pool.calls[_LOG_IN])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: pool.sessions.logins == 1)
    await until(lambda: pool.sessions.open == [])


async def test_a_log_in_that_comes_as_it_is_abandoned_logs_itself_out(
    pool: SimulatedPool, config_of: ConfigOf, until: Until
) -> None:
    """The result that nobody takes any more, because of a cancellation, is no open session."""
    config = config_of(pool)
    log_in = LogInCall(config, Secret(pool.password), Target(config.url), None, None, 5.0)
    await asyncio.to_thread(log_in.run)
    assert len(pool.sessions.open) == 1
    log_in.abandon()
    await until(lambda: pool.sessions.open == [])


async def test_what_was_abandoned_is_waited_for_at_the_end(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Who ends the process can give such log-ins the time to log themselves out."""
    pool.faults.add(Slow(delay=0.7), method=_LOG_IN)
    with pytest.raises(TooLate):
        await log_in_to(config_of(pool), seconds=0.3)
    assert pool.sessions.logins == 0
    await finish_abandoned(10.0)
    assert pool.sessions.logins == 1
    assert pool.sessions.open == []


async def test_what_can_open_no_session_is_not_waited_for(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A server that stays silent, and one that never took a connection, hold the end up no more."""
    pool.faults.add(Hang(), method=_LOG_IN)
    with pytest.raises(TooLate):
        await log_in_to(config_of(pool), seconds=0.3)
    async with asyncio.timeout(5):
        await finish_abandoned(0.2)
    assert pool.sessions.logins == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_log_in_that_was_not_sent_ends_at_once(
    scheme: str, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, until: Until
) -> None:
    """Where no server can have got anything there is no session to wait for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        if scheme == "http":  # no room for a further connection, which waits to be taken
            silent.listen(0)
            crowd = [socket.create_connection(silent.getsockname()) for _ in range(1)]
        else:
            crowd = []
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TooLate):
            await log_in_to(config_of(pool, url=url), seconds=0.3)
        await until(lambda: not calls_under_way())
        for connection in crowd:
            connection.close()


async def test_few_are_left_to_end_by_themselves(
    pool: SimulatedPool,
    config_of: ConfigOf,
    log_in_to: LogIn,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where many servers hang, the oldest calls make room, so that threads don't run out."""
    monkeypatch.setattr(login_call, "_MOST_ABANDONED", 2)
    pool.faults.add(Hang(), method=_LOG_IN)
    for _ in range(5):
        with pytest.raises(TooLate):
            await log_in_to(config_of(pool), seconds=0.2)
    await until(lambda: calls_under_way() <= 2)
    assert calls_under_way() == 2


async def test_no_thread_is_an_error_of_ours(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives no thread the pool is not read, and it is said what to do."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    config = config_of(pool)
    await log_in_to(config)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(PoolError, match=r"no thread can be started.*pids_limit"):
        await log_in_to(config)
