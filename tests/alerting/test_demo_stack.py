"""`demo --with-prometheus` runs the whole, and ends it."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import environment, eventually, found, get
from xo_exporter.demo_stack import installed
from xo_exporter.errors import ConfigError

DEMO = (sys.executable, "-m", "xo_exporter", "demo", "--listen", "127.0.0.1:0", "--with-prometheus")


def _refused(url: str) -> bool:
    try:
        get(url)
    except ConnectionRefusedError:
        return True
    except OSError as error:
        return "refused" in str(error)
    return False


@pytest.mark.xdist_group("prometheus")
def test_the_demo_runs_prometheus_and_alertmanager(tmp_path: Path) -> None:
    """It says where they are; the rules are loaded and see the pool; with it both end."""
    found("prometheus")
    found("prometheus-alertmanager")
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            DEMO, stdout=output, stderr=output, env=environment(TMPDIR=str(tmp_path))
        ) as process,
    ):
        try:
            eventually(lambda: "alertmanager=http" in log.read_text() or process.poll() is not None)
            said = dict(re.findall(r"(prometheus|alertmanager)=(http://[^/\s]+)", log.read_text()))

            def scraped() -> bool:
                targets = json.loads(get(f"{said['prometheus']}/api/v1/targets"))["data"]
                return [each["health"] for each in targets["activeTargets"]] == ["up"]

            eventually(scraped)
            rules = json.loads(get(f"{said['prometheus']}/api/v1/rules"))["data"]["groups"]
            assert {"xo-recording", "xo-storage"} <= {group["name"] for group in rules}
            known = json.loads(get(f"{said['prometheus']}/api/v1/alertmanagers"))["data"]
            [alertmanager] = known["activeAlertmanagers"]
            assert alertmanager["url"].startswith(said["alertmanager"])
            status = json.loads(get(f"{said['alertmanager']}/api/v2/status"))
            assert "email" not in status["config"]["original"]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert all(_refused(url) for url in said.values())
    assert list(tmp_path.iterdir()) == [log]


def test_what_is_not_installed_is_told(tmp_path: Path) -> None:
    """Without the programs it ends with status 2 before anything starts, and says what to do."""
    done = subprocess.run(
        DEMO,
        env=environment(PATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("apt-get install prometheus prometheus-alertmanager")


def test_rules_that_did_not_come_along_are_told(tmp_path: Path) -> None:
    """An installation without the folder of the rules says so, and what to do."""
    with pytest.raises(ConfigError, match="run it in a clone of the repository"):
        installed(tmp_path)


def test_a_server_that_asks_for_a_password_is_not_scraped() -> None:
    """--with-prometheus and --web.config.file exclude each other."""
    command = [*DEMO, "--web.config.file", "web.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--with-prometheus goes without --web.config.file" in done.stderr
