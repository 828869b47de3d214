"""XAPI's classes and fields, and the value a field has while nobody has set it.

`classes.json` names each field of each class with its type, as in XAPI's data model. On the
wire an int is a string of digits, a datetime a string such as "20240131T10:11:12Z".
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Generation = Literal["g1", "g2", "g3", "g4"]
GENERATIONS: tuple[Generation, ...] = get_args(Generation)

Release = tuple[int, int]
"""A release of xapi: (major, minor)."""

Record = dict[str, Any]
"""A record as it goes over the wire: str, bool, float, lists and maps of these."""

NULL = "OpaqueRef:NULL"
EPOCH = "19700101T00:00:00Z"

XAPI_VERSION: Mapping[Generation, Release] = {
    "g1": (1, 249),
    "g2": (23, 35),
    "g3": (24, 19),
    "g4": (25, 6),
}
"""The release of xapi that each generation simulates."""

NEWEST: Release = (26, 17)
"""The release that brought the newest of what is simulated; its hosts print as g4 does."""

# Tables that XAPI has and the simulated pool keeps empty: a client may subscribe to them.
EMPTY_CLASSES = (
    "DR_task", "LVHD", "Observer", "PVS_cache_storage", "PVS_proxy", "PVS_server", "PVS_site",
    "Repository", "SDN_controller", "USB_group", "VGPU_type", "VLAN", "VMPP", "VMSS",
    "VM_appliance", "VM_group", "VTPM",
    "VUSB", "blob", "console", "crashdump", "host_crashdump", "network_sriov",
    "role", "subject", "tunnel", "user", "vdi_nbd_server_info",
)  # fmt: skip

EVENTLESS_CLASSES = frozenset({"session", "event"})

# Fields that only newer releases print, by the release that brought them.
SINCE: Mapping[tuple[str, str], Release] = {
    **{("host", name): (21, 3) for name in ("pending_guidances", "tls_verification_enabled")},
    ("host", "last_software_update"): (22, 20),
    ("host", "https_only"): (22, 27),
    **{
        ("host", name): (23, 18)
        for name in (
            "latest_synced_updates_applied",
            "pending_guidances_recommended",
            "pending_guidances_full",
            "last_update_hash",
        )
    },
    ("host", "numa_affinity_policy"): (24, 0),
    **{
        ("host", name): (25, 21)
        for name in (
            "ssh_auto_mode",
            "console_idle_timeout",
            "ssh_expiry",
            "ssh_enabled_timeout",
            "ssh_enabled",
        )
    },
    ("host", "secure_boot"): (25, 31),
    **{
        ("host", name): (26, 0)
        for name in ("ntp_mode", "ntp_custom_servers", "timezone", "max_cstate")
    },
    ("VM", "actions_after_softreboot"): (23, 1),
    ("VM", "pending_guidances"): (21, 3),
    ("VM", "pending_guidances_recommended"): (23, 18),
    ("VM", "pending_guidances_full"): (23, 18),
    ("VM", "groups"): (24, 19),
    ("VM", "secureboot_certificates_state"): (26, 14),
    ("VM_metrics", "numa_optimised"): (26, 2),
    ("VM_metrics", "numa_nodes"): (26, 2),
    ("VM_metrics", "numa_node_memory"): (26, 2),
    ("VM_guest_metrics", "netbios_name"): (24, 28),
    ("VM_guest_metrics", "services"): (25, 15),
    ("VIF", "trunks"): (26, 17),
    **{
        ("pool", name): (21, 3)
        for name in (
            "is_psr_pending",
            "tls_verification_enabled",
            "repositories",
            "client_certificate_auth_enabled",
            "client_certificate_auth_name",
            "repository_proxy_url",
            "repository_proxy_username",
            "repository_proxy_password",
        )
    },
    ("pool", "migration_compression"): (22, 33),
    ("pool", "coordinator_bias"): (22, 37),
    ("pool", "custom_uefi_certificates"): (22, 16),
    **{
        ("pool", name): (23, 18)
        for name in (
            "last_update_sync",
            "update_sync_frequency",
            "update_sync_day",
            "update_sync_enabled",
            "local_auth_max_threads",
            "ext_auth_max_threads",
            "telemetry_uuid",
            "telemetry_frequency",
            "telemetry_next_collection",
        )
    },
    ("pool", "recommendations"): (24, 19),
    **{
        ("pool", name): (24, 31)
        for name in ("ext_auth_cache_enabled", "ext_auth_cache_size", "ext_auth_cache_expiry")
    },
    ("pool", "license_server"): (25, 6),
    ("pool", "ha_reboot_vm_on_internal_shutdown"): (25, 16),
    **{("pool", name): (26, 0) for name in ("limit_console_sessions", "vm_console_idle_timeout")},
    ("pool", "auto_update_vm_secureboot_certificates"): (26, 14),
    ("SM", "supported_image_formats"): (25, 21),
    ("Cluster", "expected_hosts"): (24, 9),
    ("Cluster", "live_hosts"): (24, 9),
    ("Cluster", "quorum"): (24, 9),
    ("Cluster", "is_quorate"): (24, 9),
    ("Cluster", "cluster_stack_version"): (23, 28),
    **{("Cluster_host", name): (24, 9) for name in ("live", "last_update_live")},
    ("Certificate", "name"): (21, 3),
    ("Certificate", "type"): (21, 3),
    ("Certificate", "purpose"): (24, 38),
    **{("Certificate", name): (24, 19) for name in ("fingerprint_sha1", "fingerprint_sha256")},
}

_ENUM_DEFAULTS: Mapping[str, str] = {
    "telemetry_frequency": "weekly",
    "update_sync_frequency": "weekly",
    "host_display": "enabled",
    "latest_synced_updates_applied_state": "unknown",
    "host_numa_affinity_policy": "default_policy",
    "host_ntp_mode": "ntp_mode_default",
    "vm_power_state": "Halted",
    "on_softreboot_behavior": "soft_reboot",
    "on_normal_exit": "destroy",
    "on_crash_behaviour": "restart",
    "domain_type": "unspecified",
    "vm_secureboot_certificates_state": "ok",
    "tristate_type": "unspecified",
    "vdi_type": "user",
    "on_boot": "persist",
    "vbd_mode": "RW",
    "vbd_type": "Disk",
    "vif_locking_mode": "network_default",
    "vif_ipv4_configuration_mode": "None",
    "vif_ipv6_configuration_mode": "None",
    "ip_configuration_mode": "None",
    "ipv6_configuration_mode": "None",
    "primary_address_type": "IPv4",
    "pif_igmp_status": "unknown",
    "network_default_locking_mode": "unlocked",
    "pgpu_dom0_access": "enabled",
    "task_status_type": "pending",
    "cls": "VM",
    "bond_mode": "balance-slb",
    "allocation_algorithm": "depth_first",
    "certificate_type": "host",
    "event_operation": "add",
}

_FIELD_DEFAULTS: Mapping[tuple[str, str], str | float] = {
    ("VM", "domid"): "-1",
    ("PIF", "VLAN"): "-1",
    ("VM", "HVM_shadow_multiplier"): 1.0,
}


@cache
def classes() -> dict[str, dict[str, str]]:
    """Every class that has records here, with the types of its fields."""
    text = files(__package__).joinpath("classes.json").read_text("utf-8")
    table: dict[str, dict[str, str]] = json.loads(text)
    return table


@cache
def fields(cls: str, release: Release) -> dict[str, str]:
    """Give the fields, with their types, that a pool of this release prints for a class."""
    return {
        name: kind
        for name, kind in classes()[cls].items()
        if SINCE.get((cls, name), (0, 0)) <= release
    }


@cache
def class_names() -> tuple[str, ...]:
    """Every class name in XAPI's spelling, with those that are always empty here."""
    return tuple(sorted((*classes(), *EMPTY_CLASSES)))


@cache
def _by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in class_names()}


def class_of(name: str) -> str | None:
    """Find a class by its name in any spelling ("vm_metrics"); None when XAPI has none such."""
    return _by_lower_case().get(name.lower())


@cache
def datetime_fields(cls: str) -> frozenset[str]:
    """The fields of a class that hold a point in time; XML-RPC has a type of its own for them."""
    return frozenset(name for name, kind in classes()[cls].items() if kind == "datetime")


@cache
def float_fields(cls: str) -> tuple[str, ...]:
    """The fields of a class that may hold a NaN or an infinity."""
    return tuple(name for name, kind in classes()[cls].items() if "float" in kind)


def default(cls: str, field: str) -> Any:
    """Give the wire value of a field that nobody has set."""
    if (cls, field) in _FIELD_DEFAULTS:
        return _FIELD_DEFAULTS[cls, field]
    kind = classes()[cls][field]
    if kind.endswith(" map"):
        return {}
    if kind.endswith(" set"):
        return []
    if kind.endswith(" ref"):
        return NULL
    if kind.startswith("enum "):
        return _ENUM_DEFAULTS[kind.removeprefix("enum ")]
    return {"int": "0", "bool": False, "float": 0.0, "datetime": EPOCH}.get(kind, "")
