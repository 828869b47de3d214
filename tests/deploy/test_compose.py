"""The Compose project: as Compose itself understands it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import output_of
from xo_exporter.config import load

PROFILES = {"demo": "exporter-demo", "pools": "exporter"}


@pytest.fixture(scope="session")
def folder(root: Path) -> Path:
    """Give the folder of the project."""
    return root / "deploy/compose"


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    """Give one of the profiles."""
    return str(request.param)


@pytest.fixture
def services(folder: Path, profile: str) -> dict[str, Any]:
    """Give the services that run with the profile."""
    arguments = ("-f", folder / "compose.yml", "--profile", profile)
    found: dict[str, Any] = json.loads(
        output_of("docker-compose", *arguments, "config", "--format", "json")
    )["services"]
    return found


def test_each_profile_has_its_exporter(services: dict[str, Any], profile: str) -> None:
    """There is one exporter beside Prometheus, Alertmanager and Grafana; the demo runs `demo`."""
    exporter = PROFILES[profile]
    assert set(services) == {exporter, "prometheus", "alertmanager", "grafana"}
    command = services[exporter]["command"]
    assert command[0] == ("demo" if profile == "demo" else "serve")
    assert ("secrets" in services[exporter]) == (profile == "pools")


def test_without_a_profile_it_is_your_pools(folder: Path) -> None:
    """`docker compose up` alone starts an exporter, too."""
    named = output_of(
        "docker-compose", "-f", folder / "compose.yml", "config", "--services"
    ).split()
    assert "exporter" in named
    assert "exporter-demo" not in named


def test_every_service_is_hardened(services: dict[str, Any]) -> None:
    """None writes to its image, gains privileges, or is reached from other machines."""
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}, name
        assert service["restart"] == "unless-stopped", name


def test_images_are_pinned_or_built_here(services: dict[str, Any]) -> None:
    """Another's image has its version and its digest; the exporter's is built from this source."""
    for name, service in services.items():
        if "build" in service:
            assert (Path(service["build"]["context"]) / "Dockerfile").is_file()
        else:
            assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", service["image"]), (
                name
            )


def test_what_is_mounted_is_there(services: dict[str, Any]) -> None:
    """Each file and folder of this project that a service mounts exists and isn't empty."""
    mounted = [
        Path(volume["source"])
        for service in services.values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind"
    ]
    assert len(mounted) >= 6
    for path in mounted:
        assert path.is_file() or any(path.iterdir()), path


def test_prometheus_takes_its_configuration(folder: Path) -> None:
    """It is valid; the job is that of the rules, the target the exporter's name here."""
    output_of("promtool", "check", "config", "--syntax-only", folder / "prometheus.yml")
    config = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
    job = config["scrape_configs"][0]
    thresholds = yaml.safe_load((folder / "../prometheus/thresholds.yml").read_text("utf-8"))
    assert job["job_name"] == thresholds["job"]
    assert job["honor_labels"] is True
    (target,) = job["static_configs"][0]["targets"]
    compose = yaml.safe_load((folder / "compose.yml").read_text("utf-8"))
    name, port = target.split(":")
    assert name in compose["x-exporter"]["networks"]["default"]["aliases"]
    assert f"127.0.0.1:19773:{port}" in compose["x-exporter"]["ports"]


def test_the_example_configuration_is_one(folder: Path, tmp_path: Path) -> None:
    """The exporter reads it, and finds the password where Compose puts it."""
    text = (folder / "xo-exporter.yml").read_text("utf-8")
    compose = yaml.safe_load((folder / "compose.yml").read_text("utf-8"))
    (secret,) = compose["secrets"]
    (tmp_path / "password").write_text("x")
    own = text.replace(f"/run/secrets/{secret}", "password")
    assert own != text
    (tmp_path / "config.yml").write_text(own, "utf-8")
    config = load(tmp_path / "config.yml", {}, collectors={}, metrics=frozenset())
    assert len(config.pools) == 1


def test_no_password_can_be_committed(clone: Path) -> None:
    """Git ignores what is put beside the project as a secret."""
    output_of("git", "-C", clone, "check-ignore", "deploy/compose/secrets/pool.password")


def test_grafana_is_provisioned(services: dict[str, Any], folder: Path) -> None:
    """It finds the dashboards where they are mounted, and Prometheus by its name here."""
    mounts = {volume["target"]: volume["source"] for volume in services["grafana"]["volumes"]}
    providers = yaml.safe_load((folder / "grafana/dashboards.yml").read_text("utf-8"))["providers"]
    dashboards = Path(mounts[providers[0]["options"]["path"]])
    assert list(dashboards.glob("*.json"))
    sources = yaml.safe_load((folder / "grafana/datasource.yml").read_text("utf-8"))["datasources"]
    assert sources[0]["isDefault"] is True
    service, port = sources[0]["url"].removeprefix("http://").split(":")
    assert {str(one["target"]) for one in services[service]["ports"]} == {port}


def test_alerts_find_alertmanager(services: dict[str, Any], folder: Path) -> None:
    """Prometheus sends to the service that reads deploy/alertmanager, which amtool takes."""
    config = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
    (target,) = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    service, port = target.split(":")
    assert {str(one["target"]) for one in services[service]["ports"]} == {port}
    mounts = {volume["target"]: volume["source"] for volume in services[service]["volumes"]}
    output_of("amtool", "check-config", Path(mounts["/etc/alertmanager"]) / "alertmanager.yml")
    mounted = {volume["target"] for volume in services["prometheus"]["volumes"]}
    assert {str(Path(rule).parent) for rule in config["rule_files"]} <= mounted
