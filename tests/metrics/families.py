"""The families of a pool, read back from the lines that the service makes of them."""

import math
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from xo_exporter.exposition import Family, Labels
from xo_exporter.metrics.lines import PoolLines
from xo_exporter.metrics.selection import Selection
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.source_lines import SourceLines
from xo_exporter.metrics.table_lines import TableLines
from xo_exporter.metrics.tables import ALL_TABLES, AnyTable
from xo_exporter.model.objects import PoolModel


def describe() -> list[Family]:
    """Give every family that is ever exported, without samples."""
    return [family for table in ALL_TABLES for family in table.describe()]


def pool_families(model: PoolModel, label: str, collectors: Mapping[str, bool]) -> list[Family]:
    """Give the families of one pool's objects; `label` is the value of the label `pool`."""
    found = PoolLines(Selection(collectors)).of(model, label)
    return [_read(family, text) for family, text in found]


def table_families(tables: Iterable[AnyTable], model: PoolModel, label: str) -> list[Family]:
    """Give the families of these tables alone."""
    families = []
    for table in tables:
        lines = (
            SourceLines(table, math.inf)
            if isinstance(table, SourceTable)
            else TableLines(table, math.inf)
        )
        texts = lines.of(table.objects(model), label, None)
        families += [
            _read(family, text) for family, text in zip(lines.families, texts, strict=True)
        ]
    return families


def _read(family: Family, text: bytes) -> Family:
    """Give a family with the samples of its lines."""
    samples = [
        (Labels(sample.labels.items()), sample.value)
        for metric in text_string_to_metric_families(text.decode())
        for sample in metric.samples
    ]
    return Family(family.name, family.help, family.type, samples)
