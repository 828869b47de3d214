"""The XML of /rrd_updates: what is read of it, what is unknown, what is refused."""

import contextlib
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xo_exporter.errors import BadAnswer
from xo_exporter.rrd.values import NO_VALUES, HostRrd
from xo_exporter.rrd.xport import MAX_AGE, Parser, known_values

NOW = 1_700_000_000
HOST, VM, OTHER = "host-uuid", "vm-uuid", "other-uuid"

Row = tuple[int, Sequence[str]]


def xport(legend: Sequence[str], rows: Sequence[Row], *, declared: bool = True) -> bytes:
    """Print columns and rows, in the given order, as a host does."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' if declared else ""
    entries = "".join(f"<entry>{entry}</entry>" for entry in legend)
    data = "".join(
        f"<row><t>{t}</t>{''.join(f'<v>{value}</v>' for value in values)}</row>"
        for t, values in rows
    )
    meta = (
        f"<start>{NOW - 10}</start><step>5</step><end>{NOW}</end><rows>{len(rows)}</rows>"
        f"<columns>{len(legend)}</columns><legend>{entries}</legend>"
    )
    return f"{head}<xport><meta>{meta}</meta><data>{data}</data></xport>".encode()


def read(legend: Sequence[str], rows: Sequence[Row], now: float = NOW) -> HostRrd:
    """Give what such a body says at a time."""
    return known_values(Parser().parse(xport(legend, rows)), now)


def cpu0(rows: Sequence[Row], now: float = NOW) -> float | None:
    """Give the value of one column."""
    host = read([f"AVERAGE:host:{HOST}:cpu0"], rows, now).hosts
    return host.get(HOST, NO_VALUES).get("cpu0")


_SOURCES = ["cpu0", "cpu11", "cpu_avg", "cpu_usage", "memory", "memory_internal_free"]
_NUMBERS = st.floats(min_value=0, allow_nan=False, allow_infinity=False, width=32)
_TABLES = st.dictionaries(
    st.tuples(
        st.sampled_from(["host", "vm"]), st.sampled_from([HOST, VM]), st.sampled_from(_SOURCES)
    ),
    _NUMBERS,
    max_size=20,
)


@given(_TABLES, st.randoms(use_true_random=False), st.booleans())
def test_columns_are_found_by_the_legend_in_any_order(
    table: dict[tuple[str, str, str], float],
    order: random.Random,
    declared: bool,  # noqa: FBT001  as hypothesis gives it
) -> None:
    """Columns come in any order, and another one each time: the legend says what each is."""
    columns = list(table.items())
    order.shuffle(columns)
    legend = [f"AVERAGE:{kind}:{uuid}:{source}" for (kind, uuid, source), _ in columns]
    row = (NOW, [repr(value) for _, value in columns])
    found = known_values(Parser().parse(xport(legend, [row], declared=declared)), NOW)
    for (kind, uuid, source), value in table.items():
        owners = found.hosts if kind == "host" else found.vms
        assert owners[uuid][source] == value
    assert sum(len(values) for values in (*found.hosts.values(), *found.vms.values())) == len(table)


def test_other_columns_are_passed_over() -> None:
    """Other consolidations, other owners and odd entries are not read."""
    legend = [
        f"AVERAGE:host:{HOST}:cpu0",
        f"MAX:host:{HOST}:cpu1",
        f"AVERAGE:sr:{OTHER}:cpu2",
        f"AVERAGE:host:{HOST}:statefile/{OTHER}/latency",
        f"AVERAGE:vm:{VM}:",
        "AVERAGE:host",
        "",
        "::::",
    ]
    found = read(legend, [(NOW, ["1"] * len(legend))])
    values = {"cpu0": 1.0, f"statefile/{OTHER}/latency": 1.0}
    assert found == HostRrd.of({HOST: values}, {}, 0.0)


def test_owners_are_kept_apart() -> None:
    """A host and VMs with sources of the same name each have their own values."""
    legend = [f"AVERAGE:{kind}:{uuid}:cpu0" for kind, uuid in (("host", HOST), ("vm", VM))]
    found = read([*legend, f"AVERAGE:vm:{OTHER}:cpu0"], [(NOW, ["0.1", "0.2", "0.3"])])
    assert found.hosts == {HOST: {"cpu0": 0.1}}
    assert found.vms == {VM: {"cpu0": 0.2}, OTHER: {"cpu0": 0.3}}


@pytest.mark.parametrize(
    "value", ["NaN", "nan", "Infinity", "-Infinity", "inf", "1e999", "", " ", "x", "0x1", "1,5"]
)
def test_what_is_no_number_is_unknown(value: str) -> None:
    """NaN, infinities and anything else that is no number is no value at all, never 0."""
    assert cpu0([(NOW, [value])]) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [("0.0", 0.0), ("8.5899e+09", 8.5899e9), ("0.0122999995946884", 0.0122999995946884)],
)
def test_numbers_of_every_generation_are_read(value: str, number: float) -> None:
    """Four decimals, five digits with exponents or fifteen digits: each is a number."""
    assert cpu0([(NOW, [value])]) == number


def test_a_value_that_is_missing_in_the_newest_row_is_taken_from_an_older_one() -> None:
    """The newest known value of the last three rows counts, for each column by itself."""
    legend = [f"AVERAGE:host:{HOST}:cpu{number}" for number in range(5)]
    rows = [
        (NOW, ["1", "NaN", "NaN", "NaN", "NaN"]),
        (NOW - 5, ["2", "2", "NaN", "Infinity", "NaN"]),
        (NOW - 10, ["3", "3", "3", "NaN", "NaN"]),
        (NOW - 15, ["4", "4", "4", "4", "4"]),
    ]
    assert read(legend, rows).hosts == {HOST: {"cpu0": 1.0, "cpu1": 2.0, "cpu2": 3.0}}


def test_a_value_below_0_is_unknown() -> None:
    """No usage is below 0: the newest value that can be one counts."""
    assert cpu0([(NOW, ["-0.1"]), (NOW - 5, ["0.2"])]) == 0.2
    assert cpu0([(NOW, ["-1"])]) is None


@given(st.permutations([(NOW, ["NaN"]), (NOW - 5, ["2"]), (NOW - 10, ["3"]), (NOW - 15, ["4"])]))
def test_rows_may_come_in_any_order(rows: list[Row]) -> None:
    """The time of a row says how new it is, not its place."""
    assert cpu0(rows) == 2.0
    assert read([f"AVERAGE:host:{HOST}:cpu0"], rows).age == 0


@pytest.mark.parametrize(
    ("now", "value"), [(NOW, 0.5), (NOW + MAX_AGE, 0.5), (NOW + MAX_AGE + 1, None)]
)
def test_a_value_is_known_for_a_minute(now: float, value: float | None) -> None:
    """A value is used up to 60 s after its row, by the host's clock, and unknown from then on."""
    assert cpu0([(NOW, ["0.5"])], now) == value


