"""/rrd_updates: its parameters, rows, and bodies of four generations, to the byte."""

import json
import math
from itertools import pairwise

import pytest

from xo_exporter.simulator import Database, FixedRrd, Generation, Rrd, make_estate
from xo_exporter.simulator.rrd_http import Query, RrdProblem, answer
from xo_exporter.simulator.schema import XAPI_VERSION

NOW = 1_700_010_003.0
HOST = "OpaqueRef:host"
CPU = "AVERAGE:host:2f0cbdc9-7c3f-4d0b-9b7f-0f4e0b6f6a11:cpu_avg"
RX = "AVERAGE:vm:81547a35-205c-a551-c577-00b982c5fe00:vif_0_rx"

FIXED = FixedRrd(
    step=5,
    legend=[CPU, RX],
    rows=[(1_700_010_000, [0.0123, math.nan]), (1_700_009_995, [0.0, 8589934592.0])],
)

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<xport><meta><start>1700009995</start>'
META = (
    "<step>5</step><end>1700010000</end><rows>2</rows><columns>2</columns>"
    f"<legend><entry>{CPU}</entry><entry>{RX}</entry></legend></meta><data>"
)
QUOTED_META = (
    '"start":"1700009995","step":"5","end":"1700010000","rows":"2","columns":"2",'
    f'"legend":["{CPU}","{RX}"]'
)


def quoted_rows(small: str, large: str) -> str:
    """Write the two rows as later generations do."""
    return (
        f'"data":[{{"t":"1700010000","values":["{small}","NaN"]}},'
        f'{{"t":"1700009995","values":["0.0","{large}"]}}]'
    )


def body(
    generation: Generation,
    fixed: FixedRrd | None,
    *pairs: tuple[str, str],
    accept: str | None = None,
    database: Database | None = None,
) -> str:
    """Ask a host and give the body."""
    database = database or Database.from_records(
        {"host": {HOST: {}}, "pool": {"p": {"master": HOST}}}, generation=generation
    )
    host = next(iter(database.tables["host"]))
    rrd = Rrd(database)
    if fixed is not None:
        rrd.fixed[host] = fixed
    query = Query.read(pairs, accept, generation, database.release)
    return answer(rrd, [host], query, NOW, generation).body.decode()


ASKED = (("start", "1700009993"), ("host", "true"), ("cf", "AVERAGE"))


@pytest.mark.parametrize(
    ("generation", "small", "large"),
    [
        ("g1", "0.0123", "8589934592.0000"),
        ("g2", "0.0123", "8.5899e+09"),
        ("g3", "0.0123", "8.5899e+09"),
        ("g4", "0.0122999995946884", "8589934592"),
    ],
)
def test_xml_to_the_byte(generation: Generation, small: str, large: str) -> None:
    """All generations print one shape of XML, with numbers of their own; zero is always 0.0."""
    rows = (
        f"<row><t>1700010000</t><v>{small}</v><v>NaN</v></row>"
        f"<row><t>1700009995</t><v>0.0</v><v>{large}</v></row></data></xport>"
    )
    assert body(generation, FIXED, *ASKED) == HEAD + META + rows


def test_json_of_the_first_generation_to_the_byte() -> None:
    """It is no JSON at all: bare keys, bare numbers, a blank after `meta:`."""
    assert body("g1", FIXED, *ASKED, ("json", "true")) == (
        "{meta: {start:1700009995,step:5,end:1700010000,rows:2,columns:2,"
        f'legend:["{CPU}","{RX}"]}},data:[{{t:1700010000,values:[0.0123,NaN]}},'
        "{t:1700009995,values:[0.0,8589934592.0000]}]}"
    )


def test_json_of_the_second_generation_to_the_byte() -> None:
    """Every number is a string, and `data` lies inside `meta`."""
    expected = f'{{"meta":{{{QUOTED_META},{quoted_rows("0.0123", "8.5899e+09")}}}}}'
    assert body("g2", FIXED, *ASKED, ("json", "true")) == expected


@pytest.mark.parametrize(
    ("generation", "small", "large"),
    [("g3", "0.0123", "8.5899e+09"), ("g4", "0.0122999995946884", "8589934592")],
)
def test_json_of_later_generations_to_the_byte(
    generation: Generation, small: str, large: str
) -> None:
    """Every number is a string, and `data` follows `meta`."""
    expected = f'{{"meta":{{{QUOTED_META}}},{quoted_rows(small, large)}}}'
    assert body(generation, FIXED, *ASKED, ("json", "")) == expected


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (1e300, "Infinity"),
        (-0.0, "0.0"),
        (1e16, "1.00000002725642e+16"),
        (3.0, "3"),
    ],
)
def test_numbers(number: float, printed: str) -> None:
    """Numbers are single precision, printed with fifteen digits."""
    fixed = FixedRrd(5, [(0, [number])], [CPU])
    assert f"<v>{printed}</v>" in body("g4", fixed, *ASKED)


