"""Taking turns."""

import asyncio
import gc
import warnings
from functools import partial

import pytest

from xo_exporter.reading.turns import Turns


async def test_no_more_than_some_at_once() -> None:
    """Of many that are quick, only so many are at work at a time, and all get their turn."""
    turns, at_work, most = Turns(at_once=3, patience=60), 0, 0

    async def work(number: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return number

    assert await asyncio.gather(*(turns.take(partial(work, number)) for number in range(20))) == [
        *range(20)
    ]
    assert most == 3


async def test_what_hangs_keeps_nobody_waiting() -> None:
    """Who takes long goes on, and makes room for the others meanwhile."""
    turns, end = Turns(at_once=2, patience=0.01), asyncio.Event()

    async def hang() -> None:
        await end.wait()

    async def quick() -> str:
        return "done"

    hanging = [asyncio.create_task(turns.take(hang)) for _ in range(5)]
    async with asyncio.timeout(10):
        assert await turns.take(quick) == "done"
    end.set()
    await asyncio.gather(*hanging)


async def test_a_turn_is_given_back_once() -> None:
    """Failures and slow work leave as many turns as there were."""
    turns = Turns(at_once=1, patience=0.001)

    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("late")

    for _ in range(3):
        with pytest.raises(ValueError, match="late"):
            await turns.take(fail)
    at_work = 0

    async def work() -> None:
        nonlocal at_work
        at_work += 1
        assert at_work == 1
        await asyncio.sleep(0)
        at_work -= 1

    turns._patience = 60
    await asyncio.gather(*(turns.take(work) for _ in range(5)))


async def test_who_goes_away_before_its_turn() -> None:
    """One that is cancelled while it waits takes nobody's turn, and its work never begins."""
    turns, end = Turns(at_once=1, patience=60), asyncio.Event()

    async def hold() -> None:
        await end.wait()

    async def never() -> None:
        raise AssertionError

    holding = asyncio.create_task(turns.take(hold))
    waiting = asyncio.create_task(turns.take(never))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    end.set()
    await holding
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_is_cancelled_at_once_leaves_nothing_behind() -> None:
    """Work that was never begun is no coroutine that was never awaited."""

    async def never() -> None:
        raise AssertionError

    waiting = asyncio.create_task(Turns().take(never))
    waiting.cancel()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gc.collect()
