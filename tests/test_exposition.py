"""The renderer against prometheus_client's own, and against its strict parsers."""

import math
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from xo_exporter.exposition import (
    Exposition,
    Family,
    Labels,
    Value,
    lines,
    number,
)

ANY_TEXT = st.text() | st.text('"\\\n{}=,# n\r\u0085\u2028\0é😀', max_size=12)
# Of a help text the parser of text format 0.0.4 drops blanks at both ends.
HELP = ANY_TEXT.map(str.strip)
BASE_NAME = st.from_regex(r"xo_[a-z]{1,6}", fullmatch=True)
LABEL_NAME = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
ODD_VALUES = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e-7, 0.1, 999_999.0, 1e6, -1e6]
LARGE_VALUES = [1234567.5, 1e15, 123456789012345680.0, 1e16, 1.5e16, 2**53 + 1, 2**63]
ANY_VALUE = (
    st.floats()
    | st.integers(-(2**1000), 2**1000)
    | st.booleans()
    | st.sampled_from([*ODD_VALUES, *LARGE_VALUES])
)
# OpenMetrics' parser takes no other from a counter.
COUNTED = st.floats(min_value=0, allow_infinity=False) | st.integers(0, 2**1000)
LABELS = st.dictionaries(LABEL_NAME, ANY_TEXT, max_size=4).map(lambda pairs: Labels(pairs.items()))


@st.composite
def any_families(draw: st.DrawFn) -> list[Family]:
    """Make families with names of their own, in which no series appears twice."""
    found = []
    for base in draw(st.lists(BASE_NAME, unique=True, max_size=4)):
        counter = draw(st.booleans())
        samples = draw(
            st.lists(
                st.tuples(LABELS, COUNTED if counter else ANY_VALUE),
                unique_by=lambda sample: sample[0].pairs,
                max_size=4,
            )
        )
        name = f"{base}_total" if counter else base
        found.append(Family(name, draw(HELP), "counter" if counter else "gauge", samples))
    return found


def together(families: Iterable[Family]) -> Exposition:
    """Put these families together."""
    result = Exposition()
    result.add_all(families)
    return result


def render_text(families: Iterable[Family]) -> bytes:
    """Give families in Prometheus text format 0.0.4."""
    return together(families).text()


def render_openmetrics(families: Iterable[Family]) -> bytes:
    """Give families in OpenMetrics 1.0."""
    return b"".join(together(families).parts(openmetrics=True))


class _Library(Collector):
    """The same families in prometheus_client's hands."""

    def __init__(self, of: Sequence[Family]) -> None:
        self._metrics = []
        for family in of:
            metric = Metric(family.base_name, family.help, family.type)
            for labels, value in family.samples:
                metric.add_sample(family.name, dict(labels.pairs), value)
            self._metrics.append(metric)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


Seen = dict[str, tuple[str, str, dict[tuple[tuple[str, str], ...], str]]]


def _said(families: Iterable[Family]) -> Seen:
    return {
        family.base_name: (
            family.type,
            family.help,
            {labels.pairs: repr(float(value)) for labels, value in family.samples},
        )
        for family in families
    }


def _parsed(metrics: Iterable[Metric]) -> Seen:
    return {
        metric.name: (
            metric.type,
            metric.documentation,
            {
                tuple(sorted(sample.labels.items())): repr(float(sample.value))
                for sample in metric.samples
            },
        )
        for metric in metrics
    }


@given(any_families())
def test_text_is_the_librarys(families: list[Family]) -> None:
    """Text format 0.0.4 is byte for byte what prometheus_client prints."""
    assert render_text(families) == generate_latest(_Library(families))


@given(any_families())
def test_openmetrics_is_the_librarys(families: list[Family]) -> None:
    """OpenMetrics is byte for byte what prometheus_client prints."""
    theirs = generate_openmetrics(  # type: ignore[no-untyped-call]  # the library gives no types
        _Library(families)
    )
    assert render_openmetrics(families) == theirs


@given(any_families())
def test_text_is_read_back(families: list[Family]) -> None:
    """The parser of the text format finds the same types, helps, labels and values."""
    assert _parsed(parse_text(render_text(families).decode())) == _said(families)


@given(any_families())
def test_openmetrics_is_read_back(families: list[Family]) -> None:
    """The strict parser of OpenMetrics finds the same types, helps, labels and values."""
    metrics = parse_openmetrics(  # type: ignore[no-untyped-call]  # the library gives no types
        render_openmetrics(families).decode()
    )
    assert _parsed(metrics) == _said(families)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"),
        (True, "1.0"),
        (-0.0, "-0.0"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (999_999, "999999.0"),
        (1_000_000, "1e+06"),
        (17_179_869_184, "1.7179869184e+10"),
        (2**53 - 1, "9.007199254740991e+15"),
        (0.25, "0.25"),
    ],
)
def test_number(value: Value, text: str) -> None:
    """A value is printed as Go prints it, to the last byte of a size."""
    assert number(value) == text
    assert float(text) == value or math.isnan(value)


def test_empty_labels_are_left_out() -> None:
    """A label without a value is left out; without any there are no braces."""
    family = Family(
        "xo_a",
        "A.",
        samples=[(Labels([("b", ""), ("c", None), ("a", "1")]), 1), (Labels([("b", "")]), 2)],
    )
    assert lines(family) == 'xo_a{a="1"} 1.0\nxo_a 2.0\n'


def test_further_labels_are_sorted_in() -> None:
    """Labels that a metric adds stand among the object's own, in the order of names."""
    labels = Labels([("uuid", "u"), ("pool", "p")]).also(("tag", "t"), ("core", ""))
    assert labels.text == '{pool="p",tag="t",uuid="u"}'


def test_parts_of_a_family_are_joined() -> None:
    """Pools add their lines one after the other; each family's header appears once."""
    one = Family("xo_a", "A.", samples=[(Labels([("pool", "1")]), 1)])
    between = Family("xo_b", "B.", samples=[(Labels([]), 3)])
    two = Family("xo_a", "A.", samples=[(Labels([("pool", "2")]), 2)])
    exposition = Exposition()
    exposition.add_all([one, between])
    exposition.add(two, lines(two).encode())
    joined = Family("xo_a", "A.", samples=[*one.samples, *two.samples])
    assert exposition.text() == render_text([joined, between])


def test_metrics_of_the_library_are_taken_over() -> None:
    """Gauges and counters of prometheus_client keep name, help, labels and value alone."""
    registry = CollectorRegistry()
    Gauge("python_info", "Python.", ["version"], registry=registry).labels("3").set(1)
    Counter("process_cpu_seconds", "CPU.", registry=registry).inc(2)
    wanted = [
        Family("python_info", "Python.", samples=[(Labels([("version", "3")]), 1)]),
        Family("process_cpu_seconds_total", "CPU.", "counter", [(Labels([]), 2)]),
    ]
    assert render_text([Family.of(metric) for metric in registry.collect()]) == render_text(wanted)
