"""Every query of the dashboards, as a real Prometheus answers it for the demo."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.grafana.conftest import DASHBOARDS, PANELS, Panel, Prometheus

pytestmark = pytest.mark.xdist_group("grafana")

MAY_BE_EMPTY: Final = {
    "xo-exporter: Plugins": "plugins are asked only where they are switched on",
    "xo-exporter: Series left out": "the demo has no bound that it would reach",
}
MOST_ROWS: Final = 100
FIXED: Final = {"job": "xo", "growth": "1d", "__range": "60s", "__rate_interval": "6s"}
EVERY: Final = {"pool": ".*", "container": ".*", "sr": ".*"}


def filled(query: str, variables: dict[str, str]) -> str:
    """Give a query with values in the place of variables."""
    return re.sub(r"\$([a-z_]\w*)", lambda found: variables[found[1]], query)


@pytest.fixture(scope="session")
def selections(server: Prometheus) -> list[dict[str, str]]:
    """Give what can be selected: each host with a VM, then each VM that runs."""
    hosts = server.uuids("xo_host_info")
    vms = server.uuids('xo_vm_power_state{power_state="Running"} == 1')
    backed_up = server.uuids("xo_vm_backups > 0")
    chosen = [(hosts[0], vm) for vm in (*backed_up, *vms)] + [(host, vms[0]) for host in hosts]
    names = {
        result["metric"]["uuid"]: result["metric"]["name_label"]
        for result in server.instant("xo_host_info")
    }
    return [
        {**FIXED, **EVERY, "host": host, "host_name": names[host], "vm": vm} for host, vm in chosen
    ]


def answers(
    server: Prometheus, query: dict[str, Any], selections: list[dict[str, str]]
) -> list[dict[str, Any]]:
    """Give the labels of what a query finds, for the first selection for which it does."""
    ask = server.instant if query.get("instant") else server.past
    expression = query["expr"]
    tried = selections if re.search(r"\$(host|host_name|vm)\b", expression) else selections[:1]
    for selection in tried:
        found = ask(filled(expression, selection))
        if found:
            assert len(found) <= MOST_ROWS
            return [result["metric"] for result in found]
    return []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_a_panel_has_something_to_show(
    panel: Panel, server: Prometheus, selections: list[dict[str, str]]
) -> None:
    """Each query gives few series and not none, with the labels of its legend and links."""
    found = [answers(server, dict(query), selections) for query in panel.queries]
    if panel.name in MAY_BE_EMPTY:
        assert not any(found), "it need not be an exception any more"
        return
    for query, labels in zip(panel.queries, found, strict=True):
        assert labels, query["expr"]
        for label in re.findall(r"\{\{(\w+)\}\}", query.get("legendFormat", "")):
            assert all(label in series for series in labels), (label, query["expr"])
    everything = [series for labels in found for series in labels]
    for url in panel.links:
        for label in re.findall(r"__(?:field\.labels|data\.fields)\.(\w+)", url):
            assert all(label in series for series in everything), (label, url)
    for label in columns(panel):
        chosen = (answers(server, dict(panel.queries[0]), [one]) for one in selections)
        assert any(label in series for labels in (found[0], *chosen) for series in labels), label

    if panel.json["type"] == "table":
        known = {o["matcher"]["options"] for o in panel.json["fieldConfig"]["overrides"]}
        assert {label for series in everything for label in series} <= known


def columns(panel: Panel) -> Iterator[str]:
    """Give the labels that are columns of a table."""
    for override in panel.json["fieldConfig"]["overrides"]:
        name = override["matcher"]["options"]
        hidden = any(field["id"] == "custom.hidden" for field in override["properties"])
        if not hidden and not name.startswith("Value"):
            yield name


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_the_values_of_a_table_share_its_rows(
    panel: Panel, server: Prometheus, selections: list[dict[str, str]]
) -> None:
    """All queries of a table have the same labels, and each gives at most one value a row."""
    if panel.json["type"] != "table":
        return
    kinds = set()
    for query in panel.queries:
        found = answers(server, dict(query), selections)
        by = re.search(r"by \(([^)]*)\)", query["expr"])
        kinds.add(by[1] if by else "")
        assert len({tuple(sorted(series.items())) for series in found}) == len(found)
    assert len(kinds) == 1


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_a_graph_shows_what_was_before_the_exporter_fell_silent(
    panel: Panel, server: Prometheus, selections: list[dict[str, str]]
) -> None:
    """The few that a graph shows are known even where the last ten minutes have no samples."""
    for query in panel.queries:
        if "@ end()" in query["expr"]:
            asked = [filled(query["expr"], selection) for selection in selections]
            assert any(server.past(expression, silent=600) for expression in asked)


def test_a_vm_that_migrates_stays_one_line(
    server: Prometheus, selections: list[dict[str, str]]
) -> None:
    """No graph of a VM tells by a label which host it was on, but the one that is about that."""
    about_hosts = "xo-vm: Where it has been"
    graphs = [panel for panel in PANELS if panel.page == "xo-vm" and panel.name != about_hosts]
    for panel in graphs:
        for query in panel.queries:
            if panel.json["type"] == "timeseries":
                assert not any(
                    "container" in found for found in answers(server, dict(query), selections)
                )


@pytest.mark.parametrize("growth", ["1h", "6h", "7d:10m", "30d:1h"])
def test_growth_can_be_asked_of_any_time(server: Prometheus, growth: str) -> None:
    """Each choice of the time of growth makes a query that Prometheus takes."""
    [choice] = [
        variable
        for variable in DASHBOARDS["xo-storage"]["templating"]["list"]
        if variable["name"] == "growth"
    ]
    assert f" : {growth}" in choice["query"]
    for panel in PANELS:
        for query in panel.queries:
            if "$growth" in query["expr"]:
                server.instant(filled(query["expr"], {**FIXED, **EVERY, "growth": growth}))


@pytest.mark.parametrize(
    ("uid", "variable"),
    [
        pytest.param(uid, variable, id=f"{uid}: {variable['name']}")
        for uid, page in DASHBOARDS.items()
        for variable in page["templating"]["list"]
        if variable["type"] == "query"
    ],
)
def test_a_variable_has_values(
    server: Prometheus, selections: list[dict[str, str]], uid: str, variable: dict[str, Any]
) -> None:
    """Each variable offers something, and where it offers objects, their names and UUIDs."""
    query = filled(variable["query"]["query"], selections[0])
    of_label = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
    if of_label:
        assert any(of_label[2] in result["metric"] for result in server.instant(of_label[1]))
        return
    inner = re.fullmatch(r"query_result\((.*)\)", query)
    assert inner is not None, f"{uid} asks in a way that is not known here"
    pattern = variable["regex"].strip("/").replace("(?<", "(?P<")
    offered = {}
    for result in server.instant(inner[1]):
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(result["metric"].items()))
        found = re.search(pattern, f"{{{labels}}} 1 1700000000000")
        assert found is not None
        offered[found["value"]] = found["text"]
    what = {"host": "xo_host_info", "vm": "xo_vm_info", "sr": "xo_sr_info"}[variable["name"]]
    names = {
        result["metric"][
            "uuid"
        ]: f"{result['metric']['name_label']} · {result['metric']['container']}"
        for result in server.instant(what)
    }
    assert offered == names
