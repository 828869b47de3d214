"""`GET /rrd_updates`: from a request's parameters to the body, as xcp-rrdd prints it.

Four generations of hosts differ in how they print numbers, in their JSON and in how they choose
between JSON and XML.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xo_exporter.simulator.rrd import STEP_S, FixedRrd, Owner, Rrd, float32
from xo_exporter.simulator.schema import Generation, Release

_ARCHIVES = ((5, 120), (60, 120), (3600, 168), (86400, 366))
"""Step in seconds and number of rows of each archive, the finest first."""
_CONSOLIDATIONS = ("AVERAGE", "MIN", "MAX", "LAST")


class RrdProblem(Exception):
    """The request is answered with this HTTP status and no rows."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Answer(NamedTuple):
    """A body and its type, which is empty where a host names none."""

    body: bytes
    content_type: str


class Table(NamedTuple):
    """What is printed: the meta block, the legend, and rows of numbers as text, newest first."""

    start: int
    step: int
    end: int
    legend: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]


class Query(NamedTuple):
    """The parameters of a request as xcp-rrdd reads them."""

    start: int
    interval: int
    consolidation: str | None
    host: bool
    vms: frozenset[str] | None
    srs: frozenset[str] | None
    """UUIDs; None for all."""
    json: bool

    @classmethod
    def read(
        cls,
        pairs: Sequence[tuple[str, str]],
        accept: str | None,
        age: Generation,
        release: Release,
    ) -> "Query":
        """Read decoded query parameters and the Accept header; raises RrdProblem."""
        given: dict[str, str] = {}
        for name, value in pairs:
            given.setdefault(name, value)
        if "start" not in given:
            raise RrdProblem(400)
        cf = given.get("cf")
        return cls(
            start=_integer(given["start"]),
            interval=max(0, _integer_or_0(given.get("interval", "0"))),
            consolidation=cf if cf in _CONSOLIDATIONS else None,
            host=given.get("host") == "true",
            vms=_uuids(pairs, "vm_uuid", release) if "vm_uuid" in given else None,
            srs=_uuids(pairs, "sr_uuid", release),
            json=_wants_json(accept, age, parameter="json" in given),
        )


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise RrdProblem(500) from None


