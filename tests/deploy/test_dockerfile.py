"""The Dockerfile, read."""

import re
from pathlib import Path

from tests.programs import output_of


def test_hadolint_has_nothing_to_say(root: Path) -> None:
    """It follows the rules for Dockerfiles."""
    assert output_of("hadolint", "--failure-threshold", "style", root / "Dockerfile") == ""


def test_it_names_no_architecture(root: Path) -> None:
    """The same file builds for every architecture that the base and the wheels are there for."""
    text = (root / "Dockerfile").read_text("utf-8")
    assert not re.search(r"amd64|arm64|x86_64|aarch64|--platform", text)


def test_the_builder_sees_only_what_is_copied(root: Path) -> None:
    """What .dockerignore lets through are the sources of the COPY lines, and no others."""
    ignore = (root / ".dockerignore").read_text("utf-8").splitlines()
    seen = {line[1:] for line in ignore if line.startswith("!")}
    text = (root / "Dockerfile").read_text("utf-8")
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
        for word in line.split()
    }
    assert copied == seen
    assert all((root / path).exists() for path in seen)