class TestParameters:
    """What each parameter does, on a living host."""

    @pytest.fixture
    def database(self) -> Database:
        """Make a host with a few VMs."""
        return make_estate(hosts=1, vms=6, seed=2, now=NOW)

    def ask(self, database: Database, *pairs: tuple[str, str]) -> dict[str, object]:
        """Ask the host and decode its answer."""
        given = (*pairs, ("json", "true"))
        decoded: dict[str, object] = json.loads(body("g4", None, *given, database=database))
        return decoded

    def times(self, database: Database, *pairs: tuple[str, str]) -> list[int]:
        """Give the times of the rows."""
        data = self.ask(database, *pairs)["data"]
        assert isinstance(data, list)
        return [int(row["t"]) for row in data]

    def legend(self, database: Database, *pairs: tuple[str, str]) -> list[list[str]]:
        """Give the legend's entries, split."""
        meta = self.ask(database, ("start", "-5"), *pairs)["meta"]
        assert isinstance(meta, dict)
        assert int(meta["columns"]) == len(meta["legend"])
        return [entry.split(":", 3) for entry in meta["legend"]]

    def test_start_chooses_the_rows(self, database: Database) -> None:
        """Rows from start on, newest first, at multiples of the step."""
        assert self.times(database, ("start", "1700009990")) == [
            1700010000,
            1700009995,
            1700009990,
        ]
        assert self.times(database, ("start", "1700009991")) == [1700010000, 1700009995]
        assert self.times(database, ("start", "-5")) == [1700010000]
        assert self.times(database, ("start", "1700010001")) == []

    def test_meta_start_is_the_slot_after_start(self, database: Database) -> None:
        """`meta.start` lies strictly after start, even where a row at start is printed."""
        for start, slot in (("1700009990", "1700009995"), ("1700009991", "1700009995")):
            meta = self.ask(database, ("start", start))["meta"]
            assert isinstance(meta, dict)
            assert meta["start"] == slot
            assert meta["end"] == "1700010000"

    @pytest.mark.parametrize(
        ("start", "interval", "step", "rows"),
        [
            ("-600", "", 5, 120),
            ("-605", "", 60, 11),
            ("-7300", "", 3600, 3),
            ("0", "", 86400, 366),
            ("0", "5", 86400, 366),
            ("-300", "60", 60, 5),
            ("-300", "61", 60, 5),
            ("-300", "65", 3600, 1),
            ("-300", "many", 5, 60),
        ],
    )
    def test_archives(
        self, database: Database, start: str, interval: str, step: int, rows: int
    ) -> None:
        """The first archive that is coarse enough and reaches back; else the coarsest."""
        given = (("start", start), ("cf", "AVERAGE"), ("interval", interval))
        times = self.times(database, *given)
        assert all(t % step == 0 for t in times)
        assert all(a - b == step for a, b in pairwise(times))
        assert len(times) == rows

    def test_host_only_when_asked(self, database: Database) -> None:
        """The host's columns come for `host=true` alone, before those of the VMs."""
        kinds = [entry[1] for entry in self.legend(database, ("host", "true"))]
        assert kinds == sorted(kinds)
        assert {"host", "vm"} == set(kinds)
        assert {entry[1] for entry in self.legend(database, ("host", "1"))} == {"vm"}

    def test_vm_uuid(self, database: Database) -> None:
        """One VM, all, or none."""
        everyone = {entry[2] for entry in self.legend(database)}
        one = min(everyone)
        assert {entry[2] for entry in self.legend(database, ("vm_uuid", one))} == {one}
        assert {entry[2] for entry in self.legend(database, ("vm_uuid", "all"))} == everyone
        kinds = {e[1] for e in self.legend(database, ("vm_uuid", "none"), ("host", "true"))}
        assert kinds == {"host"}

    def test_vm_uuid_of_later_releases(self) -> None:
        """From 26.7 on several VMs can be asked for, and "all" is no VM."""
        for release, is_later in (((26, 6), False), ((26, 7), True)):
            database = make_estate(hosts=1, vms=6, seed=2, now=NOW, release=release)
            everyone = {entry[2] for entry in self.legend(database)}
            pairs = [("vm_uuid", uuid) for uuid in sorted(everyone)[:2]]
            assert len(everyone) > 2
            asked = {entry[2] for entry in self.legend(database, *pairs)}
            assert asked == {uuid for _, uuid in pairs[: 2 if is_later else 1]}
            whole = self.legend(database, ("vm_uuid", "all"), ("host", "true"))
            assert {entry[1] for entry in whole} == ({"host"} if is_later else {"host", "vm"})

    def test_consolidation(self, database: Database) -> None:
        """MIN and MAX are the host's alone and never of five seconds; an unknown cf is no cf."""
        assert {e[0] for e in self.legend(database, ("cf", "average"))} == {"AVERAGE"}
        lowest = self.legend(database, ("cf", "MIN"), ("host", "true"))
        assert {(entry[0], entry[1]) for entry in lowest} == {("MIN", "host")}
        times = self.times(database, ("start", "-300"), ("cf", "MIN"), ("host", "true"))
        assert times[0] - times[1] == 60
        every = self.legend(database, ("interval", "60"), ("host", "true"))
        assert {entry[0] for entry in every} == {"AVERAGE", "MIN", "MAX"}

    @pytest.mark.parametrize(
        ("pairs", "status"),
        [
            ((), 400),
            ((("start", ""),), 500),
            ((("start", "12.5"),), 500),
            ((("start", "-5"), ("cf", "LAST")), 500),
            ((("start", "-5"), ("cf", "MIN")), 500),
            ((("start", "-5"), ("vm_uuid", "none")), 500),
        ],
    )
    def test_refused(
        self, database: Database, pairs: tuple[tuple[str, str], ...], status: int
    ) -> None:
        """No start is a bad request; what xcp-rrdd stumbles over is its own error."""
        with pytest.raises(RrdProblem) as caught:
            self.ask(database, *pairs)
        assert caught.value.status == status


