"""The SRs, their PBDs, and the disks that no VM owns: ISO images and what was left over."""

from xo_exporter.simulator.estate_plan import GIB, KIB, MIB, TIB, Plan, Storage
from xo_exporter.simulator.names import ISOS, PLANETS
from xo_exporter.simulator.schema import NULL, Record

_NEVER_SCANNED: Record = {"physical_size": "-1", "physical_utilisation": "-1"}
_OPERATIONS = ["vdi_enable_cbt", "vdi_list_changed_blocks", "unplug", "plug", "update", "destroy",
    "scan", "vdi_clone", "vdi_create", "vdi_destroy", "vdi_resize", "vdi_snapshot", "pbd_create",
    "pbd_destroy"]  # fmt: skip


def make_storage(plan: Plan) -> None:
    """Make local storage for each host, and shared storage for all, more of it in larger pools."""
    for number, host in enumerate(plan.hosts):
        kind = ("ext", "lvm", "ext", "zfs")[number % 4]
        label = "Local storage" if number % 3 else f"{PLANETS[number % 32].title()} SSD"
        plan.local[host] = [_sr(plan, label, kind, [host], {"device": "/dev/sda3"})]
        _sr(plan, "DVD drives", "udev", [host], {"location": "/dev/xapi/cd"}, content="iso")
        usb = {"location": "/dev/xapi/block"}
        _sr(plan, "Removable storage", "udev", [host], usb, content="disk")
    if len(plan.hosts) > 1:
        _shared_storage(plan)
    tools = _sr(
        plan,
        "XCP-ng Tools",
        "iso",
        plan.hosts,
        {"location": "/opt/xensource/packages/iso", "legacy_mode": "true"},
        content="iso",
        shared=True,
    )
    plan.database.modify("SR", tools.ref, {"is_tools_sr": True, **_NEVER_SCANNED})
    _iso_library(plan)
    for kind in ("ext", "lvm", "nfs", "lvmoiscsi", "iso", "udev", "zfs", "smb"):
        plan.add(
            "SM",
            name_label=f"{kind} SR",
            type=kind,
            vendor="XCP-ng",
            copyright="(C) 2008 Citrix Systems Inc",
            version="3.0",
            required_api_version="1.0",
            capabilities=["SR_PROBE", "SR_UPDATE", "VDI_CREATE", "VDI_DELETE", "VDI_ATTACH"],
            features={"SR_PROBE": "1", "SR_UPDATE": "1", "VDI_ATTACH": "2"}
            | ({} if kind == "udev" else {"VDI_CREATE": "1"}),
            driver_filename=f"/opt/xensource/sm/{kind.upper()}SR",
        )


def _shared_storage(plan: Plan) -> None:
    for number in range(max(2, round(len(plan.hosts) * 0.4))):
        if number % 2 == 0:
            label = f"NAS {number // 2 + 1} (NFS)"
            config = {"server": "198.51.100.240", "serverpath": f"/vol/xcp{number}", "options": ""}
            kind = "nfs"
        else:
            label = f"SAN LUN {number // 2 + 1}"
            config = {
                "target": "198.51.100.250",
                "targetIQN": "iqn.1992-01.com.example:storage:diskarrays-sn-a8675309",
                "SCSIid": f"36001405{plan.random.getrandbits(64):016x}",
                "chapuser": "xcp",
                "chappassword": "not-to-be-seen",
            }
            kind = "lvmoiscsi"
        plan.shared.append(_sr(plan, label, kind, plan.hosts, config, shared=True))


