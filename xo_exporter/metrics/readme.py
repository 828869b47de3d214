"""The README's table of metrics, made from the tables."""

import re
import sys
from pathlib import Path
from typing import Final

from xo_exporter.metrics.tables import ALL_TABLES, AnyTable

BEGIN: Final = "<!-- metrics: made by `make readme` -->"
END: Final = "<!-- end of metrics -->"


def markdown() -> str:
    """A Markdown table: each metric with its type, labels and meaning."""
    rows = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    rows += [row for table in ALL_TABLES for row in _rows(table)]
    return "\n".join(rows)


def _rows(table: AnyTable) -> list[str]:
    return [
        f"| `{metric.name}` | {metric.type} "
        f"| {', '.join(f'`{label}`' for label in (*table.label_names, *metric.labels))} "
        f"| {metric.help} |"
        for metric in table.metrics
    ]


def brought_up_to_date(text: str) -> str:
    """The text of a README with the table between its two marks made anew."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: f"{BEGIN}\n{markdown()}\n{END}", text)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(brought_up_to_date(path.read_text("utf-8")), "utf-8")
