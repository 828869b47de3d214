"""What grafana/README.md says of provisioning, run in a folder that stands for the machine."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from grafana.build import FOLDER

ROOT = Path(__file__).parents[2]
PROVISIONING = "etc/grafana/provisioning"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Give a folder with what Grafana's package makes, in which the recipe was run twice.

    The second time stands for another version. Left out is the start of Grafana.
    """
    for kind in ("dashboards", "datasources"):
        (tmp_path / PROVISIONING / kind).mkdir(parents=True)
    page = (ROOT / "grafana/README.md").read_text("utf-8")
    recipe = page.split("By provisioning", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
    lines = [line for line in recipe.splitlines() if not line.startswith("systemctl")]
    script = re.sub(r"(?<= )/(?=etc/|var/)", f"{tmp_path}/", "\n".join(lines))
    for _ in range(2):
        subprocess.run(["sh", "-euc", script], cwd=ROOT, check=True, timeout=60)
    return tmp_path


def test_grafana_finds_each_dashboard_once(machine: Path) -> None:
    """Where the provider's file looks, and below, lie the dashboards and nothing else."""
    (file,) = (machine / PROVISIONING / "dashboards").iterdir()
    (provider,) = yaml.safe_load(file.read_text("utf-8"))["providers"]
    folder = machine / str(provider["options"]["path"]).lstrip("/")
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    assert {str(path) for path in found} == {path.name for path in FOLDER.glob("*.json")}
    ids = [json.loads(path.read_text("utf-8"))["uid"] for path in found.values()]
    assert len(set(ids)) == len(ids) >= 7


def test_grafana_finds_a_source(machine: Path) -> None:
    """The file for a Grafana without a data source gives one of the kind that dashboards take."""
    (file,) = (machine / PROVISIONING / "datasources").iterdir()
    (source,) = yaml.safe_load(file.read_text("utf-8"))["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
