"""The VMs with their disks, NICs and metrics, and what grows around them."""

from typing import Any, NamedTuple

from xo_exporter.simulator import estate_texts as texts
from xo_exporter.simulator.actions import OPERATIONS
from xo_exporter.simulator.estate_plan import GIB, MIB, Plan, Storage
from xo_exporter.simulator.estate_storage import make_vdi
from xo_exporter.simulator.names import ROLES, STAGES, TAGS, TEMPLATES, UNICODE_NAMES
from xo_exporter.simulator.schema import EPOCH, NULL

_STATES = ("Running",) * 15 + ("Paused", "Suspended", "Halted", "Halted", "Halted")


class Guest(NamedTuple):
    """What a VM is, before it is made."""

    label: str
    description: str
    system: str
    distro: str
    state: str
    host: str
    has_agent: bool


def choose_guest(plan: Plan, number: int, *, state: str = "") -> Guest:
    """Choose what the VM of this number is: its name, system, state and host."""
    role, description, system, distro = ROLES[plan.random.randrange(len(ROLES))]
    stage = plan.random.choice(STAGES)
    label = f"{role}-{stage}-{number:02}" if number % 3 else f"{role}-{number:02}"
    if number % 17 == 5:
        label = UNICODE_NAMES[number // 17 % len(UNICODE_NAMES)]
    chosen = state or _STATES[number * 7 % len(_STATES)]
    host = plan.hosts[number % len(plan.hosts)]
    return Guest(label, description, system, distro, chosen, host, plan.chance(0.85))


def make_vm(plan: Plan, number: int, guest: Guest) -> str:
    """Make a VM with metrics, disks, a CD drive and NICs; gives its reference."""
    is_live = guest.state in {"Running", "Paused"}
    memory = plan.random.choice((1, 2, 2, 4, 4, 4, 8, 8, 16)) * GIB
    vcpus = plan.random.choice((1, 2, 2, 2, 4, 4, 8))
    dynamic_min = memory // 2 if number % 9 == 4 else memory
    started = plan.random.randrange(600, 90 * 86400)
    metrics = plan.add(
        "VM_metrics",
        memory_actual=str(memory if is_live else 0),
        VCPUs_number=str(vcpus if is_live else 0),
        start_time=plan.ago(started) if guest.state != "Halted" or number % 2 else EPOCH,
        install_time=plan.ago(started + 200 * 86400),
        last_updated=plan.ago(60),
        state=["running"] if guest.state == "Running" else [],
        hvm=True,
        current_domain_type="hvm" if is_live else "unspecified",
    )
    agent = NULL
    if guest.has_agent and is_live:
        agent = _guest_metrics(plan, number, guest)
    fields: dict[str, Any] = {
        "uuid": plan.ids.uuid(),
        "name_label": guest.label,
        "name_description": guest.description,
        "power_state": guest.state,
        "allowed_operations": OPERATIONS[guest.state],
        "resident_on": guest.host if is_live else NULL,
        "affinity": guest.host if number % 6 == 0 else NULL,
        "memory_overhead": str(20 * MIB + memory // 128),
        "memory_target": str(memory if is_live else 0),
        "memory_static_max": str(memory),
        "memory_dynamic_max": str(memory),
        "memory_dynamic_min": str(dynamic_min),
        "memory_static_min": str(512 * MIB),
        "VCPUs_max": str(vcpus),
        "VCPUs_at_startup": str(vcpus),
        "VCPUs_params": {"weight": "512"} if number % 13 == 0 else {},
        "actions_after_reboot": "restart",
        "HVM_boot_policy": "BIOS order",
        "HVM_boot_params": {"order": "cdn", "firmware": "uefi" if number % 2 else "bios"},
        "platform": {
            "timeoffset": "0",
            "nx": "true",
            "acpi": "1",
            "apic": "true",
            "pae": "true",
            "viridian": str(guest.distro == "windows").lower(),
            "device-model": "qemu-upstream-uefi" if number % 2 else "qemu-upstream-compat",
            "vga": "std",
            "videoram": "8",
            "cores-per-socket": "1",
        },
        "other_config": {
            "mac_seed": plan.ids.uuid(),
            "install-methods": "cdrom,nfs,http,ftp",
            "base_template_name": TEMPLATES[number % len(TEMPLATES)],
            "import_task": NULL,
            "creation-info": '{"creator":"admin"}',
        },
        "domid": str(number + 1) if is_live else "-1",
        "metrics": metrics,
        "guest_metrics": agent,
        "recommendations": texts.recommendations(1536 * GIB, 32),
        "xenstore_data": {"vm-data": "", "vm-data/mmio-hole-size": "268435456"},
        "ha_restart_priority": ("restart", "best-effort", "", "")[number % 4],
        "ha_always_run": number % 4 == 0,
        "order": str(number % 4),
        "tags": plan.random.sample(TAGS, number % 3),
        "start_delay": "0",
        "bios_strings": {"bios-vendor": "Xen", "system-manufacturer": "Xen", "hp-rombios": ""},
        "generation_id": plan.ids.uuid() if guest.distro == "windows" else "",
        "hardware_platform_version": "2" if number % 2 else "0",
        "has_vendor_device": guest.distro == "windows" and number % 2 == 0,
        "domain_type": "hvm",
        "NVRAM": {"EFI-variables": texts.CPU_FLAGS[:400]} if number % 20 == 1 else {},
    }
    if guest.state != "Halted":
        fields["last_booted_record"] = texts.booted_record(fields)
    vm = plan.add("VM", **fields)
    _disks(plan, number, vm, guest)
    _nics(plan, number, vm, guest)
    return vm


def _guest_metrics(plan: Plan, number: int, guest: Guest) -> str:
    major, _, minor = guest.system.partition(" ")[2].partition(".")
    address = f"10.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
    is_windows = guest.distro == "windows"
    networks = {
        "0/ip": address,
        "0/ipv4/0": address,
        "0/ipv6/0": f"fe80::{number % 65536:x}:1",
        "0/ipv6/1": f"2001:db8::{number % 65536:x}:1",
    }
    if number % 8 == 3:
        networks = {"0/ipv6/0": f"fe80::{number:x}:2", "0/ipv6/1": f"2001:db8:1::{number:x}"}
    return plan.add(
        "VM_guest_metrics",
        os_version={
            "name": guest.system,
            "distro": guest.distro,
            "major": major[:12] or "12",
            "minor": minor[:12],
            "uname": "" if is_windows else "6.1.0-18-amd64",
        },
        PV_drivers_version={"major": "9", "minor": "3", "micro": "2", "build": "-1"}
        if is_windows
        else {"major": "1", "minor": "0", "micro": "0", "build": "proto-0.4.0"},
        PV_drivers_up_to_date=number % 10 != 7,
        PV_drivers_detected=True,
        networks=networks,
        other={"platform-feature-multiprocessor-suspend": "1", "has-vendor-device": "0",
            "feature-suspend": "1", "feature-poweroff": "1", "feature-reboot": "1",
            "feature-vcpu-hotplug": "1", "feature-balloon": "1"},
        last_updated=plan.ago(300),
        live=guest.state == "Running",
        can_use_hotplug_vbd="yes",
        can_use_hotplug_vif="yes",
        services={"sshd": "running"},
        netbios_name={"host_name": guest.label[:15].upper()} if is_windows else {},
    )  # fmt: skip


def _home(plan: Plan, guest: Guest, number: int) -> Storage:
    if plan.shared and number % 10 < 7:
        # A host's VMs lie on a few of the SRs, not on all of them.
        near = plan.hosts.index(guest.host) + plan.random.randrange(min(3, len(plan.shared)))
        return plan.shared[near % len(plan.shared)]
    return plan.local[guest.host][0]


def _disks(plan: Plan, number: int, vm: str, guest: Guest) -> None:
    home = _home(plan, guest, number)
    count = plan.random.choice((1, 1, 1, 2, 2, 2, 3, 4))
    is_plugged = guest.state in {"Running", "Paused"}
    for disk in range(count):
        size = plan.random.choice((10, 20, 30, 50, 100, 200)) * GIB
        label = f"{guest.label} {'root' if disk == 0 else f'data {disk}'}"
        vdi = make_vdi(plan, home, label, size, name_description="Created by XO")
        make_vbd(plan, vm, vdi, disk, plugged=is_plugged)
    if number % 20 != 3:
        iso = plan.isos[number % len(plan.isos)] if number % 12 == 0 else NULL
        make_vbd(
            plan, vm, iso, 3 if count < 4 else 4, plugged=is_plugged and iso != NULL, is_cd=True
        )
    if guest.state == "Suspended":
        memory = int(plan.database.tables["VM"][vm]["memory_static_max"])
        image = make_vdi(plan, home, "Suspend image", memory, type="suspend")
        plan.database.modify("VM", vm, suspend_VDI=image, suspend_SR=home.ref)


def make_vbd(
    plan: Plan, vm: str, vdi: str, position: int, *, plugged: bool, is_cd: bool = False
) -> str:
    """Plug a disk or a CD drive into a VM; gives the VBD's reference."""
    device = f"xvd{'abcdefgh'[position]}" if plugged else ""
    return plan.add(
        "VBD",
        VM=vm,
        VDI=vdi,
        device=device,
        userdevice=str(position),
        bootable=position == 0,
        mode="RO" if is_cd else "RW",
        type="CD" if is_cd else "Disk",
        unpluggable=not is_cd,
        empty=vdi == NULL,
        currently_attached=plugged,
        allowed_operations=["attach", "unpause", "pause"] if plugged else ["attach"],
        other_config={"owner": ""} if not is_cd else {},
    )


def _nics(plan: Plan, number: int, vm: str, guest: Guest) -> None:
    for device in range(plan.random.choice((1, 1, 1, 2, 2, 3))):
        plan.add(
            "VIF",
            VM=vm,
            network=plan.networks[(number + device * 2) % len(plan.networks)],
            device=str(device),
            MAC=plan.ids.mac(),
            MTU="1500",
            MAC_autogenerated=True,
            currently_attached=guest.state in {"Running", "Paused"},
            allowed_operations=["attach", "unplug"],
        )


def make_templates(plan: Plan, count: int) -> None:
    """Make the default templates, and one of the pool's own."""
    for number, label in enumerate((*TEMPLATES[: count - 1], "Our golden image")):
        plan.add(
            "VM",
            name_label=label,
            name_description="Clones of this template will automatically provision storage",
            is_a_template=True,
            is_default_template=label in TEMPLATES,
            memory_static_max=str(2 * GIB),
            memory_dynamic_max=str(2 * GIB),
            memory_dynamic_min=str(2 * GIB),
            memory_static_min=str(GIB),
            VCPUs_max="1",
            VCPUs_at_startup="1",
            actions_after_reboot="restart",
            allowed_operations=["changing_NVRAM", "changing_dynamic_range", "clone", "copy"],
            HVM_boot_policy="BIOS order",
            HVM_boot_params={"firmware": "uefi", "order": "cdn"},
            platform={
                "nx": "true",
                "acpi": "1",
                "apic": "true",
                "pae": "true",
                "viridian": "false",
            },
            other_config={
                "default_template": "true",
                "linux_template": str("Windows" not in label).lower(),
                "install-methods": "cdrom,nfs,http,ftp",
                "disks": '<provision><disk device="0" size="10737418240" sr="" bootable="true" '
                'type="system"/></provision>',
            },
            recommendations=texts.recommendations(1536 * GIB, 32 + number % 2 * 32),
            domain_type="hvm",
            reference_label=label.lower().replace(" ", "-"),
        )


def make_snapshot(plan: Plan, vm: str, number: int) -> str:
    """Make a snapshot of a VM with its disks; two in three are a backup job's."""
    database = plan.database
    original = database.tables["VM"][vm]
    age = plan.random.randrange(3600, 40 * 86400) if number % 3 else plan.random.randrange(80000)
    marks = {}
    if number % 3 != 2:
        marks = backup_marks(plan, original["uuid"], age)
        if number % 7 != 1:
            marks["xo:backup:exported"] = "true"
    skipped = {"uuid", "VBDs", "VIFs", "snapshots", "VGPUs", "children", "tags"}
    snapshot = plan.add(
        "VM",
        **{name: value for name, value in original.items() if name not in skipped}
        | {
            "name_label": f"[XO Backup nightly] {original['name_label']}"
            if marks
            else f"{original['name_label']}_before update",
            "is_a_template": True,
            "is_a_snapshot": True,
            "snapshot_of": vm,
            "snapshot_time": plan.ago(age),
            "power_state": "Halted",
            "resident_on": NULL,
            "domid": "-1",
            "guest_metrics": NULL,
            "metrics": NULL,
            "other_config": {**original["other_config"], **marks},
            "snapshot_info": {"disk-snapshot-type": "crash_consistent"},
            "snapshot_metadata": texts.snapshot_metadata(original, plan.random),
            "ha_restart_priority": "",
        },
    )
    stores = {store.ref: store for store in plan.shared}
    stores |= {store.ref: store for local in plan.local.values() for store in local}
    for position, vbd in enumerate(list(original["VBDs"])):
        record = database.tables["VBD"][vbd]
        disk = database.get("VDI", record["VDI"])
        if record["type"] != "Disk" or disk is None or disk["SR"] not in stores:
            continue
        size = int(disk["virtual_size"])
        copy = make_vdi(
            plan,
            stores[disk["SR"]],
            disk["name_label"],
            size,
            used=size // 40 // 4096 * 4096,
            is_a_snapshot=True,
            snapshot_of=record["VDI"],
            snapshot_time=plan.ago(age),
            other_config=marks,
        )
        make_vbd(plan, snapshot, copy, position, plugged=False)
    return snapshot


def backup_marks(plan: Plan, vm_uuid: str, age: float) -> dict[str, str]:
    """Write the marks that a backup job leaves on what it made."""
    return {
        "xo:backup:job": "0b7a4a2e-6c1f-4a53-9d0c-5b7c6f0b5c11",
        "xo:backup:schedule": "f4e8d6c4-40f0-4d5f-a8c5-22a1f2b1a0d7",
        "xo:backup:vm": vm_uuid,
        "xo:backup:datetime": plan.ago(age),
        "xo:backup:deltaChainLength": str(int(age) % 7),
    }


def make_replica(plan: Plan, vm: str, number: int) -> str:
    """Make the copy of a VM that a replication job keeps."""
    original = plan.database.tables["VM"][vm]
    target = plan.shared[number % len(plan.shared)] if plan.shared else plan.local[plan.hosts[0]][0]
    marks = backup_marks(plan, original["uuid"], 7200.0 + number)
    replica = plan.add(
        "VM",
        name_label=f"{original['name_label']} - replica - ({plan.ago(7200)})",
        name_description=original["name_description"],
        tags=["Continuous Replication"],
        blocked_operations={
            "start": "Start operation for this vm is blocked, clone it if you want to"
        },
        other_config={**marks, "xo:backup:sr": target.uuid},
        memory_static_max=original["memory_static_max"],
        memory_dynamic_max=original["memory_dynamic_max"],
        memory_dynamic_min=original["memory_dynamic_min"],
        VCPUs_max=original["VCPUs_max"],
        VCPUs_at_startup=original["VCPUs_at_startup"],
        domain_type="hvm",
        metrics=plan.add("VM_metrics", install_time=plan.ago(7200)),
    )
    size = plan.random.choice((10, 20, 50)) * GIB
    disk = make_vdi(plan, target, f"{original['name_label']} root", size, other_config=marks)
    make_vbd(plan, replica, disk, 0, plugged=False)
    return replica
