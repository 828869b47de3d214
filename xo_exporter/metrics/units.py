"""The unit of a metric: what its name ends in, and nothing else, says it."""

from typing import Final

UNITS: Final[tuple[tuple[str, str], ...]] = (
    ("_timestamp_seconds", "seconds since 1970"),
    ("_bytes_per_second", "bytes per second"),
    ("_per_second", "per second"),
    ("_seconds", "seconds"),
    ("_bytes", "bytes"),
    ("_ratio", "ratio"),
    ("_hertz", "hertz"),
    ("_watts", "watts"),
    ("_volts", "volts"),
    ("_amperes", "amperes"),
    ("_celsius", "degrees Celsius"),
    ("_info", "always 1"),
    ("_total", "count"),
)
"""Ends of names, each before those that it ends in itself, and the units that they stand for."""


def unit_of(name: str) -> str | None:
    """The unit that a metric's name ends in; None where it is a plain number or a yes or no."""
    return next((unit for ending, unit in UNITS if name.endswith(ending)), None)
