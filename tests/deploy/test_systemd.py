"""The unit for systemd, and the configuration that goes with it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xo_exporter.config import load

Tool = Callable[..., str]


@pytest.fixture
def unit(root: Path, tmp_path: Path) -> Path:
    """Give the unit, for a program that is there."""
    program = tmp_path / "xo-exporter"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (root / "deploy/systemd/xo-exporter.service").read_text("utf-8")
    path = tmp_path / "xo-exporter.service"
    path.write_text(text.replace("/opt/xo-exporter/bin/xo-exporter", str(program)), "utf-8")
    return path


def test_systemd_knows_every_word_of_the_unit(tool: Tool, unit: Path) -> None:
    """It takes the unit without a warning."""
    assert "xo-exporter" not in tool("systemd-analyze", "verify", "--man=no", unit)


def test_an_unknown_word_would_be_seen(tool: Tool, unit: Path) -> None:
    """What it doesn't know it warns of, and does not fail."""
    unit.write_text(unit.read_text("utf-8").replace("PrivateTmp=", "PrivateTemp="), "utf-8")
    assert "PrivateTemp" in tool("systemd-analyze", "verify", "--man=no", unit)


def test_the_service_is_hardened(tool: Tool, unit: Path) -> None:
    """What it is exposed to is no more than 2.0 of 10, as systemd counts."""
    said = tool("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found
    assert float(found[1]) <= 2.0


def test_its_configuration_is_one(root: Path, tmp_path: Path) -> None:
    """The example is read, and names the password as the unit's credential."""
    folder = root / "deploy/systemd"
    text = (folder / "config.yml").read_text("utf-8")
    unit = (folder / "xo-exporter.service").read_text("utf-8")
    credential = re.search(r"^LoadCredential=(\w+):", unit, re.MULTILINE)
    assert credential
    path = f"/run/credentials/xo-exporter.service/{credential[1]}"
    assert path in text
    (tmp_path / "password").write_text("x")
    (tmp_path / "config.yml").write_text(text.replace(path, "password"), "utf-8")
    config = load(tmp_path / "config.yml", {}, collectors={}, metrics=frozenset())
    assert len(config.pools) == 1
