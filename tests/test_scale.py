"""The largest pool that there is, simulated beside the exporter: every sample is there."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import XenAPI
from prometheus_client.parser import text_string_to_metric_families

from tests.programs import environment

HOSTS, VMS = 64, 2000


def _everything(url: str) -> dict[str, dict[str, Any]]:
    """Give the pool's records by class and reference, as another client of XAPI sees them."""
    session = XenAPI.Session(url)
    session.login_with_password("root", "simulated", "1.0", "test of scale")
    try:
        classes = ("host", "host_metrics", "VM", "VM_metrics", "VBD", "VDI", "SR", "PBD")
        return {name: getattr(session.xenapi, name).get_all_records() for name in classes}
    finally:
        session.xenapi.session.logout()
        session("close")()


@pytest.mark.timeout(240)
def test_64_hosts_and_2000_vms_are_scraped_in_full(tmp_path: Path) -> None:
    """Each host, VM, SR, PBD, VDI and VBD of the pool has its samples, with status 0."""
    command = [sys.executable, "-m", "xo_exporter"]
    simulate = ["simulate", "--hosts", str(HOSTS), "--vms", str(VMS), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, *simulate], stdout=subprocess.PIPE, text=True, env=environment()
    ) as simulated:
        try:
            assert simulated.stdout is not None
            found = re.match(r"url=(\S+) ", simulated.stdout.readline())
            assert found is not None
            (tmp_path / "xo.yml").write_text(
                f"pools: [{{url: '{found[1]}', username: root, password: simulated, timeout: 2m}}]"
            )
            scraped = subprocess.run(
                [*command, "metrics", "--config", str(tmp_path / "xo.yml")],
                capture_output=True,
                text=True,
                encoding="utf-8",
                env=environment(),
                timeout=150,
                check=False,
            )
            assert (scraped.returncode, scraped.stderr) == (0, "")
            records = _everything(found[1])
        finally:
            simulated.terminate()
    uuids, cores = _exposed(scraped.stdout)
    _compare(uuids, records)
    _compare_cores(cores, records)


def _exposed(text: str) -> tuple[dict[str, set[str]], dict[str, Counter[str]]]:
    """Give the UUIDs that have a sample, and how many cores each has, by the metric's name."""
    uuids: dict[str, set[str]] = {}
    cores: dict[str, Counter[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            uuid = sample.labels.get("uuid", "")
            uuids.setdefault(sample.name, set()).add(uuid)
            if "core" in sample.labels:
                cores.setdefault(sample.name, Counter())[uuid] += 1
    return uuids, cores


def _guests(records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        ref: vm
        for ref, vm in records["VM"].items()
        if not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
    }


def _compare(uuids: dict[str, set[str]], records: dict[str, dict[str, Any]]) -> None:
    guests = _guests(records)
    running = {vm["uuid"] for vm in guests.values() if vm["power_state"] == "Running"}
    live = {
        host["uuid"]
        for host in records["host"].values()
        if records["host_metrics"][host["metrics"]]["live"]
    }
    hosts = {host["uuid"] for host in records["host"].values()}
    vms = {vm["uuid"] for vm in guests.values()}
    disks = {
        vdi["uuid"]
        for vdi in records["VDI"].values()
        if vdi["managed"] and not vdi["is_a_snapshot"]
    }
    assert len(hosts) == HOSTS
    assert len(vms) >= VMS
    expected = {
        "xo_host_info": hosts,
        "xo_host_memory_size_bytes": hosts,
        "xo_host_rrd_up": live,
        "xo_host_cpu_usage_ratio": live,
        "xo_host_memory_usage_bytes": live,
        "xo_vm_info": vms,
        "xo_vm_power_state": vms,
        "xo_vm_memory_size_bytes": vms,
        "xo_vm_cpu_usage_ratio": running,
        "xo_sr_info": {sr["uuid"] for sr in records["SR"].values()},
        "xo_pbd_attached": {pbd["uuid"] for pbd in records["PBD"].values()},
        "xo_vdi_info": disks,
        "xo_vdi_size_bytes": disks,
        "xo_vbd_attached": {vbd["uuid"] for vbd in records["VBD"].values() if vbd["VM"] in guests},
    }
    for name, wanted in expected.items():
        assert uuids[name] == wanted, name


def _compare_cores(cores: dict[str, Counter[str]], records: dict[str, dict[str, Any]]) -> None:
    assert cores["xo_host_cpu_core_usage_ratio"] == {
        host["uuid"]: int(host["cpu_info"]["cpu_count"]) for host in records["host"].values()
    }
    assert cores["xo_vm_cpu_core_usage_ratio"] == {
        vm["uuid"]: int(records["VM_metrics"][vm["metrics"]]["VCPUs_number"])
        for vm in _guests(records).values()
        if vm["power_state"] == "Running"
    }
