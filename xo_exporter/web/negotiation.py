"""What a client takes: `Accept`, `Accept-Encoding`, and how long it waits."""

import math
from collections.abc import Iterator


def _ranges(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for part in header.split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = {
            name.strip().lower(): text.strip().strip('"')
            for name, _, text in (parameter.partition("=") for parameter in parameters)
        }
        try:
            quality = float(pairs.pop("q", "1"))
        except ValueError:
            quality = 0.0
        if value:
            yield value.lower(), pairs, quality


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics is asked for, and no less than the text format."""
    openmetrics = text = 0.0
    for media, parameters, quality in _ranges(accept):
        if media == "application/openmetrics-text":
            if parameters.get("version", "1.0.0").split(".")[0] in ("0", "1"):
                openmetrics = max(openmetrics, quality)
        elif media == "text/plain":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a gzip body is welcome."""
    qualities = {coding: quality for coding, _, quality in _ranges(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def scrape_timeout(header: str | None) -> float | None:
    """Seconds that Prometheus waits, from its header; None without one above 0."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
