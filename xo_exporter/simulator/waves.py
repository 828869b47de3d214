"""Cheap, repeatable curves: what a data source shows at a point in time.

A value follows from the seed, the owner, the source's name and the time alone, so that it can be
asked again later. Loads follow the hour of the day (UTC): low at night, high before noon.
"""

import math
import random
import zlib
from collections.abc import Callable

Wave = Callable[[int], float]
"""From the end of a row's period (Unix time, seconds) to the value in that row."""

_NOISE_LENGTH = 4096
_noise_source = random.Random(20131119)
_NOISE = tuple(_noise_source.uniform(-1.0, 1.0) for _ in range(_NOISE_LENGTH))
_SLOT_S = 300
_DAY = tuple(
    0.35
    + 0.5 * math.exp(-(((slot * _SLOT_S / 3600 - 10.5) / 2.2) ** 2))
    + 0.4 * math.exp(-(((slot * _SLOT_S / 3600 - 15.5) / 2.6) ** 2))
    for slot in range(86400 // _SLOT_S)
)


def key_of(*parts: object) -> int:
    """Make a number that stands for these parts, the same in every process."""
    return zlib.crc32("/".join(map(str, parts)).encode("utf-8", "surrogatepass"))


def day(t: int) -> float:
    """Give the load of the hour, about 0.35 at night to 0.95 before noon."""
    return _DAY[t // _SLOT_S % len(_DAY)]


def constant(value: float) -> Wave:
    """Show one value always."""
    return lambda _t: value


def flutter(key: int, base: float, share: float) -> Wave:
    """Wander around `base` by `share` of it, whatever the hour."""
    width = base * share

    def wave(t: int) -> float:
        tick = t // 5
        return base + width * (
            0.4 * _NOISE[(key + tick * 1103) % _NOISE_LENGTH]
            + 0.6 * _NOISE[(key + tick // 24 * 409) % _NOISE_LENGTH]
        )

    return wave


def load(key: int, base: float, ceiling: float = math.inf) -> Wave:
    """Follow the hour of the day around `base`, never below 0 nor above `ceiling`."""

    def wave(t: int) -> float:
        tick = t // 5
        noise = (
            0.35 * _NOISE[(key + tick * 1103) % _NOISE_LENGTH]
            + 0.25 * _NOISE[(key + tick // 24 * 409) % _NOISE_LENGTH]
        )
        value = base * _DAY[t // _SLOT_S % len(_DAY)] * (1.4 + noise)
        return min(value, ceiling)

    return wave


def steps(key: int, base: float, spread: float) -> Wave:
    """Show whole numbers around `base`, at most `spread` off, never below 0."""

    def wave(t: int) -> float:
        return float(max(0, round(base + spread * _NOISE[(key + t // 60 * 7) % _NOISE_LENGTH])))

    return wave


def remembered(wave: Wave) -> Wave:
    """Compute a wave once per row, where several sources are made from it."""
    last_t, last_value = 0, wave(0)

    def recall(t: int) -> float:
        nonlocal last_t, last_value
        if t != last_t:
            last_t, last_value = t, wave(t)
        return last_value

    return recall


def total(waves: list[Wave]) -> Wave:
    """Add waves up."""
    return lambda t: sum(wave(t) for wave in waves)


def mean(waves: list[Wave]) -> Wave:
    """Take the mean of waves; 0 of none."""
    return lambda t: sum(wave(t) for wave in waves) / (len(waves) or 1)


def scaled(wave: Wave, factor: float) -> Wave:
    """Multiply a wave."""
    return lambda t: wave(t) * factor
