"""The README's table of metrics."""

from pathlib import Path

from xo_exporter.metrics.readme import brought_up_to_date, markdown

README = Path(__file__).parents[2] / "README.md"


def test_table_is_that_of_the_code() -> None:
    """The README's table is what the tables of the code give; `make readme` writes it."""
    text = README.read_text("utf-8")
    assert markdown() in text
    assert brought_up_to_date(text) == text
