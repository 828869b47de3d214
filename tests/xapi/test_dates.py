"""XAPI's dates."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.xapi.dates import unix_time


@pytest.mark.parametrize("text", ["20240131T10:11:12Z", "2024-01-31T10:11:12Z"])
def test_dates_have_two_spellings(text: str) -> None:
    """XAPI writes dates with and without dashes; both are UTC."""
    assert unix_time(text) == 1706695872


@pytest.mark.parametrize(
    "text", ["", "now", "20240131", "20240131T10:11:12+02:00", "20241331T10:11:12Z", "0" * 5000]
)
def test_what_is_no_date_is_unknown(text: str) -> None:
    """Anything else is no date."""
    assert unix_time(text) is None


@given(st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    """Whatever a server gives as a time is a date since the epoch, or none."""
    seconds = unix_time(text)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 4_000_000_000))
def test_dates_are_read_back(seconds: int) -> None:
    """A date as XAPI prints it gives the same second."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H:%M:%SZ")
    assert unix_time(text) == seconds
