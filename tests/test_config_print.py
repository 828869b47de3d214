"""`config print`, `config check` and `completion`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.programs import environment
from xo_exporter.config import load
from xo_exporter.config_print import printed
from xo_exporter.metrics.selection import choosable_names
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.secret import HIDDEN

WHOLE = """
listen: "[::1]:1234"
pools:
  - url: https://xcp1.example.org:8443
    members: [https://xcp2.example.org]
    username: monitor
    password: "do not show"
    name: Main
    tls: {fingerprint_sha256: ["%s"]}
    timeout: 1500ms
  - url: http://127.0.0.1:8080
    username: root
    password_file: password
    tls: {verify: false}
collectors: {vdi: false}
metrics: {include: ["xo_vm_*"], exclude: [xo_vm_info]}
labels: {other_config: {vm: [folder]}, tags: {vm: ["env:*", critical]}}
vms: {exclude_tags: ["no *"], power_states: [Running]}
max_series_per_family: 100
""" % ("ab" * 32)


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "xo_exporter", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a configuration in which nothing is as by default."""
    (tmp_path / "password").write_text("nor this")
    path = tmp_path / "config.yml"
    path.write_text(WHOLE)
    return path


def test_what_is_printed_reads_back_as_the_same(file: Path) -> None:
    """All but the passwords is there, in the file's own keys, defaults included."""

    def read(path: Path) -> object:
        return load(path, {}, collectors=COLLECTORS, metrics=choosable_names())

    first = load(file, {}, collectors=COLLECTORS, metrics=choosable_names())
    text = printed(first)
    assert "do not show" not in text
    assert "nor this" not in text
    again = file.with_name("again.yml")
    again.write_text(text.replace(HIDDEN, "do not show"))
    assert read(again) == first


def test_config_print(file: Path) -> None:
    """The command prints YAML, with what the command line says otherwise."""
    done = _run("config", "print", "--config", str(file), "--no-collector.vm")
    assert (done.returncode, done.stderr) == (0, "")
    found = yaml.safe_load(done.stdout)
    assert found["collectors"]["vm"] is False
    assert found["collectors"].keys() == COLLECTORS.keys()
    assert found["pools"][0]["password"] == HIDDEN


def test_config_check(file: Path) -> None:
    """A configuration that can be used is 0, another is 2 and one line."""
    good = _run("config", "check", "--config", str(file))
    assert (good.returncode, good.stderr) == (0, "")
    assert "Main" in good.stdout
    file.write_text(WHOLE.replace("timeout", "time_out"))
    bad = _run("config", "check", "--config", str(file))
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
    assert "time_out" in bad.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """Each shell gets a script of its own that names the command."""
    done = _run("completion", shell)
    assert done.returncode == 0
    assert "_XO_EXPORTER_COMPLETE" in done.stdout


def test_completion_completes() -> None:
    """What the script asks for, it gets: commands and options."""
    environ = {**os.environ, "COMP_WORDS": "xo-exporter dem", "COMP_CWORD": "1"}
    environ["_XO_EXPORTER_COMPLETE"] = "bash_complete"
    script = Path(sys.executable).with_name("xo-exporter")
    done = subprocess.run([script], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "plain,demo"


def test_version_has_build_facts() -> None:
    """The version says what it runs on and with."""
    done = _run("--version")
    assert done.stdout.startswith("xo-exporter, version ")
    assert "Python" in done.stdout
    assert "XenAPI" in done.stdout
