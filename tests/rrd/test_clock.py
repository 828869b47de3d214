"""XAPI's dates, and how far a host's clock is off."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.errors import BadAnswer
from xo_exporter.rrd.clock import parse_time


@pytest.mark.parametrize("text", ["20240131T10:11:12Z", "2024-01-31T10:11:12Z"])
def test_dates_have_two_spellings(text: str) -> None:
    """XAPI writes dates with and without dashes; both are UTC."""
    assert parse_time(text) == datetime(2024, 1, 31, 10, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "now", "20240131", "20240131T10:11:12", "20241331T10:11:12Z", "0" * 5000]
)
def test_what_is_no_date_is_a_bad_answer(text: str) -> None:
    """Anything else is a BadAnswer, of which only the beginning is shown."""
    with pytest.raises(BadAnswer, match="gives a time that is none") as caught:
        parse_time(text)
    assert len(str(caught.value)) < 100


@given(st.text())
def test_any_text_is_a_date_or_refused(text: str) -> None:
    """Whatever a server gives as its time is a date or a BadAnswer."""
    try:
        assert parse_time(text).tzinfo is UTC
    except BadAnswer as error:
        assert error.__cause__ is not None  # noqa: PT017


@given(st.integers(0, 4_000_000_000))
def test_dates_are_read_back(seconds: int) -> None:
    """A date as XAPI prints it gives the same second."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H:%M:%SZ")
    assert parse_time(text).timestamp() == seconds
