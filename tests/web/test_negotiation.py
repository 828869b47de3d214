"""What a client takes, by its headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.web.negotiation import scrape_timeout, takes_gzip, wants_openmetrics

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/plain", False),
        ("application/*", False),
        ("application/openmetrics-text", True),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', True),
        ("APPLICATION/OpenMetrics-Text", True),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.0, text/plain;q=0", False),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.4", False),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.4", True),
        ("application/openmetrics-text;q=0.4,text/*;q=0.9", False),
        ("application/openmetrics-text;q=0.4,*/*;q=0.9", False),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.1,*/*;q=0.9", True),
        ("application/openmetrics-text,*/*", True),
        ("application/openmetrics-text;q=x", False),
        ("application/openmetrics-text;q=nan", False),
        ("application/openmetrics-text;q=7,text/plain", False),
        (",;,=;q=1,", False),
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
    ],
)
def test_openmetrics_is_for_those_who_ask(accept: str, *, openmetrics: bool) -> None:
    """OpenMetrics is given to who names it and likes it no less than text, by its weights."""
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "gzip"),
    [
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("gzip;q=0", False),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *;q=1", False),
        ("gzip;q=0.2, identity;q=0.8", False),
        ("gzip;q=0.8, identity;q=0.2", True),
        ("gzip;q=high", False),
    ],
)
def test_gzip_is_for_those_who_ask(accept_encoding: str, *, gzip: bool) -> None:
    """A body is compressed for who takes it and likes a plain one no better."""
    assert takes_gzip(accept_encoding) is gzip


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("10", 10.0),
        ("9.5", 9.5),
        (" 3 ", 3.0),
        ("1e1", 10.0),
        (".5", 0.5),
        ("+2", 2.0),
        ("1e300", 600.0),
        (None, None),
        ("", None),
        ("0", None),
        ("0.000", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("ten", None),
        ("10s", None),
        ("1_0", None),
        ("0x10", None),
        ("\u0661\u0660", None),
        ("10,20", None),
    ],
)
def test_the_scrape_timeout_is_a_number_above_0(header: str | None, seconds: float | None) -> None:
    """Anything else counts as no limit; a very long one is as good as ten minutes."""
    assert scrape_timeout(header) == seconds


@given(st.text(max_size=40))
def test_no_header_is_too_odd(header: str) -> None:
    """Whatever stands in a header, there is a decision."""
    assert wants_openmetrics(header) in (True, False)
    assert takes_gzip(header) in (True, False)
    seconds = scrape_timeout(header)
    assert seconds is None or 0 < seconds <= 600
