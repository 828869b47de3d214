"""Imports point one way: from what is served, down to what is read."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import xo_exporter

PACKAGE = Path(xo_exporter.__file__).parent

# Each part may import from those above it, and from itself.
LAYERS = [
    {"__init__", "errors", "secret"},
    {"choice"},
    {"settings"},
    {"config_yaml"},
    {"config_choice"},
    {"config"},
    {"xapi"},
    {"rrd", "plugins"},
    {"model"},
    {"exposition"},
    {"metrics"},
    {"pool_labels", "logs", "cautions", "check_hints", "demo_stack", "memory"},
    {"reading"},
    {"collector"},
    {"web"},
    {"service", "check", "health", "config_print"},
    {"cli"},
    {"__main__"},
]
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

PURE = ("model", "metrics", "exposition")
OUTSIDE_WORLD = {
    *("aiohttp", "asyncio", "lxml", "XenAPI", "xmlrpc", "http", "urllib", "socket", "ssl"),
    *("os", "sys", "io", "pathlib", "subprocess", "threading", "time", "datetime", "random"),
    *("logging", "structlog", "yaml", "click"),
}


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {_name(path): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Give the full name of each thing that a module imports, wherever in it that stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the whole module"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _own(tree: ast.Module) -> Iterator[str]:
    """Give the modules of this package that a module imports."""
    for name in _imported(tree):
        first, _, inner = name.partition(".")
        if first != "xo_exporter":
            continue
        while inner and inner not in MODULES:
            inner = inner.rpartition(".")[0]
        yield inner or "__init__"


def _part(module: str) -> str:
    return module.partition(".")[0]


EXPORTER = sorted(module for module in MODULES if _part(module) != "simulator")
SIMULATOR = sorted(module for module in MODULES if _part(module) == "simulator")
# Writes the reference of metrics: a command of its own.
TABLES = [module for module in EXPORTER if _part(module) in PURE and module != "metrics.reference"]


@pytest.mark.parametrize("module", EXPORTER)
def test_imports_point_down(module: str) -> None:
    """A module imports only from its own part and from lower ones; each part has its place."""
    part = _part(module)
    assert part in RANK, f"say in LAYERS where {part} belongs"
    for imported in _own(MODULES[module]):
        other = _part(imported)
        if other not in (part, "simulator"):
            assert RANK[other] < RANK[part], f"{module} imports {imported}"


@pytest.mark.parametrize("module", SIMULATOR)
def test_simulator_stands_alone(module: str) -> None:
    """The simulated pool uses nothing of the exporter but its errors and version."""
    others = {imported for imported in _own(MODULES[module]) if _part(imported) != "simulator"}
    assert others <= {"errors", "__init__"}


def test_simulator_is_imported_by_commands_alone() -> None:
    """Only the command line and the service know that there is a simulated pool."""
    users = {module for module in EXPORTER if "simulator" in map(_part, _own(MODULES[module]))}
    assert users <= {"cli.running", "service"}


def test_no_cycles() -> None:
    """No module imports itself by way of others."""
    graph = {module: set(_own(tree)) - {module} for module, tree in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


@pytest.mark.parametrize("module", [module for module in EXPORTER if _part(module) == "model"])
def test_model_knows_plain_types_alone(module: str) -> None:
    """Of what reads a pool the model takes the types of records and RRD values, and dates."""
    others = {imported for imported in _own(MODULES[module]) if _part(imported) != "model"}
    assert others <= {"xapi.records", "xapi.dates", "rrd.values", "plugins.values"}


@pytest.mark.parametrize("module", TABLES)
def test_pure(module: str) -> None:
    """Model, tables and renderer touch no network, file, clock or environment."""
    tree = MODULES[module]
    for name in _imported(tree):
        assert name.partition(".")[0] not in OUTSIDE_WORLD
        if name.startswith("prometheus_client"):
            assert (module, name) == ("exposition", "prometheus_client.Metric")
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "eval", "exec", "__import__"}


def test_model_loads_without_the_network() -> None:
    """Who imports the model gets no HTTP client, XML parser or event loop with it."""
    script = (
        "import sys, xo_exporter.model.build, xo_exporter.model.document, xo_exporter.model.totals;"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "asyncio", "lxml", "XenAPI", "prometheus_client"} & {*run.stdout.split()}


def test_what_a_probe_runs_needs_little() -> None:
    """`health` runs every few seconds: it loads nothing of XAPI, of the tables or of the server."""
    code = (
        "import sys; sys.argv = ['xo-exporter', 'health', '--listen', '127.0.0.1:9']\n"
        "from xo_exporter.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "xo_exporter.health" in loaded
    assert not {"aiohttp", "lxml", "yaml", "xo_exporter.metrics", "xo_exporter.xapi"} & loaded