def _sr(
    plan: Plan,
    label: str,
    kind: str,
    hosts: list[str],
    config: dict[str, str],
    *,
    content: str = "user",
    shared: bool = False,
) -> Storage:
    uuid = plan.ids.uuid()
    ref = plan.add(
        "SR",
        uuid=uuid,
        name_label=label,
        name_description=f"{kind} storage" if content == "user" else "",
        type=kind,
        content_type=content,
        shared=shared,
        allowed_operations=_OPERATIONS,
        other_config={"auto-scan": "true"} if kind in {"nfs", "iso"} else {},
        sm_config={"multipathable": "true"} if kind == "lvmoiscsi" else {},
        tags=["backed up"] if shared and content == "user" else [],
        virtual_allocation="0",
        physical_utilisation="0",
        physical_size="0",
    )
    for number, host in enumerate(hosts):
        # One host has lost sight of the images, as happens.
        is_detached = label == "ISO library" and 0 < number == len(hosts) - 1
        paths = {
            "multipathed": "true",
            f"mpath-{config.get('SCSIid', '')}": "[2, 2]",
            "iscsi_sessions": "2",
        }
        plan.add(
            "PBD",
            host=host,
            SR=ref,
            device_config=config,
            currently_attached=not is_detached,
            other_config=paths if kind == "lvmoiscsi" else {},
        )
    return Storage(ref, uuid, kind, shared, list(hosts))


def _iso_library(plan: Plan) -> None:
    config = {"location": "198.51.100.240:/vol/iso", "type": "nfs_iso"}
    library = _sr(plan, "ISO library", "iso", plan.hosts, config, content="iso", shared=True)
    for name in ISOS:
        size = plan.random.randrange(300, 5000) * MIB
        plan.isos.append(
            make_vdi(plan, library, name, size, read_only=True, sharable=True, location=name)
        )


def make_vdi(plan: Plan, storage: Storage, label: str, size: int, **fields: object) -> str:
    """Make a disk on an SR; `used` among the fields sets what it takes, in bytes."""
    used = fields.pop("used", None)
    if used is None:
        filled = plan.random.uniform(0.15, 0.9) if storage.is_thin else 1.0
        used = int(size * filled) // (4 * KIB) * 4 * KIB
    storage.used += int(str(used))
    storage.virtual += size
    uuid = plan.ids.uuid()
    return plan.add(
        "VDI",
        **{
            "uuid": uuid,
            "name_label": label,
            "SR": storage.ref,
            "virtual_size": str(size),
            "physical_utilisation": str(used),
            "location": uuid,
            "managed": True,
            "allowed_operations": [
                "clone",
                "snapshot",
                "copy",
                "data_destroy",
                "resize",
                "destroy",
            ],
            "allow_caching": False,
            "sm_config": {"image-format": "vhd"} if storage.kind != "iso" else {},
            **fields,
        },
    )


def make_leftovers(plan: Plan, count: int) -> None:
    """Make disks that belong to no VM: base copies of chains, orphans, one that is missing."""
    stores = [*plan.shared, *(local[0] for local in plan.local.values())]
    for number in range(count):
        storage = plan.random.choice(stores)
        size = plan.random.choice((10, 20, 40, 80)) * GIB
        if number % 10 < 8:
            make_vdi(plan, storage, "base copy", size, managed=False, read_only=True)
        elif number % 10 == 8:
            make_vdi(plan, storage, "old disk, to be deleted?", size)
        else:
            make_vdi(plan, storage, "[NOBAK] scratch", size, tags=["scratch"], missing=number == 9)


def finish_storage(plan: Plan) -> None:
    """Give every SR a size that its disks fill in part, and tell it what they take."""
    stores = [*plan.shared, *(store for local in plan.local.values() for store in local)]
    for storage in stores:
        filled = plan.random.uniform(0.3, 0.88)
        whole = max(int(storage.used / filled), 256 * GIB)
        unit = 64 * GIB if whole < 4 * TIB else TIB // 2
        plan.database.modify(
            "SR",
            storage.ref,
            physical_size=str(-(-whole // unit) * unit - 4 * MIB),
            physical_utilisation=str(storage.used),
            virtual_allocation=str(storage.virtual),
        )
    for ref in plan.database.find("SR", type="iso", is_tools_sr=False):
        size = sum(
            int(plan.database.tables["VDI"][vdi]["virtual_size"])
            for vdi in plan.database.tables["SR"][ref]["VDIs"]
        )
        plan.database.modify("SR", ref, physical_size=str(TIB), physical_utilisation=str(size))
    first_usb = plan.database.find("SR", type="udev", content_type="disk")[:1]
    for ref in first_usb:
        plan.add("VDI", name_label="SanDisk Ultra", SR=ref, virtual_size=str(32 * GIB), type="user",
            managed=True, location="/dev/xapi/block/sdb", parent=NULL)  # fmt: skip
