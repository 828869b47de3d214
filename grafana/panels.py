"""Builders of the kinds of panels that the dashboards have, so that all look and read alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common, units
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN: Final = "green"
AMBER: Final = "orange"
RED: Final = "red"
PLAIN: Final = "text"

COUNT: Final = units.Short
SHARE: Final = units.PercentUnit
BYTES: Final = units.BytesIEC
BYTES_A_SECOND: Final = units.BytesPerSecondIEC
BY_SECOND: Final = units.OpsPerSecond
SECONDS: Final = units.Seconds

Steps = Sequence[tuple[float | None, str]]

NO: Final[Steps] = ((None, PLAIN),)
FULL: Final[Steps] = ((None, GREEN), (0.85, AMBER), (0.95, RED))
ANY_IS_BAD: Final[Steps] = ((None, GREEN), (1, RED))
ANY_IS_ODD: Final[Steps] = ((None, GREEN), (1, AMBER))
NONE_IS_BAD: Final[Steps] = ((None, RED), (1, GREEN))

YES_NO: Final = {"1": ("yes", PLAIN), "0": ("no", PLAIN)}


@dataclass(frozen=True, slots=True)
class Words:
    """What a panel says of itself: title, what it shows, and why it may be empty."""

    title: str
    shows: str
    empty: str


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and the legend of its series by their labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label, or the value of a query, by its place: `0` for the first."""

    of: str | int
    title: str
    unit: str = COUNT
    steps: Steps = NO
    gauge: bool = False
    mapping: dict[str, tuple[str, str]] | None = None
    link: builders.DashboardLink | None = None
    width: int | None = None


def _thresholds(steps: Steps) -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def _mapping(mapping: dict[str, tuple[str, str]]) -> models.ValueMapping:
    return models.ValueMap(
        options={
            value: models.ValueMappingResult(text=text, color=color, index=place)
            for place, (value, (text, color)) in enumerate(mapping.items())
        }
    )


def _ref(place: int) -> str:
    return chr(ord("A") + place)


def number(
    words: Words,
    expr: str,
    unit: str = COUNT,
    steps: Steps = NO,
    *,
    width: int = 3,
    mapping: dict[str, tuple[str, str]] | None = None,
    link: builders.DashboardLink | None = None,
    legend: str = "",
) -> stat.Panel:
    """Build a panel that shows one number, or with a legend that names a label that label."""
    query = prometheus.Dataquery().expr(expr).instant().ref_id("A").datasource(DATASOURCE)
    panel = (
        stat.Panel()
        .title(words.title)
        .description(words.shows)
        .no_value(words.empty)
        .datasource(DATASOURCE)
        .with_target(query.legend_format(legend or words.title))
        .unit(unit)
        .thresholds(_thresholds(steps))
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.NAME if legend else common.BigValueTextMode.VALUE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(width)
        .height(4)
    )
    if mapping:
        panel.mappings([_mapping(mapping)])
    if link:
        panel.data_links([link])
    return panel


def lines(
    words: Words,
    unit: str,
    *queries: Query,
    width: int = 12,
    most: float | None = None,
    least: float | None = 0,
    stacked: bool = False,
    link: builders.DashboardLink | None = None,
) -> timeseries.Panel:
    """Build a panel with a line for each series; `least` and `most` bound the axis."""
    panel = (
        timeseries.Panel()
        .title(words.title)
        .description(words.shows)
        .no_value(words.empty)
        .datasource(DATASOURCE)
        .unit(unit)
        .line_width(1)
        .fill_opacity(30 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003 - the builder takes it so
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .span(width)
        .height(9)
    )
    for place, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).range()
        panel.with_target(target.ref_id(_ref(place)).datasource(DATASOURCE))
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if link:
        panel.data_links([link])
    return panel


def rows(
    words: Words,
    columns: Sequence[Column],
    *queries: str,
    width: int = 24,
    height: int = 9,
    sort: str | None = None,
    hidden: Sequence[str] = (),
) -> table.Panel:
    """Build a table: a row for each set of labels, a column for each label and query.

    The queries have the same labels, by which their values come together in one row. `sort` is the
    title of the column that sorts the rows, the highest first. `hidden` are labels that are there
    for links alone, as `uuid` always is.
    """
    panel = (
        table.Panel()
        .title(words.title)
        .description(words.shows)
        .no_value(words.empty)
        .datasource(DATASOURCE)
        .unit(COUNT)
        .filterable(True)  # noqa: FBT003 - the builder takes it so
        .span(width)
        .height(height)
    )
    for place, expr in enumerate(queries):
        target = prometheus.Dataquery().expr(expr).format(PromQueryFormat.TABLE).instant()
        panel.with_target(target.ref_id(_ref(place)).datasource(DATASOURCE))
    if len(queries) > 1:
        panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    fields = [_field(column, len(queries)) for column in columns]
    order: dict[str, object] = {
        "excludeByName": {"Time": True},
        "indexByName": {field: place for place, field in enumerate(fields)},
        "renameByName": {},
    }
    panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=order))
    for field, column in zip(fields, columns, strict=True):
        panel.override_by_name(field, _column(column))
    values = ["Value", *(f"Value #{_ref(place)}" for place in range(len(queries)))]
    unseen = values[:1] if len(queries) == 1 else values[1:]
    for name in ("uuid", *hidden, *(value for value in unseen if value not in fields)):
        panel.override_by_name(name, [_property("custom.hidden", value=True)])
    if sort is not None:
        by = common_builders.TableSortByFieldState().display_name(sort).desc(True)  # noqa: FBT003 - as above
        panel.sort_by([by])
    return panel


def _field(column: Column, queries: int) -> str:
    if isinstance(column.of, str):
        return column.of
    return "Value" if queries == 1 else f"Value #{_ref(column.of)}"


def _property(name: str, *, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)


def _column(column: Column) -> list[models.DynamicConfigValue]:
    properties = [_property("displayName", value=column.title)]
    if isinstance(column.of, int):
        properties.append(_property("unit", value=column.unit))
    if column.steps is not NO:
        properties.append(_property("thresholds", value=_thresholds(column.steps).build()))
        cell = {"type": "gauge", "mode": "basic"} if column.gauge else {"type": "color-text"}
        properties.append(_property("custom.cellOptions", value=cell))
    if column.gauge:
        properties += [_property("min", value=0), _property("max", value=1)]
    if column.mapping:
        properties.append(_property("mappings", value=[_mapping(column.mapping)]))
        if column.steps is NO:
            properties.append(_property("custom.cellOptions", value={"type": "color-text"}))
    if column.link:
        properties.append(_property("links", value=[column.link.build()]))
    if column.width:
        properties.append(_property("custom.width", value=column.width))
    return properties