def test_the_limit_holds_for_each_row() -> None:
    """An older row does not become fresh because there is a newer one."""
    rows = [(NOW, ["NaN"]), (NOW - 60, ["NaN"]), (NOW - 120, ["0.5"])]
    assert cpu0(rows) is None
    assert cpu0([(NOW, ["NaN"]), (NOW - 60, ["0.4"])]) == 0.4


def test_the_age_is_that_of_the_newest_row() -> None:
    """How old the RRDs are is told also where all values are unknown; not without rows."""
    legend = [f"AVERAGE:host:{HOST}:cpu0"]
    assert read(legend, [(NOW - 600, ["0.5"])]) == HostRrd({}, {}, 600.0)
    assert read(legend, []) == HostRrd({}, {}, None)
    assert read([], [(NOW, [])]) == HostRrd({}, {}, 0.0)


def test_rows_from_the_future_are_as_new_as_can_be() -> None:
    """A host is at least as far as its newest row, whatever we know of its clock."""
    rows = [(NOW + 7200, ["NaN"]), (NOW + 7195, ["0.5"]), (NOW + 7000, ["0.4"])]
    assert cpu0(rows) == 0.5
    assert read([f"AVERAGE:host:{HOST}:cpu0"], rows).age == 0
    assert cpu0([rows[0], rows[2]]) is None


def test_a_repeated_column_has_its_first_known_value() -> None:
    """Where an owner's source comes twice, one column speaks, and no known value is lost."""
    legend = [f"AVERAGE:host:{HOST}:cpu0"] * 2
    assert read(legend, [(NOW, ["0.1", "0.2"])]).hosts == {HOST: {"cpu0": 0.1}}
    assert read(legend, [(NOW, ["NaN", "0.2"])]).hosts == {HOST: {"cpu0": 0.2}}


