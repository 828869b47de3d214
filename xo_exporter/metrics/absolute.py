"""The error that some builds of xcp-rrdd have in all sources of the type ABSOLUTE.

Such a source is an amount since the last reading, which is to be divided by the seconds that it
took. From 25.2.0 on that was left out, and every value five times as large; 25.31.0 mended it.

Of those that are recorded without being asked for, these are ABSOLUTE: of each disk and each SR
io_throughput_*, iops_* and iowait; of a host Tapdisks_in_low_memory_mode and
pool_vgpu_migration_rate (which no build with the error has).
"""

from functools import lru_cache
from typing import Final

from xo_exporter.model import known

_FIRST_WRONG: Final = (25, 2)
_FIRST_RIGHT: Final = (25, 31)

SECONDS_OF_A_ROW: Final = 5.0
"""How long an amount is gathered."""


@lru_cache(maxsize=256)
def absolute_correction(xapi_version: str) -> float:
    """By what a value of an ABSOLUTE source is to be multiplied.

    The version is that of the host whose RRDs say the value, as `host.software_version.xapi` has
    it: `25.6.0`. One that says nothing is held to be right.
    """
    wrong = _FIRST_WRONG <= known.version(xapi_version) < _FIRST_RIGHT
    return 1 / SECONDS_OF_A_ROW if wrong else 1.0
