"""What share of a pool is in use, where a host is down and hosts differ in size."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import output_of

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"
BIG = '{uuid="h-1",name_label="xcp1",pool="Main",container="Main"}'
SMALL = '{uuid="h-2",name_label="xcp2",pool="Main",container="Main"}'
DOWN = '{uuid="h-3",name_label="xcp3",pool="Main",container="Main"}'
# A host that is down has its sizes and no usage.
SERIES = {
    **{f"xo_host_cpus{host}": cpus for host, cpus in ((BIG, 30), (SMALL, 10), (DOWN, 60))},
    **{f"xo_host_vcpus{host}": vcpus for host, vcpus in ((BIG, 50), (SMALL, 10), (DOWN, 0))},
    f"xo_host_cpu_usage_ratio{BIG}": 0.8,
    f"xo_host_cpu_usage_ratio{SMALL}": 0.2,
    **{f"xo_host_memory_size_bytes{host}": 100 for host in (BIG, SMALL, DOWN)},
    f"xo_host_memory_usage_bytes{BIG}": 90,
    f"xo_host_memory_usage_bytes{SMALL}": 10,
    **{
        f'xo_host_power_state{host[:-1]},power_state="Running"}}': runs
        for host, runs in ((BIG, 1), (SMALL, 1), (DOWN, 0))
    },
}
IN_USE = {"xo_host_cpu_usage_ratio": 0.65, "xo_host_memory_usage_bytes": 0.5, "xo_host_vcpus": 1.5}


def _shares(panels: list[dict[str, Any]]) -> list[str]:
    """Give the queries of panels that divide a sum over hosts by another."""
    found: list[str] = []
    for panel in panels:
        expressions = [target["expr"] for target in panel.get("targets", ())]
        found += [text for text in expressions if "xo_host" in text and ") / sum" in text]
        found += _shares(panel.get("panels", []))
    return found


@pytest.mark.parametrize("name", ["xo-overview", "xo-pool"])
def test_a_host_that_is_down_has_no_part_in_what_is_in_use(name: str, tmp_path: Path) -> None:
    """Shares are of the hosts that run, each by its size."""
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text("utf-8"))
    queries = [text.replace("$pool", ".+") for text in _shares(dashboard["panels"])]
    assert queries
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": f"{value}x2"} for one, value in SERIES.items()],
        "promql_expr_test": [
            {
                "expr": f"round(sum({query}), 0.001)",
                "eval_time": "1m",
                "exp_samples": [
                    {"labels": "{}", "value": share}
                    for metric, share in IN_USE.items()
                    if metric in query
                ],
            }
            for query in queries
        ],
    }
    file = tmp_path / "shares.yml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
    output_of("promtool", "test", "rules", file)


def test_no_share_of_hosts_is_an_average() -> None:
    """An average over hosts would let a small one count as much as a large one."""
    for file in DASHBOARDS.glob("*.json"):
        assert "avg by (pool) (xo_host" not in file.read_text("utf-8")
