"""The page for people: each pool, its state, what to do about it, and where to go from here."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from xo_exporter import __version__
from xo_exporter.check_hints import hint_of
from xo_exporter.collector import Collector, PoolScraper, Seen, SeenHost
from xo_exporter.metrics import xo
from xo_exporter.metrics.exporter import STAGES
from xo_exporter.metrics.tables import ALL_TABLES, COLLECTORS
from xo_exporter.reading import Failure

_OPEN_AT_MOST: Final = 5  # pools that are well are shown in full where there are no more
_SIGNS: Final = {"good": "●", "warn": "▲", "bad": "■", "": "○"}

_COLLECTOR_OF: Final = {
    metric.name: table.collector for table in ALL_TABLES for metric in table.metrics
}

Json = dict[str, Any]


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("xo_exporter.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("page.html")


@cache
def _style() -> Markup:
    css = files("xo_exporter.web").joinpath("templates/page.css").read_text("utf-8")
    return Markup(css)  # noqa: S704  ours, and no one else's words are in it


def page(collector: Collector, now: float) -> str:
    """The whole page as HTML at `now` (Unix time), from what the last scrapes left.

    Nothing is read for it.
    """
    labels = collector.labels
    few = len(collector.pools) <= _OPEN_AT_MOST
    pools = [_pool(pool, labels[name], now, few=few) for name, pool in collector.pools.items()]
    return _template().render(
        style=_style(),
        version=__version__,
        now=_moment(now),
        pools=pools,
        troubled=sum(pool["mood"] in ("bad", "warn") for pool in pools),
        unread=sum(pool["unread"] for pool in pools),
        collectors=list(_collectors(collector)),
    )


def _pool(pool: PoolScraper, label: str, now: float, *, few: bool) -> Json:
    seen = pool.last
    mood, state = _state(seen)
    return {
        "label": label,
        "mood": mood,
        "sign": _SIGNS[mood],
        "state": state,
        "unread": seen is None or seen.up is None,
        "open": few or mood in ("bad", "warn"),
        "brief": _brief(seen, now),
        "failures": [_failure(failure) for failure in (seen.failures if seen else ())],
        "facts": [{"title": title, "text": text} for title, text in _facts(pool, now)],
        "stages": _stages(seen),
        "hosts": [_host(host) for host in (seen.hosts if seen else ())],
        "probe": f"/probe?target={quote(pool.name, safe='')}",
    }


def _state(seen: Seen | None) -> tuple[str, str]:
    """Mood and words for how a pool is."""
    if seen is None:
        return "", "not tried yet"
    if seen.up is None:
        return "good", "logged in, not scraped yet"
    if not seen.up:
        return "bad", "not readable"
    return ("warn", "read in part") if seen.failures else ("good", "up")


def _brief(seen: Seen | None, now: float) -> str:
    if seen is None:
        return ""
    counts = [f"{seen.objects[what]} {what}" for what in ("hosts", "VMs") if what in seen.objects]
    return ", ".join([*counts, f"tried {_ago(now - seen.finished)}"])


def _failure(failure: Failure) -> Mapping[str, str]:
    where = f"{failure.stage} of {failure.host}" if failure.host else failure.stage
    hint = hint_of(failure.error, failure.stage)
    return {"where": f"{where}:", "message": failure.error.message, "hint": hint}


def _facts(pool: PoolScraper, now: float) -> Iterator[tuple[str, str]]:
    yield "NAME", pool.name
    yield "Address", str(pool.reader.config.url)
    seen = pool.last
    if seen is not None:
        yield "Last tried", f"{_moment(seen.finished)['text']}, {_ago(now - seen.finished)}"
        if seen.objects:
            yield "Objects", ", ".join(f"{count} {what}" for what, count in seen.objects.items())
    yield "Log-ins since the start", str(pool.reader.logins)
    if pool.last_error is not None:
        when, failure = pool.last_error
        told = _failure(failure)
        yield "Last error", f"{_moment(when)['text']}, {told['where']} {told['message']}"


def _stages(seen: Seen | None) -> list[Mapping[str, str]]:
    durations = seen.durations if seen else {}
    stages = [stage for stage in STAGES if stage in durations]
    return [{"name": stage, "seconds": f"{durations[stage]:.3f} s"} for stage in stages]


def _host(host: SeenHost) -> Mapping[str, str]:
    state = host.power_state or "unknown"
    known = {True: ("good", "read"), False: ("bad", "not read"), None: ("", "not asked")}
    mood, rrds = known[host.rrd_up]
    age = "" if host.rrd_age is None else f"{host.rrd_age:.0f} s old when read"
    return {"name": host.name_label, "state": state, "mood": mood, "rrds": rrds, "age": age}


def _collectors(collector: Collector) -> Iterator[Json]:
    series: Counter[str] = Counter()
    for pool in collector.pools.values():
        for family, count in pool.series.items():
            series[_COLLECTOR_OF.get(family, "")] += count
    if series:  # the totals, which are of no pool
        series[xo.TABLE.collector] = len(xo.TABLE.metrics)
    for name, default in COLLECTORS.items():
        on = collector.config.collectors.get(name, default)
        yield {
            "name": name,
            "on": on,
            "series": f"{series[name]:,}",
            "switch": f"--{'no-' if on else ''}collector.{name}",
        }


def _moment(seconds: float) -> Mapping[str, str]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return {"iso": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "text": f"{moment:%Y-%m-%d %H:%M:%S} UTC"}


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{max(int(seconds), 0)} s ago"
