"""The VMs with their disks, NICs and metrics, and what grows around them."""

import re
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
            **({"auto_poweron": "true"} if number % 5 == 0 else {}),
        },
        "blocked_operations": {"destroy": "true"} if number % 8 == 5 else {},
        "domid": str(number + 1) if is_live else "-1",
        "metrics": metrics,
        "guest_metrics": agent,
        "recommendations": texts.recommendations(1536 * GIB, 32),
        "xenstore_data": {"vm-data": "", "vm-data/mmio-hole-size": "268435456"},
        "ha_restart_priority": ("restart", "best-effort", "", "")[number % 4],
        "ha_always_run": number % 4 == 0 and is_live,
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


def _version_in(name: str) -> str:
    found = re.search(r"[0-9]+(\.[0-9]+)?", name)
    return found[0] if found else ""


def _guest_metrics(plan: Plan, number: int, guest: Guest) -> str:
    if number % 14 == 9:  # a record that was made though no agent ever spoke
        return plan.add("VM_guest_metrics", live=True, last_updated=plan.ago(300))
    version = "10.0" if guest.distro == "windows" else _version_in(guest.system)
    major, _, minor = version.partition(".")
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
            "major": major,
            "minor": minor,
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
    is_live = guest.state in {"Running", "Paused"}
    for device in range(plan.random.choice((1, 1, 1, 2, 2, 3))):
        plan.add(
            "VIF",
            VM=vm,
            network=plan.networks[(number + device * 2) % len(plan.networks)],
            device=str(device),
            MAC=plan.ids.mac(),
            MTU="1500",
            MAC_autogenerated=True,
            # Now and then a second NIC is unplugged while its VM runs.
            currently_attached=is_live and not (device == 1 and number % 15 == 6),
            allowed_operations=["attach", "unplug"],
        )
