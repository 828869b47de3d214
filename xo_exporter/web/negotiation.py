"""What a client takes: `Accept`, `Accept-Encoding`, and how long it waits."""

import math
import re
from collections.abc import Iterator

LONGEST_TIMEOUT = 600.0
"""Seconds; a reading that hangs goes on for as long as its most patient client allows."""

_NUMBER = re.compile(r"\s*\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def _ranges(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for part in header.split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = {
            name.strip().lower(): text.strip().strip('"')
            for name, _, text in (parameter.partition("=") for parameter in parameters)
        }
        if value:
            yield value.lower(), pairs, _quality(pairs.pop("q", "1"))


def _quality(text: str) -> float:
    """A weight from 0 to 1; what is none counts as a refusal."""
    quality = float(text) if _NUMBER.fullmatch(text) else 0.0
    return quality if quality <= 1 else 0.0


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics is asked for by its name, and no less than the text format."""
    openmetrics = 0.0
    text: dict[str, float] = {}
    for media, parameters, quality in _ranges(accept):
        if media == "application/openmetrics-text":
            if parameters.get("version", "1.0.0").split(".")[0] in ("0", "1"):
                openmetrics = max(openmetrics, quality)
        elif media in ("text/plain", "text/*", "*/*"):
            text[media] = max(text.get(media, 0.0), quality)
    # What names a type more exactly counts before what leaves it open.
    preferred = (text[media] for media in ("text/plain", "text/*", "*/*") if media in text)
    return openmetrics > 0 and openmetrics >= next(preferred, 0.0)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a gzip body is welcome, and no less than a plain one."""
    qualities = {coding: quality for coding, _, quality in _ranges(accept_encoding)}
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def scrape_timeout(header: str | None) -> float | None:
    """Seconds that Prometheus waits, from its header; None without a number above 0."""
    if header is None or not _NUMBER.fullmatch(header):
        return None
    seconds = float(header)
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(seconds, LONGEST_TIMEOUT)
