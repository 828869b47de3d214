"""The programs that tests run: found, at a free port, with what they say kept, ended in the end."""

import itertools
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import pytest

IN_TIME: Final = 60.0  # seconds within which what must come has come

_Seen = TypeVar("_Seen")

_LOOPBACK: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PORTS: Final = itertools.cycle(random.SystemRandom().sample(range(20_000, 32_000), 12_000))


def missing(what: str) -> NoReturn:
    """Skip the test for want of something, or fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def found(name: str) -> str:
    """Give the path of a program, of the tests' environment or of the system.

    Without it the test is skipped, but never where CI=true.
    """
    own = Path(sys.executable).parent / name
    return shutil.which(str(own)) or shutil.which(name) or missing(name)


def free_port() -> int:
    """Give a port that nobody has, at any address.

    The kernel doesn't give it out by itself (Linux begins at 32768). One that it does, as by
    bind(0), may be the near end of somebody's connection, or another server's, before the program
    that it was picked for is there. Nor is a port given again before all others were. They are
    drawn by the system's own chance, since Hypothesis gives `random` the same seed everywhere.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def environment(**variables: str) -> dict[str, str]:
    """Give this process's environment, the exporter's variables taken out, and these added."""
    kept = {name: text for name, text in os.environ.items() if "XO_EXPORTER_" not in name}
    return {**kept, **variables}


def output_of(name: str, *arguments: str | Path, status: int = 0, stdin: str = "") -> str:
    """Run a program to its end, which is to have this status, and give all that it says."""
    done = subprocess.run(
        [found(name), *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=IN_TIME,
        check=False,
    )
    if done.returncode != status:
        pytest.fail(f"{name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


@contextmanager
def running(*command: str, log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside the test, with what it says in a file; it is ended in the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(**variables), stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(
    name: str, *arguments: str, logs: Path, ready: str = "/-/ready", **variables: str
) -> Iterator[str]:
    """Run a server, and give its address once it answers there with 200; it is ended in the end.

    `127.0.0.1:PORT` in its arguments becomes that address; `logs` is a folder.
    """
    address = f"127.0.0.1:{free_port()}"
    command = [found(name), *(text.replace("127.0.0.1:PORT", address) for text in arguments)]
    log = logs / f"{address}.log"
    with running(*command, log=log, **variables) as process:
        deadline = time.monotonic() + IN_TIME
        while not _answers(f"http://{address}{ready}"):
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text("utf-8", "replace")
                pytest.fail(f"{command} did not get ready:\n{said[-2000:]}")
            time.sleep(0.05)
        yield address


def _answers(url: str) -> bool:
    with suppress(OSError):
        get(url)
        return True
    return False


def get(url: str) -> str:
    """Give the body of an answer, which must be 200."""
    with _LOOPBACK.open(url, timeout=IN_TIME) as answer:
        return str(answer.read().decode())


def eventually(look: Callable[[], _Seen]) -> _Seen:
    """Look until there is something, which must be soon, and give it.

    A server that isn't up yet is looked at again.
    """
    deadline = time.monotonic() + IN_TIME
    while time.monotonic() < deadline:
        with suppress(OSError):
            if seen := look():
                return seen
        time.sleep(0.1)
    pytest.fail("waited in vain")
