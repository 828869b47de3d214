"""What makes a dashboard of rows of panels: variables, places on the grid, links between all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.panels import DATASOURCE

TAG: Final = "xo-exporter"
WIDE: Final = 24  # columns of Grafana's grid


@dataclass(frozen=True, slots=True)
class Section:
    """A row of a dashboard, with its panels; a folded one is read only when it is opened."""

    title: str
    panels: Sequence[Builder[models.Panel]]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard: its UID, which links and provisioning know it by, and what is on it."""

    uid: str
    title: str
    shows: str
    variables: Sequence[Builder[models.VariableModel]]
    sections: Sequence[Section]


def _placed(section: Section, top: int, first_id: int) -> tuple[list[models.Panel], int]:
    panels: list[models.Panel] = []
    left, height = 0, 0
    for place, builder in enumerate(section.panels):
        panel = builder.build()
        grid = panel.grid_pos or models.GridPos()
        if left + grid.w > WIDE:
            left, top, height = 0, top + height, 0
        grid.x, grid.y = left, top
        left, height = left + grid.w, max(height, grid.h)
        panel.grid_pos, panel.id_val = grid, first_id + place
        panels.append(panel)
    return panels, top + height


def dashboard(page: Page) -> models.Dashboard:
    """Build a dashboard; the same page gives the same dashboard, to the byte."""
    builder = (
        builders.Dashboard(page.title)
        .uid(page.uid)
        .description(page.shows)
        .tags([TAG])
        .editable()
        .time("now-3h", "now")
        .timezone("browser")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .annotations([])
        .variables([_datasource(), *page.variables])
        .link(
            builders.DashboardLink("Dashboards of xo-exporter")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)  # noqa: FBT003 - the builders take it so
            .include_vars(True)  # noqa: FBT003 - as above
            .keep_time(True)  # noqa: FBT003 - as above
        )
    )
    built = builder.build()
    for variable in built.templating.list_val or []:
        # The builders set these on all, though only intervals have them.
        variable.auto = variable.auto_count = variable.auto_min = None
    built.panels = []
    top, next_id = 0, 1
    for section in page.sections:
        row = models.RowPanel(
            title=section.title,
            collapsed=section.folded,
            grid_pos=models.GridPos(h=1, w=WIDE, x=0, y=top),
            id_val=next_id,
        )
        panels, bottom = _placed(section, top + 1, next_id + 1)
        next_id += len(panels) + 1
        built.panels.append(row)
        if section.folded:
            row.panels = panels
            top += 1
        else:
            built.panels += panels
            top = bottom
    return built


def _datasource() -> builders.DatasourceVariable:
    return builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def names(
    name: str,
    label: str,
    query: str,
    *,
    several: bool = True,
    every: bool = True,
) -> builders.QueryVariable:
    """Build a variable whose values are those of a label, by Grafana's `label_values(…)`."""
    return _variable(name, label, query, several=several, every=every, query_type=1)


def objects(
    name: str, label: str, selector: str, *, several: bool = False
) -> builders.QueryVariable:
    """Build a variable that shows objects by name and container, and whose values are UUIDs.

    A name may change, may be there twice, and a VM's container changes when it migrates: the UUID
    keeps the whole of its past in view. `selector` is an expression with a series an object.
    """
    shown = (
        "query_result(max by (shown, uuid) (label_join("
        f'{selector}, "shown", " · ", "name_label", "container")))'
    )
    variable = _variable(name, label, shown, several=several, every=several, query_type=3)
    return variable.regex('/shown="(?<text>.*)",uuid="(?<value>[^"]+)"/')


def _variable(
    name: str, label: str, query: str, *, several: bool, every: bool, query_type: int
) -> builders.QueryVariable:
    reference = "PrometheusVariableQueryEditor-VariableQuery"
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"qryType": query_type, "query": query, "refId": reference})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(several)
        .include_all(every)
    )
    if every:
        one = models.VariableOption(selected=True, text="All", value="$__all")
        all_of = models.VariableOption(selected=True, text=["All"], value=["$__all"])
        variable.all_value(".*").current(all_of if several else one)
    return variable


def choice(name: str, label: str, options: dict[str, str]) -> builders.CustomVariable:
    """Build a variable with values of its own, by what each is shown as; the first is chosen."""
    text, value = next(iter(options.items()))
    return (
        builders.CustomVariable(name)
        .label(label)
        .values(",".join(f"{shown} : {meant}" for shown, meant in options.items()))
        .current(models.VariableOption(selected=True, text=text, value=value))
    )