def _integer_or_0(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


def _uuids(pairs: Sequence[tuple[str, str]], name: str, release: Release) -> frozenset[str] | None:
    """Give what a parameter chooses: later releases take it repeatedly, and know no "all"."""
    values = [value for given, value in pairs if given == name]
    if release >= (26, 7):
        return frozenset(values)
    return None if values[:1] == ["all"] else frozenset(values[:1])


def _wants_json(accept: str | None, age: Generation, *, parameter: bool) -> bool:
    if age == "g1" or not accept:
        return parameter
    kinds = [entry.split(";")[0] for entry in accept.split(",")]
    # xapi's parser does not expect a blank after a comma.
    if any(kind.count("/") != 1 or kind.startswith(" ") for kind in kinds):
        raise RrdProblem(500)
    for kind in kinds:
        if kind in {"application/json", "*/*", "application/*"}:
            return True
        if kind in {"text/xml", "text/*"}:
            return False
    return parameter


def answer(rrd: Rrd, hosts: Sequence[str], query: Query, now: float, age: Generation) -> Answer:
    """Answer a request to a host (or to several at one address); raises RrdProblem.

    `now` is the time by the host's clock.
    """
    fixed = [rrd.fixed[host] for host in hosts if host in rrd.fixed]
    living = rrd.all_owners(host for host in hosts if host not in rrd.fixed)
    if fixed and not living:
        table = _fixed_table(fixed[0], query, now, rrd)
    else:
        table = _living_table(rrd, living, query, now)
    types = ("", "") if age == "g1" else ("application/json", "text/xml")
    if query.json:
        if age == "g1" and not table.rows:
            raise RrdProblem(500)  # these hosts looked for row -1
        return Answer(_json(table, age).encode(), types[0])
    return Answer(_xml(table).encode(), types[1])


def _selected(kind: str, uuid: str, query: Query) -> bool:
    if kind == "host":
        return query.host
    chosen = query.vms if kind == "vm" else query.srs
    return chosen is None or uuid in chosen


def _archive(query: Query, start: int, now: float) -> tuple[int, list[str]]:
    """Choose the archive's step and what it consolidates by."""
    wanted = [query.consolidation] if query.consolidation else list(_CONSOLIDATIONS[:3])
    chosen = None
    for step, count in _ARCHIVES:
        available = [cf for cf in wanted if cf == "AVERAGE" or (step > STEP_S and cf != "LAST")]
        if not available or step // STEP_S < query.interval // STEP_S:
            continue
        chosen = (step, available)
        newest = math.floor(now / step) * step
        if start > newest - step * count:
            break
    if chosen is None:
        raise RrdProblem(500)
    return chosen


def _living_table(rrd: Rrd, living: Sequence[Owner], query: Query, now: float) -> Table:
    owners = [owner for owner in living if _selected(owner.kind, owner.uuid, query)]
    start = query.start if query.start >= 0 else int(now) + query.start
    if not owners:
        raise RrdProblem(500)
    step, consolidations = _archive(query, start, now)
    newest = math.floor(now / step) * step
    # MIN and MAX are kept for hosts alone; where the first owner has none nobody shows any.
    columns = [
        (owner, cf)
        for owner in owners
        for cf in consolidations
        if cf == "AVERAGE" or owner.kind == "host"
    ]
    if not columns:
        raise RrdProblem(500)
    count = next(count for archive_step, count in _ARCHIVES if archive_step == step)
    times = range(newest, max(start, newest - step * count + 1) - 1, -step)
    rows = []
    for t in times:
        values: list[str] = []
        for owner, cf in columns:
            values += owner.printed(t, cf, rrd.write)
        rows.append((t, values))
    legend = [entry for owner, cf in columns for entry in owner.legend(cf)]
    return Table(start // step * step + step, step, newest, legend, rows)


def _fixed_table(fixed: FixedRrd, query: Query, now: float, rrd: Rrd) -> Table:
    slot = math.floor(now / fixed.step) * fixed.step
    rows = [(t if t > 0 else slot + t, values) for t, values in fixed.rows]
    newest = max((t for t, _ in rows), default=slot)
    start = query.start if query.start >= 0 else newest + query.start
    chosen = list(range(len(fixed.legend)))
    if not fixed.exact:
        chosen = [index for index in chosen if _is_asked_for(fixed.legend[index], query)]
        rows = [row for row in rows if row[0] >= start]
        rows.sort(key=lambda row: row[0], reverse=True)
    printed = [
        (t, [rrd.write(float32(values[index])) for index in chosen if index < len(values)])
        for t, values in rows
    ]
    legend = [fixed.legend[index] for index in chosen]
    return Table(start // fixed.step * fixed.step + fixed.step, fixed.step, newest, legend, printed)


def _is_asked_for(entry: str, query: Query) -> bool:
    cf, kind, uuid, *_ = (*entry.split(":", 3), "", "")
    return _selected(kind, uuid, query) and query.consolidation in {None, cf}


def _xml(table: Table) -> str:
    return "".join(_xml_parts(table))


def _xml_parts(table: Table) -> Iterable[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<xport><meta>'
    yield f"<start>{table.start}</start><step>{table.step}</step><end>{table.end}</end>"
    yield f"<rows>{len(table.rows)}</rows><columns>{len(table.legend)}</columns><legend>"
    if table.legend:
        yield f"<entry>{'</entry><entry>'.join(table.legend)}</entry>"
    yield "</legend></meta><data>"
    for t, values in table.rows:
        yield f"<row><t>{t}</t>"
        if values:
            yield f"<v>{'</v><v>'.join(values)}</v>"
        yield "</row>"
    yield "</data></xport>"


def _json(table: Table, age: Generation) -> str:
    if age == "g1":
        return _bare_json(table)
    quoted = '","'
    legend = f'"{quoted.join(table.legend)}"' if table.legend else ""
    meta = (
        f'"start":"{table.start}","step":"{table.step}","end":"{table.end}",'
        f'"rows":"{len(table.rows)}","columns":"{len(table.legend)}","legend":[{legend}]'
    )
    rows = ",".join(f'{{"t":"{t}","values":[{_quoted(values)}]}}' for t, values in table.rows)
    if age == "g2":
        return f'{{"meta":{{{meta},"data":[{rows}]}}}}'
    return f'{{"meta":{{{meta}}},"data":[{rows}]}}'


def _quoted(values: Sequence[str]) -> str:
    return '"' + '","'.join(values) + '"' if values else ""


def _bare_json(table: Table) -> str:
    legend = ",".join(f'"{entry}"' for entry in table.legend)
    rows = ",".join(f"{{t:{t},values:[{','.join(values)}]}}" for t, values in table.rows)
    return (
        f"{{meta: {{start:{table.start},step:{table.step},end:{table.end},"
        f"rows:{len(table.rows)},columns:{len(table.legend)},legend:[{legend}]}},data:[{rows}]}}"
    )
