"""The configuration, read anew while the service runs."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from xo_exporter.simulator import SimulatedPool, make_estate

IN_TIME = 30.0


@pytest.fixture
def pools() -> Iterator[list[SimulatedPool]]:
    """Run two pools of different names."""
    made = [SimulatedPool(make_estate(hosts=1, vms=2, seed=seed)) for seed in (1, 2)]
    with made[0].run_in_thread(), made[1].run_in_thread():
        yield made


def _entry(pool: SimulatedPool, name: str, **more: object) -> dict[str, object]:
    return {
        "url": pool.url,
        "username": pool.username,
        "password": pool.password,
        "name": name,
        **more,
    }


class Service:
    """A running exporter and its configuration's file."""

    def __init__(self, file: Path, *options: str) -> None:
        self.file = file
        command = [sys.executable, "-m", "xo_exporter", "serve", "--config", str(file)]
        self.process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.log = self.process.stderr
        line = self.until("event=serving")
        self.url = line.split("url=")[1].split()[0]

    def until(self, words: str) -> str:
        """Give the next line of the log with these words."""
        for line in self.log:
            if words in line:
                return line
        raise AssertionError(f"the log ended without {words}")

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Give status and body."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=IN_TIME) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def names(self) -> set[str]:
        """Give the label of each pool that is up."""
        lines = self.get("metrics")[1].splitlines()
        return {line.split('"')[1] for line in lines if line.startswith("xo_up") and "} 1" in line}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start the service with these pools; they end with the test."""
    running: list[Service] = []

    def run(*entries: dict[str, object], options: tuple[str, ...] = ()) -> Service:
        file = tmp_path / "config.yml"
        file.write_text(yaml.safe_dump({"pools": list(entries)}))
        running.append(Service(file, *options))
        return running[-1]

    yield run
    for service in running:
        service.process.terminate()
        service.process.communicate(timeout=IN_TIME)


LIFECYCLE = ("--web.enable-lifecycle",)


@pytest.mark.parametrize("how", ["SIGHUP", "POST", "PUT"])
def test_pools_come_and_go(
    start: Callable[..., Service], pools: list[SimulatedPool], how: str
) -> None:
    """An added pool is read, one that is gone is logged out, one that stays keeps its session."""
    first, second = pools
    service = start(_entry(first, "stays"), _entry(second, "goes"), options=LIFECYCLE)
    assert service.names() == {"stays", "goes"}
    entries = [_entry(first, "stays"), _entry(second, "comes")]
    service.file.write_text(yaml.safe_dump({"pools": entries}))
    if how == "SIGHUP":
        os.kill(service.process.pid, signal.SIGHUP)
    else:
        assert service.get("-/reload", how)[0] == 200
    service.until("the configuration was read anew")
    assert service.names() == {"stays", "comes"}
    assert first.calls["session.login_with_password"] == 1
    assert second.calls["session.login_with_password"] == 2
    assert second.calls["session.logout"] == 1


def test_a_bad_file_changes_nothing(
    start: Callable[..., Service], pools: list[SimulatedPool]
) -> None:
    """What can't be used is told by a line and by 500, and the old configuration stays."""
    service = start(_entry(pools[0], "good"), options=LIFECYCLE)
    service.file.write_text("pools: [{url: nonsense}]")
    status, text = service.get("-/reload", "POST")
    assert status == 500
    assert "the configuration stays as it was" in text
    assert pools[0].password not in text
    service.until("the old one stays in force")
    assert service.names() == {"good"}


def test_it_has_to_be_allowed(start: Callable[..., Service], pools: list[SimulatedPool]) -> None:
    """By HTTP only with the option, and never by GET; by SIGHUP always."""
    service = start(_entry(pools[0], "pool"))
    assert service.get("-/reload", "POST")[0] == 403
    assert service.get("-/reload", "PUT")[0] == 403
    assert service.get("-/reload")[0] == 405
    os.kill(service.process.pid, signal.SIGHUP)
    service.until("the configuration was read anew")


def test_another_choice_keeps_the_session(
    start: Callable[..., Service], pools: list[SimulatedPool]
) -> None:
    """Collectors that read nothing more are switched without a log-in."""
    service = start(_entry(pools[0], "pool"), options=LIFECYCLE)
    assert "xo_vdi_info{" in service.get("metrics")[1]
    wanted = {"pools": [_entry(pools[0], "pool")], "collectors": {"vdi": False}}
    service.file.write_text(yaml.safe_dump(wanted))
    assert service.get("-/reload", "POST")[0] == 200
    text = service.get("metrics")[1]
    assert "xo_vdi_info{" not in text
    assert "xo_vm_info{" in text
    assert pools[0].calls["session.login_with_password"] == 1
