"""The queries of docs/networks.md, as Prometheus answers them for the simulated pool."""

import json
import re
from pathlib import Path
from typing import Final

from tests.metrics.families import pool_families
from tests.programs import output_of
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.network_objects import Networks
from xo_exporter.model.objects import PoolModel

PAGE: Final = Path(__file__).parents[2] / "docs" / "networks.md"
QUERIES: Final = re.findall(r"```promql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_queries_give_what_they_say(estate: PoolModel, tmp_path: Path) -> None:
    """Each query answers, for each host, link or address that the page says it is about."""
    networks = estate.part(Networks)
    links = [pif for pif in networks.PIFs if pif.kind in ("physical", "bond")]
    of_bonds = [pif for pif in links if pif.bond is not None]
    wanted = (
        len(estate.hosts),
        len(of_bonds),
        sum(pif.speed is not None for pif in links),
        sum(pif.attached is False for pif in networks.PIFs if pif.bond is None),
        sum(pif.carrier is False for pif in links),
        sum(bond.links_up != bond.links for bond in networks.bonds),
        sum(pool.duplicate_MACs for pool in networks.pools),
    )
    assert all(wanted), "the pool shows each"
    series = [
        {"series": f"{family.name}{labels.text}", "values": str(float(value))}
        for family in pool_families(estate, "Pool", COLLECTORS)
        if "_pif_" in family.name or "_bond_" in family.name or "_vif_" in family.name
        or "_network_" in family.name
        for labels, value in family.samples
    ]  # fmt: skip
    tests = [
        {
            "expr": f"count({query})",
            "eval_time": "0s",
            "exp_samples": [{"labels": "{}", "value": number}],
        }
        for query, number in zip(QUERIES, wanted, strict=True)
    ]
    page = tmp_path / "tests.yml"
    page.write_text(json.dumps({"tests": [{"input_series": series, "promql_expr_test": tests}]}))
    output_of("promtool", "test", "rules", page)
