"""The container image: built on a plain Debian, and run as its user."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import eventually, found, free_port, get, missing

ROOT = Path(__file__).parents[2]
USER = 65532
BASE = "localhost/xo-exporter-test-base"
IMAGE = "localhost/xo-exporter-test"
NEEDED = ("buildah", "debootstrap")

pytestmark = [
    pytest.mark.xdist_group("image"),
    pytest.mark.timeout(900),  # the base is fetched package by package
]


def _run(*command: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give an image with Python and nothing else."""
    for program in NEEDED:
        found(program)
    if os.geteuid() != 0:
        missing("root's right to make images")
    if BASE in _run("buildah", "images", "--format", "{{.Name}}"):
        return BASE
    work = tmp_path_factory.mktemp("base")
    include = "--include=python3,python3-venv,ca-certificates"
    _run("debootstrap", "--variant=minbase", include, "bookworm", str(work / "root"))
    _run("tar", "-C", str(work / "root"), "-cf", str(work / "base.tar"), ".")
    (work / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
    _run("buildah", "bud", "-q", "-t", BASE, str(work))
    shutil.rmtree(work)
    return BASE


@pytest.fixture(scope="module")
def image(base: str) -> str:
    """Give the image that the Dockerfile makes on it."""
    # Where this machine's way to the registry has an authority of its own.
    authority = os.environ.get("PIP_CERT")
    trust = ["-v", f"{authority}:/run/ca.crt:ro", "--build-arg", "PIP_CERT=/run/ca.crt"]
    arguments = ["--build-arg", f"BASE={base}", *(trust if authority else [])]
    _run("buildah", "bud", "-q", "--format", "docker", *arguments, "-t", IMAGE, str(ROOT))
    return IMAGE


@pytest.fixture
def container(image: str) -> Iterator[str]:
    """Give a container of the image."""
    name = _run("buildah", "from", image)
    yield name
    _run("buildah", "rm", name)


def _processes(*words: str) -> list[int]:
    """Give those of the image's user whose command has these words."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().decode().split("\0")
            owner = path.stat().st_uid
        except OSError:
            continue
        if owner == USER and "python" in command[0] and set(words) <= set(command):
            found.append(int(path.name))
    return found


def test_the_image_runs_as_its_user_and_answers_a_scrape(container: str) -> None:
    """A container shows the simulated pool, is healthy, writes no file, and ends on SIGTERM."""
    listen = f"127.0.0.1:{free_port()}"
    run = ["buildah", "run", "--isolation", "chroot", container, "--"]
    process = subprocess.Popen([*run, "xo-exporter", "demo", "--listen", listen])

    def scraped() -> str:
        assert process.poll() is None
        return get(f"http://{listen}/metrics")

    try:
        text = eventually(scraped)
        assert re.findall("^xo_up.*", text, re.MULTILINE) == ['xo_up{pool="demo"} 1.0']
        _run(*run, "xo-exporter", "health", "--listen", listen)
        (pid,) = _processes("demo", listen)
        os.kill(pid, signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        for pid in _processes(listen):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait(30)
    unhealthy = subprocess.run(
        [*run, "xo-exporter", "health", "--listen", listen], capture_output=True, check=False
    )
    assert unhealthy.returncode == 1
    written = _run(*run, "sh", "-c", f"find / -xdev -user {USER} 2>/dev/null || true")
    assert written == ""


def test_the_image_says_what_it_is(image: str) -> None:
    """It has a user that isn't root, a health check, a port, and the labels of the OCI."""
    said = _run("buildah", "inspect", "--type", "image", image)
    for part in (f'"User": "{USER}:{USER}"', '"health"', '"19773/tcp"', '"xo-exporter"'):
        assert part in said
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f'"org.opencontainers.image.{label}"' in said


def test_nothing_but_the_runtime_is_in_it(container: str) -> None:
    """Neither pip nor the sources' tests are in the installed environment."""
    run = ["buildah", "run", "--isolation", "chroot", container, "--"]
    inside = _run(*run, "ls", "/opt/xo-exporter/bin")
    assert "xo-exporter" in inside
    assert "pip" not in inside
    assert _run(*run, "sh", "-c", "ls -d /src /wheels /build 2>/dev/null || true") == ""
