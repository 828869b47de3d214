"""The programs and files that the ways to install it are checked with."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Tool = Callable[..., str]


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the project's folder."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """Give what runs a program of the tests' environment, or of the system, and gives its output.

    `status` is what it is to end with. A program that isn't there skips the test, save in CI.
    """

    def run(name: str, *arguments: str | Path, status: int = 0) -> str:
        own = Path(sys.executable).with_name(name)
        program = str(own) if own.exists() else shutil.which(name)
        if program is None:
            if os.environ.get("CI") == "true":
                pytest.fail(f"{name} is missing")
            pytest.skip(f"needs {name}")
        done = subprocess.run(
            [program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == status, f"{name}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run
