"""What happens in a pool between two scrapes: most of it moves numbers, little of it links."""

import time
from typing import Any, Final

from xo_exporter.simulator import NULL, Database
from xo_exporter.simulator.actions import start_vm, stop_vm

SHARES: Final = {
    "VM_metrics": 0.40,
    "VM_guest_metrics": 0.24,
    "VDI": 0.16,
    "SR": 0.10,
    "host_metrics": 0.10,
}
"""Of the objects that change, by class; where there are too few of one, VDIs make up for them."""

_PAGE: Final = 4096  # bytes
_MOVED_ADDRESSES: Final = 4  # of so many reports of guest agents one has another address


class Changes:
    """Changes one database again and again, each time other objects of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = 0
        self._stopped: tuple[str, str] | None = None  # the VM that was stopped, and its host
        tables = database.tables
        running = [vm for vm in tables["VM"].values() if vm["power_state"] == "Running"]
        self._refs = {
            "VM_metrics": [
                vm["metrics"] for vm in running if vm["metrics"] in tables["VM_metrics"]
            ],
            "VM_guest_metrics": [
                vm["guest_metrics"] for vm in running if vm["guest_metrics"] != NULL
            ],
            "VDI": [
                ref
                for ref, vdi in tables["VDI"].items()
                if vdi["managed"] and not vdi["is_a_snapshot"]
            ],
            "SR": [ref for ref, sr in tables["SR"].items() if int(sr["physical_size"]) > 0],
            "host_metrics": list(tables["host_metrics"]),
        }

    def sizes(self, count: int) -> int:
        """Change how large `count` objects are, or what their agents report; gives how many."""
        self._turn += 1
        changed = 0
        for cls, share in SHARES.items():
            if cls != "VDI":
                changed += self._change(cls, round(count * share))
        return changed + self._change("VDI", count - changed)

    def _change(self, cls: str, count: int) -> int:
        refs = [ref for ref in self._refs[cls] if ref in self._database.tables[cls]]
        count = min(count, len(refs))
        first = self._turn * count
        for number in range(first, first + count):
            self._change_one(cls, refs[number % len(refs)], number)
        return count

    def _change_one(self, cls: str, ref: str, number: int) -> None:
        record = self._database.tables[cls][ref]
        more: dict[str, Any]
        moved = _PAGE * (1 + number % 1000) * (1 if self._turn % 2 else -1)
        match cls:
            case "VM_metrics":
                more = {"memory_actual": str(int(record["memory_actual"]) + moved)}
            case "host_metrics":
                more = {"memory_free": str(abs(int(record["memory_free"]) + moved))}
            case "VM_guest_metrics" if number % _MOVED_ADDRESSES:
                more = {"last_updated": _wire_time()}
            case "VM_guest_metrics":
                address = f"10.{self._turn % 250}.{number // 250 % 250}.{number % 250}"
                more = {"networks": {**record["networks"], "0/ip": address}}
            case _:  # SR and VDI
                used = abs(int(record["physical_utilisation"]) + moved)
                more = {"physical_utilisation": str(used)}
        self._database.modify(cls, ref, more)

    def links(self) -> None:
        """Stop a VM, or start the one that was stopped: its disks and NICs go with it."""
        vms = self._database.tables["VM"]
        if self._stopped is not None:
            start_vm(self._database, *self._stopped, time.time())
            self._stopped = None
            return
        guests = [
            ref
            for ref, vm in vms.items()
            if vm["power_state"] == "Running" and not vm["is_control_domain"] and vm["VBDs"]
        ]
        vm = guests[self._turn % len(guests)]
        self._stopped = vm, vms[vm]["resident_on"]
        stop_vm(self._database, vm, time.time())


def _wire_time() -> str:
    return time.strftime("%Y%m%dT%H:%M:%SZ", time.gmtime())