class TestDialect:
    """JSON or XML: by parameter on old hosts, by Accept on later ones."""

    @pytest.mark.parametrize(
        ("generation", "accept", "parameter", "json_expected"),
        [
            ("g1", "application/json", False, False),
            ("g1", "text/xml", True, True),
            ("g4", "application/json", False, True),
            ("g4", "text/xml", True, False),
            ("g4", "*/*", False, True),
            ("g4", None, True, True),
            ("g4", None, False, False),
            ("g2", "text/xml;q=0.5", True, False),
        ],
    )
    def test_choice(
        self, generation: Generation, accept: str | None, *, parameter: bool, json_expected: bool
    ) -> None:
        """From 23.17 on Accept decides, where it is there."""
        pairs = (("start", "-5"), *([("json", "false")] if parameter else []))
        release = XAPI_VERSION[generation]
        assert Query.read(pairs, accept, generation, release).json == json_expected

    @pytest.mark.parametrize("accept", ["application/json, text/xml", "nonsense"])
    def test_accept_that_xapi_cannot_read(self, accept: str) -> None:
        """A blank after a comma, or what is no media type, is an error of the server."""
        with pytest.raises(RrdProblem) as caught:
            Query.read((("start", "-5"),), accept, "g4", XAPI_VERSION["g4"])
        assert caught.value.status == 500

    def test_no_rows_break_old_json(self) -> None:
        """A g1 host has no JSON for an answer without rows, but XML."""
        late = (("start", "1700010001"), ("host", "true"))
        assert "<rows>0</rows>" in body("g1", FIXED, *late)
        with pytest.raises(RrdProblem):
            body("g1", FIXED, *late, ("json", "true"))


class TestFixed:
    """Rows that a test gives a host."""

    def test_times_can_be_relative(self) -> None:
        """A time of 0 is the newest slot of the host's clock, -5 the one before."""
        fixed = FixedRrd(5, [(-5, [1.0]), (0, [2.0])], [CPU])
        printed = body("g4", fixed, *ASKED)
        assert printed.index("<t>1700010000</t><v>2</v>") < printed.index("<t>1700009995</t>")

    def test_stale_rows(self) -> None:
        """Old rows are left out for a start that is later, and come for a negative one."""
        fixed = FixedRrd(5, [(-300, [1.0]), (-305, [1.5])], [CPU])
        assert "<rows>0</rows>" in body("g4", fixed, *ASKED)
        printed = body("g4", fixed, ("start", "-4"), ("host", "true"))
        assert "<rows>1</rows>" in printed
        assert "<t>1700009700</t><v>1</v>" in printed

    def test_columns_are_those_asked_for(self) -> None:
        """Without host=true the host's column is left out."""
        printed = body("g4", FIXED, ("start", "1700009993"))
        assert CPU not in printed
        assert "<row><t>1700010000</t><v>NaN</v></row>" in printed

    def test_exact_rows_go_out_as_they_are(self) -> None:
        """`exact` keeps every row and column, in their order, however wrong."""
        fixed = FixedRrd(5, [(-5, [1.0, 2.0]), (0, [3.0])], [CPU, CPU], exact=True)
        printed = body("g4", fixed, ("start", "1700009999"))
        assert printed.endswith(
            "<row><t>1700009995</t><v>1</v><v>2</v></row><row><t>1700010000</t><v>3</v></row>"
            "</data></xport>"
        )