# --- what is refused

_GOOD = xport([f"AVERAGE:host:{HOST}:cpu0", f"AVERAGE:vm:{VM}:memory"], [(NOW, ["0.5", "1024"])])


def test_a_body_that_breaks_off_is_refused() -> None:
    """However much of a body came, as long as not all came it is a BadAnswer."""
    for length in range(len(_GOOD)):
        with pytest.raises(BadAnswer):
            Parser().parse(_GOOD[:length])


_BOMB = (
    '<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "0.5"><!ENTITY c "'
    + "&b;" * 50
    + '"><!ENTITY d "'
    + "&c;" * 50
    + '">]><xport><meta><legend><entry>AVERAGE:host:u:cpu0</entry></legend></meta>'
    "<data><row><t>1</t><v>&d;</v></row></data></xport>"
)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "UTF-32", "utf-7", "cp037"])
def test_entities_are_refused(encoding: str) -> None:
    """A document type is refused, in whichever encoding it hides; nothing is expanded."""
    with pytest.raises(BadAnswer):
        Parser().parse(_BOMB.format(encoding=encoding).encode(encoding))


def test_files_are_not_read() -> None:
    """An external entity is refused like any other."""
    with pytest.raises(BadAnswer):
        Parser().parse(
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><xport>&b;</xport>'
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>hello</body></html>",
        b'{"meta":{"start":"1"},"data":[]}',
        b"<xport/>",
        b"<xport><meta/><data/></xport>",
        b"<xport><meta><legend/></meta></xport>",
        b"<other><meta><legend/></meta><data/></other>",
        xport([], [(NOW, ["1"])]),
        xport(["AVERAGE:host:u:cpu0"], [(NOW, [])]),
        xport(["AVERAGE:host:u:cpu0"], [(NOW, ["1", "2"])]),
        _GOOD.replace(b"<t>1700000000</t>", b""),
        _GOOD.replace(b"<t>1700000000</t>", b"<t/>"),
        _GOOD.replace(b"<t>1700000000</t>", b"<t>now</t>"),
        _GOOD.replace(b"<t>1700000000</t>", b"<t>-5</t>"),
        _GOOD.replace(b"<t>1700000000</t>", b"<t>1.5</t>"),
        _GOOD.replace(b"<t>1700000000</t>", b"<t>" + b"9" * 5000 + b"</t>"),
        _GOOD.replace(b"<t>1700000000</t>", "<t>\u0661\u0662</t>".encode()),
        b"<a>" * 10_000,
        b"<xport>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</xport>",
        b"\x1f\x8b\x08\x00",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_other_forms_are_refused(body: bytes) -> None:
    """A body of another form than a host's is a BadAnswer."""
    with pytest.raises(BadAnswer):
        Parser().parse(body)


def test_ill_formed_characters_cost_nothing_else() -> None:
    """Bytes that XML has no place for, in one entry, leave the other columns readable."""
    body = _GOOD.replace(b"AVERAGE:vm:" + VM.encode(), b"AVERAGE:vm:\xff\x00&#0;")
    found = known_values(Parser().parse(body), NOW)
    assert found.hosts == {HOST: {"cpu0": 0.5}}


def test_comments_and_instructions_are_passed_over() -> None:
    """A comment or a processing instruction among the elements changes nothing."""
    for extra in (b"<!-- x -->", b"<?x y?>"):
        body = _GOOD
        for tag in (b"<legend>", b"<data>", b"<row>", b"</v>"):
            body = body.replace(tag, tag + extra)
        assert Parser().parse(body) == Parser().parse(_GOOD)


@given(st.binary())
@example(b"<xport><meta><legend>\xff</legend></meta><data>")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Whatever comes is read or a BadAnswer, no other exception."""
    with contextlib.suppress(BadAnswer):
        Parser().parse(body)


@given(st.data())
def test_damaged_bodies_are_read_or_refused(data: st.DataObject) -> None:
    """A body with bytes overwritten, cut out or doubled is read or a BadAnswer."""
    body = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        length = data.draw(st.integers(0, 8))
        body[start : start + length] = data.draw(st.binary(max_size=8))
    try:
        found = known_values(Parser().parse(bytes(body)), NOW)
    except BadAnswer:
        return
    values = [*found.hosts.values(), *found.vms.values()]
    assert all(math.isfinite(value) for owner in values for value in owner.values())
