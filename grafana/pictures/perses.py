"""Grafana's panels as Perses has them: time series, numbers and tables, with the same queries."""

import re
from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]

UNITS: Final[Mapping[str, Json]] = {
    "short": {"unit": "decimal", "shortValues": True},
    "percentunit": {"unit": "percent-decimal", "decimalPlaces": 1},
    "bytes": {"unit": "bytes", "shortValues": True},
    "binBps": {"unit": "bytes/sec", "shortValues": True},
    "Bps": {"unit": "bytes/sec", "shortValues": True},
    "s": {"unit": "seconds"},
    "ops": {"unit": "ops/sec"},
    "cps": {"unit": "counts/sec"},
    "pps": {"unit": "packets/sec"},
    "watt": {"unit": "decimal"},
}
COLOURS: Final = {"green": "#2e9e4f", "orange": "#e08a00", "red": "#d0312d", "text": "#24292e"}


def filled(expression: str, variables: Mapping[str, str]) -> str:
    """Give an expression with values in the place of Grafana's variables."""
    return re.sub(r"\$([a-z_]\w*)", lambda found: variables[found[1]], expression)


def drawn(panel: Json, variables: Mapping[str, str]) -> Json:
    """Give what page.jsx draws for a panel of Grafana's, with its place on the grid."""
    grid = panel["gridPos"]
    place = {key: grid[key] for key in "xywh"}
    if panel["type"] == "row":
        return {**place, "row": panel["title"]}
    kind, spec = _KINDS[panel["type"]](panel)
    title = panel["title"]
    definition = {
        "kind": "Panel",
        "spec": {"display": {"name": title}, "plugin": {"kind": kind, "spec": spec}},
    }
    queries = [_query(query, variables) for query in panel["targets"]]
    options: Json = {"mode": "instant"} if kind == "Table" else {}
    return {**place, "definition": definition, "queries": queries, "options": options}


def _query(query: Json, variables: Mapping[str, str]) -> Json:
    spec = {
        "query": filled(query["expr"], variables),
        "seriesNameFormat": query.get("legendFormat", ""),
    }
    return {"kind": "PrometheusTimeSeriesQuery", "spec": spec}


def _defaults(panel: Json) -> Json:
    defaults: Json = panel["fieldConfig"]["defaults"]
    return defaults


def _format(panel: Json) -> Json:
    unit: str = _defaults(panel)["unit"]
    return UNITS[unit]


def _lines(panel: Json) -> tuple[str, Json]:
    defaults = _defaults(panel)
    bounds: Json = {name: defaults[name] for name in ("min", "max") if name in defaults}
    stacked = "stacking" in defaults.get("custom", {})
    visual = {
        "lineWidth": 1.5,
        "pointRadius": 0,
        "palette": {"mode": "categorical"},
        "areaOpacity": 0.3 if stacked else 0.06,
        "stack": "all" if stacked else "none",
    }
    legend = {"position": "bottom", "mode": "list", "size": "small"}
    spec = {"yAxis": {"format": _format(panel), **bounds}, "visual": visual, "legend": legend}
    return "TimeSeriesChart", spec


def _number(panel: Json) -> tuple[str, Json]:
    defaults = _defaults(panel)
    steps = defaults["thresholds"]["steps"]
    spec: Json = {
        "calculation": "last-number",
        "format": _format(panel),
        "valueFontSize": 22,
        "thresholds": {
            "defaultColor": COLOURS[steps[0]["color"]],
            "steps": [
                {"value": step["value"], "color": COLOURS[step["color"]]} for step in steps[1:]
            ],
        },
        "mappings": [
            {
                "kind": "Value",
                "spec": {
                    "value": value,
                    "result": {"value": result["text"], "color": COLOURS[result["color"]]},
                },
            }
            for mapping in defaults.get("mappings", [])
            for value, result in mapping["options"].items()
        ],
    }
    if panel["options"]["textMode"] == "name":
        spec["metricLabel"] = panel["targets"][0]["legendFormat"].strip("{}")
    return "StatChart", spec


def _table(panel: Json) -> tuple[str, Json]:
    several = len(panel["targets"]) > 1
    columns: list[Json] = [{"name": "timestamp", "hide": True}]
    words: list[Json | None] = [None] * len(panel["targets"])
    cells: list[Json] = []
    [order] = [t["options"] for t in panel["transformations"] if t["id"] == "organize"]
    sorted_by = panel.get("options", {}).get("sortBy", [{}])[0].get("displayName")
    overrides = {o["matcher"]["options"]: _properties(o) for o in panel["fieldConfig"]["overrides"]}
    for field, properties in overrides.items():
        name, query = field, None
        if field.startswith("Value"):
            query = ord(field[-1]) - ord("A") if several else 0
            name = f"value #{query + 1}" if several else "value"
        if properties.get("custom.hidden"):
            columns.append({"name": name, "hide": True})
            continue
        column: Json = {"name": name, "header": properties["displayName"]}
        if "custom.width" in properties:
            column["width"] = properties["custom.width"]
        if query is not None:
            column |= {"format": UNITS[properties["unit"]], "align": "right"}
        if properties["displayName"] == sorted_by:
            column |= {"sort": "desc", "enableSorting": True}
        for mapping in properties.get("mappings", []):
            # Cells are coloured by their text: what cannot be seen tells this column's from others.
            mark = "\u200b" * (query or 0)
            words[query or 0] = {k: v["text"] + mark for k, v in mapping["options"].items()}
            cells += [_cell(result, mark) for result in mapping["options"].values()]
        columns.append(column)
    columns.sort(key=lambda column: _place(column, order["indexByName"]))
    spec = {
        "density": "compact",
        "columnSettings": columns,
        "cellSettings": cells,
        "defaultColumnWidth": "auto",
        "defaultColumnHeight": "auto",
        "transforms": [{"kind": "MergeSeries", "spec": {}}] if several else [],
        "words": words,
    }
    return "Table", spec


def _cell(result: Json, mark: str) -> Json:
    text = result["text"] + mark
    condition = {"kind": "Value", "spec": {"value": text}}
    return {"condition": condition, "text": text, "textColor": COLOURS[result["color"]]}


def _properties(override: Json) -> Json:
    return {field["id"]: field["value"] for field in override["properties"]}


def _place(column: Json, order: Mapping[str, int]) -> int:
    name = column["name"]
    if name.startswith("value"):
        name = f"Value #{chr(ord('A') + int(name[-1]) - 1)}" if "#" in name else "Value"
    return order.get(name, len(order))


_KINDS: Final = {"timeseries": _lines, "stat": _number, "table": _table}
