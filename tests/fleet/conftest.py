"""What the tests of a fleet share: its pools, programs, the documented configuration."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from xo_exporter.simulator import SimulatedPool, make_estate

POOLS = 20
IN_TIME = 60.0  # seconds within which what must come has come

SCALING = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")

# Who asks for a pool does so every other second; so an unasked one need not be kept for 10 minutes.
EXPORTER = """
import xo_exporter.cli, xo_exporter.collector, xo_exporter.reading
xo_exporter.collector.IDLE_CHECK = 0.5
xo_exporter.reading.PoolReader.close_if_idle.__defaults__ = (6.0,)
xo_exporter.cli.main()
"""


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=IN_TIME) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="session")
def ask() -> Callable[[str], Any]:
    """Give the JSON at a URL, which must be answered by 200."""

    def load(url: str) -> Any:
        return json.loads(_get(url))

    return load


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object], object], None]:
    """Look until there is what is wanted; a server that isn't up yet is looked at again."""

    def wait(look: Callable[[], object], wanted: object) -> None:
        deadline = time.monotonic() + IN_TIME
        while time.monotonic() < deadline:
            with suppress(OSError):
                if look() == wanted:
                    return
            time.sleep(0.2)
        assert look() == wanted

    return wait


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
    """Run a program and give its address once it is ready; it is ended in the end.

    `PORT` in its arguments becomes a free port. Without the program the test is skipped, but
    never where CI=true.
    """
    with ExitStack() as stack:

        def run(name: str, *arguments: str, ready: str) -> str:
            path = shutil.which(name)
            if path is None:
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{name} is missing")
                pytest.skip(f"{name} is missing")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                address = f"127.0.0.1:{probe.getsockname()[1]}"
            command = [path, *(text.replace("127.0.0.1:PORT", address) for text in arguments)]
            log = tmp_path / f"{address}.log"
            environment = {k: v for k, v in os.environ.items() if not k.startswith("XO_EXPORTER_")}
            with log.open("wb") as output:
                process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
            stack.callback(_end, process)
            _wait_until_ready(process, f"http://{address}{ready}", log)
            return address

        yield run


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + IN_TIME
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            _get(url)
            return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} did not get ready:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
        return program(sys.executable, "-c", EXPORTER, *serve, ready="/-/ready")

    return run
