"""What a date of XAPI says."""

import pytest

from xo_exporter.model import known


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20240131T10:11:12Z", 1706695872),
        ("2024-01-31T10:11:12Z", 1706695872),
        ("20240131T10:11:12", 1706695872),
        ("2024-01-31T10:11:12.25Z", 1706695872),
        ("20240229T00:00:00Z", 1709164800),
        ("20230229T00:00:00Z", None),
        ("19700101T00:00:00Z", None),
        ("19700101T01:00:00Z", None),
        ("00000101T00:00:00Z", None),
        ("20241301T00:00:00Z", None),
        ("20240131T24:00:00Z", None),
        ("20240131T10:11:12+02:00", None),
        ("2024-01-31", None),
        ("", None),
    ],
)
def test_timestamps(text: str, wanted: int | None) -> None:
    """Both forms of a date give its Unix time; 1970, and what is no date, is unknown."""
    assert known.timestamp(text) == wanted
