"""The unit for systemd, and the configuration that goes with it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.programs import output_of
from xo_exporter.config import load


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


def test_systemd_knows_every_word_of_the_unit(unit: Path) -> None:
    """It takes the unit without a warning."""
    assert "xo-exporter" not in output_of("systemd-analyze", "verify", "--man=no", unit)


def test_an_unknown_word_would_be_seen(unit: Path) -> None:
    """What it doesn't know it warns of, and does not fail."""
    unit.write_text(unit.read_text("utf-8").replace("PrivateTmp=", "PrivateTemp="), "utf-8")
    assert "PrivateTemp" in output_of("systemd-analyze", "verify", "--man=no", unit)


def test_the_service_is_hardened(unit: Path) -> None:
    """What it is exposed to is no more than 2.0 of 10, as systemd counts."""
    said = output_of("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
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


@pytest.mark.timeout(400)  # it fetches packages
def test_the_recipe_installs_it(root: Path, tmp_path: Path) -> None:
    """What the page says, line by line but for systemctl, gives the program that the unit runs."""
    page = (root / "deploy/README.md").read_text("utf-8")
    recipe = page.split("## systemd", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
    lines = [line for line in recipe.splitlines() if not line.startswith("systemctl")]
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    script = re.sub(r"(?<=[ \n])/(?=opt/|etc/)", f"{tmp_path}/", "\n" + "\n".join(lines))
    subprocess.run(
        ["bash", "-euc", script],
        cwd=root,
        env={**os.environ, "PIP_NO_COMPILE": "1"},
        input="secret\n",
        text=True,
        timeout=390,
        check=True,
    )
    unit = (tmp_path / "etc/systemd/system/xo-exporter.service").read_text("utf-8")
    found = re.search(r"^ExecStart=/(\S+) serve --config /(\S+)$", unit, re.MULTILINE)
    assert found
    subprocess.run([tmp_path / found[1], "--version"], check=True, timeout=60)
    assert (tmp_path / found[2]).stat().st_mode & 0o777 == 0o644
    password = tmp_path / "etc/xo-exporter/password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert password.read_text() == "secret\n"
