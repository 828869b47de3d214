"""What the tests of a fleet share: its pools, programs, the documented configuration."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.programs import serving
from xo_exporter.simulator import SimulatedPool, make_estate

POOLS = 20

SCALING = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")

# Who asks for a pool does so every other second; so an unasked one need not be kept for 10 minutes.
EXPORTER = """
import xo_exporter.cli, xo_exporter.collector, xo_exporter.reading
xo_exporter.collector.IDLE_CHECK = 0.5
xo_exporter.reading.PoolReader.close_if_idle.__defaults__ = (6.0,)
xo_exporter.cli.main()
"""


@pytest.fixture(scope="session")
def snippet() -> Callable[[str, Mapping[str, str]], str]:
    """Give a block of docs/scaling.md by the first word of its first line, a comment.

    Each text that stands for what a test has in its place must be there.
    """
    blocks = re.findall(
        r"^```\w+\n# ([\w.-]+)[^\n]*\n(.*?)^```$", SCALING, re.DOTALL | re.MULTILINE
    )

    def fill(name: str, places: Mapping[str, str]) -> str:
        [text] = [body for title, body in blocks if title == name]
        for place, ours in places.items():
            assert place in text
            text = text.replace(place, ours)
        return str(text)

    return fill


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Run a server as `serving` does, and give its address; it is ended in the end."""
    with ExitStack() as stack:
        yield lambda *command, **options: stack.enter_context(
            serving(*command, logs=tmp_path, **options)
        )


@pytest.fixture(scope="module")
def fleet() -> Iterator[dict[str, SimulatedPool]]:
    """Run 20 small pools; gives them by name."""
    with ExitStack() as stack:
        yield {
            f"pool-{number}": stack.enter_context(
                SimulatedPool(make_estate(hosts=1, vms=2, seed=number)).run_in_thread()
            )
            for number in range(POOLS)
        }


@pytest.fixture
def exporter(
    tmp_path: Path,
    fleet: dict[str, SimulatedPool],
    program: Callable[..., str],
    snippet: Callable[[str, Mapping[str, str]], str],
) -> Callable[[], str]:
    """Run an exporter of the whole fleet and give its address; each one is like the others."""
    [documented] = yaml.safe_load(snippet("xo.yml", {}))["pools"]
    assert documented["url"].startswith("https://")
    (tmp_path / "password").write_text("simulated")
    pools = [
        {**documented, "name": name, "url": pool.url, "username": pool.username}
        | {"password_file": "password"}
        for name, pool in fleet.items()
    ]
    for pool in pools:
        del pool["tls"]  # a simulated pool does without
    (tmp_path / "xo.yml").write_text(yaml.safe_dump({"pools": pools}))

    def run() -> str:
        serve = ("serve", "--config", str(tmp_path / "xo.yml"), "--listen", "127.0.0.1:PORT")
        return program(sys.executable, "-c", EXPORTER, *serve)

    return run
