"""What a release has: packages that install, an SBOM, and pinned requirements."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.programs import found, output_of
from xo_exporter import __version__

CONSTRAINTS = ("build", "runtime", "test")


def _pinned(root: Path, name: str) -> dict[str, str]:
    text = (root / f"constraints/{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def _required(root: Path, name: str) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    texts = {
        "build": [*project["build-system"]["requires"], *groups["build"]],
        "runtime": project["project"]["dependencies"],
        "test": [text for group in ("dev", "ship") for text in groups[group]],
    }[name]
    return [Requirement(text) for text in texts if isinstance(text, str)]


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_what_is_required_is_pinned(root: Path, name: str) -> None:
    """Each requirement of pyproject.toml has one version, which it allows; `make constraints`."""
    pinned = _pinned(root, name)
    for requirement in _required(root, name):
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_pinned_is_by_hash_and_from_anywhere(root: Path, name: str) -> None:
    """Every version has its hashes, and no line names an index or an address."""
    lines = (root / f"constraints/{name}.txt").read_text("utf-8").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(" "):
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)
        else:
            assert re.fullmatch(r"[A-Za-z0-9._-]+==[^ ]+( ; [^/]+)? \\", line), line
            assert following.startswith("    --hash=")


def test_the_same_is_pinned_everywhere(root: Path) -> None:
    """The tests run with what is built and shipped."""
    test = _pinned(root, "test")
    for name in ("build", "runtime"):
        for package, version in _pinned(root, name).items():
            assert test.get(package, version) == version


def test_the_sdist_is_what_is_committed(clone: Path, tmp_path: Path) -> None:
    """It has all files, so that it can be tested as a clone is, and no password that lies there."""
    own = tmp_path / "clone"
    output_of("git", "clone", "--quiet", clone, own)
    shutil.copy(clone / "pyproject.toml", own)
    (own / "deploy/compose/secrets/pool.password").write_text("secret")
    subprocess.run(
        [found("hatchling"), "build", "--target", "sdist", "--directory", tmp_path],
        cwd=own,
        capture_output=True,
        timeout=60,
        check=True,
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    committed = set(output_of("git", "-C", own, "ls-files").splitlines())
    assert inside - committed == {"PKG-INFO"}
    assert committed - inside == set()


@pytest.mark.timeout(400)  # it fetches packages
def test_a_release_can_be_made(clone: Path, tmp_path: Path) -> None:
    """Sdist and wheel are built and run, also by pipx, and the SBOM names the parts."""
    done = subprocess.run(
        [sys.executable, clone / "deploy/release/check.py", tmp_path],
        env={**os.environ, "PIP_NO_COMPILE": "1"},
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sbom = json.loads((tmp_path / f"xo_exporter-{__version__}.cdx.json").read_text("utf-8"))
    named = {part["name"].lower().replace("_", "-"): part["version"] for part in sbom["components"]}
    pinned = _pinned(clone, "runtime")
    assert named.items() <= pinned.items()
    assert {"aiohttp", "lxml", "xenapi"} <= named.keys()
    assert sbom["metadata"]["component"]["version"] == __version__


def test_a_tag_that_is_not_the_version_is_refused(root: Path, tmp_path: Path) -> None:
    """Nothing is built for a tag of another version."""
    done = subprocess.run(
        [sys.executable, root / "deploy/release/check.py", tmp_path, "--tag", "v99.0.0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"the tag is v99.0.0, the version {__version__}" in done.stderr
    assert not list(tmp_path.iterdir())
