"""A pool that lives: VMs start, stop, move, come and go, SRs fill, metrics change.

What happens follows from the database's seed and the number of ticks alone. Loads follow the hour
of the day by themselves (waves.py).
"""

from collections.abc import Callable

from xo_exporter.simulator import actions, estate_vms
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.estate_plan import GIB, MIB, Plan, plan_of
from xo_exporter.simulator.schema import NULL, Record
from xo_exporter.simulator.sessions import wire_time

_MESSAGES_KEPT = 200
_TASKS_KEPT = 12
_VMS_PER_CHANCE = 50
_FULL = 0.95
_ONE_FAILS_OF = 7  # tasks that end
_ONE_ALARM_IN = 60  # ticks
_FEWEST_BORN = 5


class Life:
    """Moves one database on, tick by tick.

    The VMs of the estate may start, stop and move but are never deleted: those that came later
    are, of which there are a few at a time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plan: Plan = plan_of(database, seed=database.seed ^ 0x11FE)
        self._born: list[str] = []
        self._most_born = _FEWEST_BORN + len(self._guests()) // 10
        self._number = 10_000
        self._ticks = 0
        self._ended_tasks = 0

    def advance(self, now: float) -> None:
        """Let one tick of about five seconds pass, at this Unix time."""
        self._plan.now = now
        self._balloon(now)
        self._fill()
        self._ticks += 1
        if self._ticks % _ONE_ALARM_IN == 0:
            self._alarm(now)
        chances: tuple[tuple[float, Callable[[float], None]], ...] = (
            (0.12, self._start_one),
            (0.08, self._stop_one),
            (0.10, self._migrate_one),
            (0.04, self._make_one),
            (0.03, self._delete_one),
            (0.20, self._finish_task),
        )
        for _ in range(max(1, min(20, len(self._guests()) // _VMS_PER_CHANCE))):
            for chance, happen in chances:
                if self._plan.chance(chance):
                    happen(now)

    # --- who is there

    def _guests(self) -> list[str]:
        return [
            ref
            for ref, record in self._database.tables["VM"].items()
            if not (
                record["is_a_template"] or record["is_a_snapshot"] or record["is_control_domain"]
            )
        ]

    def _pick(self, state: str) -> str | None:
        vms = self._database.tables["VM"]
        found = [ref for ref in self._guests() if vms[ref]["power_state"] == state]
        found = [ref for ref in found if "start" not in vms[ref]["blocked_operations"]]
        return self._plan.random.choice(found) if found else None

    def _free(self, host: str) -> int:
        record = self._database.tables["host"][host]
        metrics = self._database.get("host_metrics", record["metrics"])
        usable = record["enabled"] and metrics is not None and metrics["live"]
        return int(metrics["memory_free"]) if usable and metrics is not None else 0

    def _tied_to(self, record: Record) -> str | None:
        """The host whose local storage a VM has a disk on."""
        for ref in record["VBDs"]:
            vbd = self._database.get("VBD", ref) or {}
            disk = self._database.get("VDI", vbd.get("VDI", NULL)) or {}
            sr = self._database.get("SR", disk.get("SR", NULL))
            if sr is not None and not sr["shared"] and vbd.get("type") == "Disk":
                for pbd in sr["PBDs"]:
                    record_of_pbd = self._database.get("PBD", pbd)
                    if record_of_pbd is not None:
                        return str(record_of_pbd["host"])
        return None

    def _room_for(self, vm: str, *, besides: str = NULL) -> str | None:
        record = self._database.tables["VM"][vm]
        tied = self._tied_to(record)
        hosts = [tied] if tied is not None else list(self._database.tables["host"])
        fitting = [
            host
            for host in hosts
            if host != besides
            and host in self._database.tables["host"]
            and self._free(host) > actions.memory_of(record)
        ]
        return self._plan.random.choice(fitting) if fitting else None

    # --- what happens

    def _start_one(self, now: float) -> None:
        vm = self._pick("Halted")
        host = self._room_for(vm) if vm is not None else None
        if vm is None or host is None:
            return
        actions.start_vm(self._database, vm, host, now)
        record = self._database.tables["VM"][vm]
        if self._plan.chance(0.8):
            agent = self._plan.add(
                "VM_guest_metrics",
                os_version={"name": "Debian GNU/Linux 12 (bookworm)", "distro": "debian"},
                PV_drivers_version={"major": "1", "minor": "0", "micro": "0", "build": "0.4.0"},
                PV_drivers_detected=True,
                PV_drivers_up_to_date=True,
                networks={"0/ip": f"10.99.{int(record['domid']) % 250}.{self._number % 250}"},
                live=True,
                last_updated=wire_time(now),
            )
            self._database.modify("VM", vm, guest_metrics=agent)
        self._report("VM.start", "VM_STARTED", record, now)

    def _stop_one(self, now: float) -> None:
        vm = self._pick("Running")
        if vm is not None:
            actions.stop_vm(self._database, vm, now)
            self._report("VM.clean_shutdown", "VM_SHUTDOWN", self._database.tables["VM"][vm], now)

    def _migrate_one(self, now: float) -> None:
        vm = self._pick("Running")
        if vm is None:
            return
        record = self._database.tables["VM"][vm]
        host = self._room_for(vm, besides=record["resident_on"])
        if host is not None and not record["VGPUs"]:
            actions.migrate_vm(self._database, vm, host)
            self._report("VM.pool_migrate", "VM_MIGRATED", record, now)

    def _make_one(self, now: float) -> None:
        self._born = [vm for vm in self._born if vm in self._database.tables["VM"]]
        if len(self._born) >= self._most_born:
            return
        if not (self._plan.hosts and self._plan.networks and self._plan.has_storage):
            return
        self._number += 1
        guest = estate_vms.choose_guest(self._plan, self._number, state="Halted")
        vm = estate_vms.make_vm(self._plan, self._number, guest)
        tables, srs = self._database.tables, set()
        for vbd in tables["VM"][vm]["VBDs"]:
            record = tables["VBD"][vbd]
            if record["type"] == "Disk":
                actions.account_for(self._database, record["VDI"])
                srs.add(tables["VDI"][record["VDI"]]["SR"])
        if any(self._is_full(sr) for sr in srs):
            actions.delete_vm(self._database, vm)  # there was no room for its disks
            return
        self._born.append(vm)
        self._report("VM.clone", "VM_CLONED", self._database.tables["VM"][vm], now)

    def _delete_one(self, now: float) -> None:
        vms = self._database.tables["VM"]
        self._born = [vm for vm in self._born if vm in vms]
        halted = [vm for vm in self._born if vms[vm]["power_state"] == "Halted"]
        if halted:
            vm = self._plan.random.choice(halted)
            self._report("VM.destroy", "VM_DELETED", vms[vm], now)
            actions.delete_vm(self._database, vm)

    def _balloon(self, now: float) -> None:
        """Some VMs give memory back and take it again; XAPI notes when it last looked."""
        vms = self._database.tables["VM"]
        running = [ref for ref in self._guests() if vms[ref]["power_state"] == "Running"]
        hosts = set()
        for vm in self._plan.random.sample(running, min(len(running), 1 + len(running) // 20)):
            record = vms[vm]
            least, most = int(record["memory_dynamic_min"]), int(record["memory_dynamic_max"])
            actual = self._plan.random.randrange(least, most + 1, 4 * MIB) if least < most else most
            if self._database.get("VM_metrics", record["metrics"]) is not None:
                self._database.modify(
                    "VM_metrics",
                    record["metrics"],
                    memory_actual=str(actual),
                    last_updated=wire_time(now),
                )
            if record["memory_target"] != str(actual):
                self._database.modify("VM", vm, memory_target=str(actual))
            hosts.add(record["resident_on"])
        for host in sorted(hosts):
            actions.settle_memory(self._database, host)

    def _is_full(self, sr: str) -> bool:
        record = self._database.tables["SR"][sr]
        size, used = int(record["physical_size"]), int(record["physical_utilisation"])
        return used > size * _FULL

    def _fill(self) -> None:
        """One disk on thin storage grows, until its SR is nearly full and gets cleaned up."""
        srs = self._database.tables["SR"]
        thin = [ref for ref, record in srs.items() if record["type"] in {"ext", "nfs", "zfs"}]
        thin = [ref for ref in thin if int(srs[ref]["physical_size"]) > 0 and srs[ref]["VDIs"]]
        if not thin:
            return
        ref = self._plan.random.choice(thin)
        record = srs[ref]
        vdi = self._plan.random.choice(record["VDIs"])
        disk = self._database.get("VDI", vdi)
        if disk is None:
            return
        size, used = int(record["physical_size"]), int(record["physical_utilisation"])
        if self._is_full(ref):
            self._database.modify("SR", ref, physical_utilisation=str(int(size * 0.7)))
            return
        held = int(disk["physical_utilisation"])
        grown = min(int(disk["virtual_size"]), held + self._plan.random.randrange(4 * MIB, GIB))
        if grown > held:
            self._database.modify("VDI", vdi, physical_utilisation=str(grown))
            self._database.modify("SR", ref, physical_utilisation=str(used + grown - held))

    def _report(self, task: str, message: str, record: Record, now: float) -> None:
        """Leave the task and the message that such an event leaves in a pool."""
        stamp = wire_time(now)
        self._plan.add(
            "task", name_label=task, status="pending", created=stamp, progress=0.3, type="<none/>"
        )
        fields = {"cls": "VM", "obj_uuid": record["uuid"], "timestamp": stamp, "priority": "5"}
        self._plan.add("message", name=message, **fields)
        self._trim("message", _MESSAGES_KEPT)
        self._trim("task", _TASKS_KEPT)

    def _alarm(self, now: float) -> None:
        """A host's perfmon finds its control domain busy."""
        hosts = list(self._database.tables["host"].values())
        self._database.add(
            "message",
            name="ALARM",
            priority="3",
            cls="Host",
            obj_uuid=hosts[self._ticks // _ONE_ALARM_IN % len(hosts)]["uuid"],
            timestamp=wire_time(now),
            body='value: 0.96\nconfig:\n<variable>\n<name value="cpu_usage"/>\n</variable>',
        )
        self._trim("message", _MESSAGES_KEPT)

    def _finish_task(self, now: float) -> None:
        for ref in self._database.find("task", status="pending")[:1]:
            self._ended_tasks += 1
            status = "success" if self._ended_tasks % _ONE_FAILS_OF else "failure"
            self._database.modify("task", ref, status=status, progress=1.0, finished=wire_time(now))

    def _trim(self, cls: str, most: int) -> None:
        for ref in list(self._database.tables[cls])[:-most]:
            self._database.delete(cls, ref)
