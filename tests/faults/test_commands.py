"""What a command leaves behind at a pool that is slow."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import environment
from xo_exporter.simulator import SimulatedPool, Slow, make_estate


@pytest.mark.parametrize("command", ["metrics", "check"])
def test_a_log_in_that_comes_too_late_is_logged_out(command: str, tmp_path: Path) -> None:
    """A command waits a moment for a log-in that it gave up, so that no session stays open."""
    file = tmp_path / "xo.yml"
    with SimulatedPool(make_estate(hosts=1, vms=1, seed=3)).run_in_thread() as pool:
        pool.faults.add(Slow(delay=1.2), method="session.login_with_password")
        file.write_text(
            f"pools:\n"
            f"  - {{url: '{pool.url}', username: root, password: simulated, timeout: 500ms}}\n"
        )
        result = subprocess.run(
            [sys.executable, "-m", "xo_exporter", command, "--config", str(file)],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=60,
            check=False,
        )
        assert result.returncode == 1
        assert "did not answer" in result.stdout + result.stderr
        assert pool.sessions.logins == 1
        assert pool.do(lambda: pool.sessions.open) == []
