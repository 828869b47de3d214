"""One pool, read for as many scrapes as ask: its session, its records, its hosts' RRDs."""

from xo_exporter.reading.flight import Depth, Failure, Reading
from xo_exporter.reading.needs import Needs
from xo_exporter.reading.pool import PoolReader

__all__ = ["Depth", "Failure", "Needs", "PoolReader", "Reading"]
