"""The commands of docs/install.md, as far as they can be run without an engine or a cluster."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.programs import missing

USER = 65532  # the image's: tests/deploy/test_image.py


def _section(root: Path, page: str, heading: str) -> str:
    """Give the lines to run of one section, those that go on put together."""
    text = (root / page).read_text("utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return "".join(blocks).replace("\\\n", " ")


def _configuration_of(root: Path, heading: str) -> str:
    """Give where the exporter finds its configuration, as the files of that way say it."""
    deploy = root / "deploy"
    if heading == "systemd":
        unit = (deploy / "systemd/xo-exporter.service").read_text("utf-8")
        found = re.search(r"^ExecStart=.* --config (\S+)$", unit, re.MULTILINE)
        assert found
        return found[1]
    if heading == "Compose":
        compose = yaml.safe_load((deploy / "compose/compose.yml").read_text("utf-8"))
        return str(compose["services"]["exporter"]["configs"][0]["target"])
    text = (deploy / "kubernetes/base/deployment.yml").read_text("utf-8")
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    return str(container["args"][2])


@pytest.mark.parametrize("heading", ["systemd", "Compose", "Kubernetes and Helm"])
def test_each_way_has_its_check(root: Path, heading: str) -> None:
    """The pools can be checked where the exporter runs, with the configuration it has there."""
    run = _section(root, "docs/install.md", heading)
    named = re.findall(r" check --config (\S+)$", run, re.MULTILINE)
    assert named == [_configuration_of(root, heading)]


def test_a_container_checks_with_what_it_serves_with(root: Path) -> None:
    """The same files are mounted for both, read-only."""
    run = _section(root, "docs/install.md", "Container")
    (check,) = re.findall(r"^docker run .* check .*$", run, re.MULTILINE)
    (serve,) = re.findall(r"^docker run .* serve .*$", run, re.MULTILINE)
    mounts = re.compile(r"--volume (\S+):ro")
    assert mounts.findall(check) == mounts.findall(serve)
    assert len(mounts.findall(check)) == 2


@pytest.mark.parametrize("heading", ["Container", "Compose"])
def test_the_password_is_readable_by_the_containers_user_alone(
    root: Path, tmp_path: Path, heading: str
) -> None:
    """What is to be done to the file makes it that user's, and nobody else reads it."""
    if os.geteuid() != 0:
        missing("root's right to give files away")
    (tmp_path / "secrets").mkdir()
    pages = ("Your pool", heading) if heading == "Container" else (heading,)
    run = "".join(_section(root, "docs/install.md", name) for name in pages)
    lines = re.findall(r"^(?:sudo )?((?:install|chown) .*pool\.password.*)$", run, re.MULTILINE)
    assert len(lines) == 2
    subprocess.run(
        ["sh", "-euc", "\n".join(lines)],
        cwd=tmp_path,
        input=b"the password\n",
        check=True,
        timeout=60,
    )
    (file,) = tmp_path.rglob("pool.password")
    assert file.read_text() == "the password\n"
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (USER, 0o600)
