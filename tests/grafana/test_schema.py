"""The dashboards are of the types that Grafana itself declares."""

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.grafana.conftest import DASHBOARDS
from tests.programs import found

HERE: Final = Path(__file__).parent

# An enumeration of strings takes no literal; this makes of it the union of its values, all the
# way down, and leaves everything else as it is.
PLAIN: Final = """
type Plain<T> = T extends string ? `${T}`
  : T extends readonly (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;
"""
OPTIONS: Final = "@grafana/schema/dist/esm/raw/composable/{}/panelcfg/x/{}PanelCfg_types.gen.js"
KINDS: Final = {"timeseries": "TimeSeries", "stat": "Stat", "table": "Table"}


def typed(schema: str) -> str:
    """Give the dashboards as literals of TypeScript, of the types of a version of the schema."""
    literals = [
        f"export const page{number}: Plain<Dashboard> = {json.dumps(page, indent=1)};"
        for number, page in enumerate(DASHBOARDS.values())
    ]
    return "\n".join([f'import type {{ Dashboard }} from "{schema}";', PLAIN, *literals])


def typed_options() -> str:
    """Give the options of all panels, of the types that each kind of panel declares."""
    imports = [
        f'import type {{ Options as {name} }} from "{OPTIONS.format(kind, name)}";'
        for kind, name in KINDS.items()
    ]
    literals = [
        f"export const options{uid.replace('-', '_')}{panel['id']}: "
        f"Plain<Partial<{KINDS[panel['type']]}>> = {json.dumps(panel.get('options', {}))};"
        for uid, page in DASHBOARDS.items()
        for panel in page["panels"]
        if panel["type"] in KINDS
    ]
    return "\n".join([*imports, PLAIN, *literals])


@pytest.fixture
def modules() -> Path:
    """Find what `make unit` has installed."""
    found("npm")
    modules = HERE / "node_modules"
    if not (modules / "typescript").is_dir():
        pytest.fail(f"the packages are missing: cd {HERE} && npm install --no-package-lock")
    return modules


def test_types_of_grafana_hold(modules: Path, tmp_path: Path) -> None:
    """Tsc finds nothing wrong by the types of the version built for and of a late one."""
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "built_for.ts").write_text(typed("@grafana/schema"))
    (tmp_path / "late.ts").write_text(typed("grafana-schema-late"))
    (tmp_path / "options.ts").write_text(typed_options())
    (tmp_path / "wrong.ts").write_text(
        f'import type {{ Dashboard }} from "@grafana/schema";{PLAIN}'
        'export const wrong: Plain<Dashboard> = { schemaVersion: 41, title: 7, style: "x" };'
    )
    compiler = [found("node"), str(modules / "typescript" / "bin" / "tsc"), "--noEmit", "--strict"]
    how = ["--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]
    files = ["built_for.ts", "late.ts", "options.ts", "wrong.ts"]
    run = subprocess.run(
        [*compiler, *how, *files], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    complaints = [line for line in run.stdout.splitlines() if ": error " in line]
    assert [line for line in complaints if not line.startswith("wrong.ts")] == []
    assert complaints, "what is wrong on purpose is found"
