"""The parser that remembers a host's legend finds what lxml alone finds."""

from hypothesis import example, given
from hypothesis import strategies as st

from xo_exporter.errors import BadAnswer
from xo_exporter.rrd.values import HostRrd
from xo_exporter.rrd.xport import Parser, Updates, known_values

HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<xport><meta><start>1</start><step>5</step>'
    b"<end>10</end><rows>2</rows><columns>3</columns><legend><entry>AVERAGE:host:h:cpu0</entry>"
    b"<entry>AVERAGE:host:h:loadavg</entry><entry>AVERAGE:vm:v:memory</entry></legend></meta><data>"
)
ROWS = (
    b"<row><t>10</t><v>0.5</v><v>1</v><v>NaN</v></row>"
    b"<row><t>5</t><v>0.25</v><v>2</v><v>4096</v></row>"
)
TAIL = b"</data></xport>"


def _read(parser: Parser | None, body: bytes) -> object:
    """What a body says, or that it is refused."""
    try:
        updates: Updates = (parser or Parser()).parse(body)
    except BadAnswer:
        return "refused"
    owners = [(owner.kind, owner.uuid, owner.sources.index) for owner in updates.owners]
    return owners, [at for at, _ in updates.rows], known_values(updates, 20.0)


def _familiar() -> Parser:
    """A parser that has seen the legend."""
    parser = Parser()
    parser.parse(HEAD + ROWS + TAIL)
    return parser


def test_the_same_legend_again() -> None:
    """The second answer with a legend says what the first would have said."""
    body = HEAD + ROWS.replace(b"0.5", b"0.75") + TAIL
    assert _read(_familiar(), body) == _read(None, body)
    rrd = known_values(_familiar().parse(body), 20.0)
    known = {"cpu0": 0.75, "loadavg": 1.0}
    assert rrd == HostRrd.of({"h": known}, {"v": {"memory": 4096.0}}, 10.0)


def test_another_legend() -> None:
    """Columns that come, go or change places are found at their new places."""
    parser = _familiar()
    swapped = HEAD.replace(b"host:h:cpu0", b"vm:v:X").replace(b"vm:v:memory", b"host:h:cpu0")
    for body in (swapped + ROWS + TAIL, HEAD + ROWS + TAIL, swapped + ROWS + TAIL):
        assert _read(parser, body) == _read(None, body)


DAMAGES = (
    *(
        b"",
        b"<",
        b"&amp;",
        b"&#48;",
        b"<!-- x -->",
        b"<v>",
        b"</v>",
        b"<v/>",
        b"</row>",
        b" ",
        b"\n",
    ),
    *(b"\xff", b"<![CDATA[1]]>", b"<t>5</t>", b"-", b"9" * 20, b"<row>", b"\x00", b"1e999"),
    # What means something in JSON, which the cells are read as.
    *(b'"', b'","', b"\\u0031", b"\\", b"]", b'1","2</v ><v>3', b"1_0", b"+1"),
)


@given(
    st.integers(0, len(ROWS + TAIL)),
    st.integers(0, 12),
    st.sampled_from(DAMAGES) | st.binary(max_size=6),
)
@example(0, 8, b"")
def test_damaged_rows(start: int, length: int, damage: bytes) -> None:
    """Whatever becomes of the rows, both ways read the same or refuse it alike."""
    whole = ROWS + TAIL
    body = HEAD + whole[:start] + damage + whole[start + length :]
    assert _read(_familiar(), body) == _read(None, body)
