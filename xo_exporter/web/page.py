"""The page for people: each pool, its state, and where to go from here."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Final
from urllib.parse import quote

from xo_exporter import __version__
from xo_exporter.collector import Collector, PoolScraper, Seen
from xo_exporter.reading import Failure

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #ff7b72; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 0; overflow-wrap: anywhere; }
section { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
.up { color: var(--good); } .down { color: var(--bad); } .state { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: .5rem 0; padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
nav a { margin-right: 1rem; }
""".strip()


def page(collector: Collector) -> str:
    """The whole page as HTML, from what the last scrapes left; nothing is read for it."""
    labels = collector.labels
    pools = "".join(_pool(pool, labels[name]) for name, pool in collector.pools.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>xo-exporter</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>xo-exporter {escape(__version__)}</h1>
<nav><a href="/metrics">Metrics</a><a href="/sd">Service discovery</a>\
<a href="/-/healthy">Health</a><a href="/-/ready">Readiness</a></nav>
<main>{pools}</main>
</body>
</html>
"""


def _pool(pool: PoolScraper, label: str) -> str:
    state, name = _state(pool.last)
    facts = "".join(
        f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in _facts(pool)
    )
    failures = pool.last.failures if pool.last else ()
    errors = "".join(f"<li>{escape(_in_words(failure))}</li>" for failure in failures)
    probe = f"/probe?target={quote(pool.name, safe='')}"
    return f"""
<section>
<h2>{escape(label)}</h2>
<p class="state {state}">{escape(name)}</p>
<dl>{facts}</dl>
{f"<ul>{errors}</ul>" if errors else ""}
<a href="{escape(probe)}">Metrics of this pool</a>
</section>
"""


def _state(seen: Seen | None) -> tuple[str, str]:
    """Class and words for how a pool is."""
    if seen is None:
        return "", "not tried yet"
    if seen.up is None:
        return "up", "logged in, not scraped yet"
    if not seen.up:
        return "down", "not readable"
    return ("down", "read in part") if seen.failures else ("up", "up")


def _in_words(failure: Failure) -> str:
    host = f" of {failure.host}" if failure.host else ""
    return f"{failure.stage}{host}: {failure.error}"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _facts(pool: PoolScraper) -> Iterator[tuple[str, str]]:
    yield "NAME", pool.name
    yield "Address", str(pool.reader.config.url)
    if pool.last is not None:
        yield "Last tried", _time(pool.last.finished)
        durations = pool.last.durations.items()
        yield "Duration", ", ".join(f"{stage} {seconds:.3f} s" for stage, seconds in durations)
        if pool.last.objects:
            objects = pool.last.objects.items()
            yield "Objects", ", ".join(f"{count} {what}" for what, count in objects)
    if pool.last_error is not None:
        when, failure = pool.last_error
        yield "Last error", f"{_time(when)}, {_in_words(failure)}"
