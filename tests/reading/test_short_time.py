"""What is read where there is less time than a question may take."""

from collections.abc import Callable, Coroutine

from xo_exporter.reading import Reading
from xo_exporter.simulator import Hang, SimulatedPool


async def test_a_clock_that_hangs_leaves_time_for_the_rrds(
    pool: SimulatedPool, read: Callable[..., Coroutine[None, None, Reading]]
) -> None:
    """However little time there is, a host that does not say its own has its RRDs read in it."""
    pool.faults.add(Hang(), method="host.get_servertime")
    reading = await read(seconds=1.8)
    assert reading.failures == ()
    assert len([rrd for rrd in reading.rrds.values() if rrd is not None]) == 3
