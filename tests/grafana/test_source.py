"""The dashboards are what their source gives, and hold what a user may expect of each."""

import re
from typing import Any

import pytest

from grafana.build import FOLDER, built
from tests.grafana.conftest import DASHBOARDS, PANELS, Panel
from tests.metrics.families import describe

NAME = re.compile(r"\b(?:xo|process|scrape)_[a-z0-9_]+|\bALERTS\b")
OTHERS = {  # Prometheus' own, and what prometheus_client says of the process
    "ALERTS",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
}
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)


def test_the_committed_json_is_what_the_source_gives() -> None:
    """`make dashboards` changes nothing."""
    assert {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")} == built()


@each_panel
def test_a_panel_says_what_it_shows(panel: Panel) -> None:
    """Every panel has a title, a description, a unit, and a word for when it is empty."""
    assert panel.json["title"]
    assert panel.json["description"].endswith(".")
    defaults = panel.json["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["noValue"]
    assert panel.json["datasource"]["uid"] == "${datasource}"
    assert all(query["datasource"]["uid"] == "${datasource}" for query in panel.queries)


def test_every_metric_exists() -> None:
    """Every metric that a panel or a variable names is in the tables."""
    described = {family.name for family in describe()}
    texts = [query["expr"] for panel in PANELS for query in panel.queries]
    texts += [str(variable) for page in DASHBOARDS.values() for variable in _variables(page)]
    named = {name for text in texts for name in NAME.findall(text)}
    assert len(named) > 100
    assert named <= described | OTHERS


def _variables(page: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page["templating"]["list"]
    return found


@each_panel
def test_a_link_keeps_selection_and_time(panel: Panel) -> None:
    """A link leads to a dashboard of ours, fills variables that it has, and keeps the rest."""
    for url in panel.links:
        target = re.fullmatch(r"/d/([a-z-]+)\?(.*)", url)
        assert target is not None
        known = {variable["name"] for variable in _variables(DASHBOARDS[target[1]])}
        parts = target[2].split("&")
        assert "${datasource:queryparam}" in parts
        assert "${__url_time_range}" in parts
        named = {part.removeprefix("var-").split("=")[0] for part in parts if "=" in part}
        assert named
        assert named <= known


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_has_its_places(uid: str) -> None:
    """No two panels of a dashboard have one number, or lie on each other."""
    everything = [
        *DASHBOARDS[uid]["panels"],
        *(panel for row in DASHBOARDS[uid]["panels"] for panel in row.get("panels", [])),
    ]
    numbers = [panel["id"] for panel in everything]
    assert len(set(numbers)) == len(numbers)
    open_ones = [panel["gridPos"] for panel in DASHBOARDS[uid]["panels"]]
    taken = [
        (x, y)
        for grid in open_ones
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_no_variable_is_used_that_is_not_there() -> None:
    """Every `$name` in a query is a variable of its dashboard, or Grafana's own."""
    for panel in PANELS:
        known = {variable["name"] for variable in _variables(DASHBOARDS[panel.page])}
        for query in panel.queries:
            used = set(re.findall(r"\$([a-z_]\w*)", query["expr"]))
            assert used <= known | {"__range", "__rate_interval"}, panel.name
