"""The long strings that XAPI keeps in records: what makes real records large."""

import random
from xml.sax.saxutils import quoteattr

from xo_exporter.simulator.schema import Record, Release

CPU_FLAGS = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush acpi mmx fxsr "
    "sse sse2 ht syscall nx rdtscp lm constant_tsc rep_good nopl nonstop_tsc cpuid pni pclmulqdq "
    "monitor est ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor "
    "lahf_lm abm 3dnowprefetch ibrs ibpb stibp fsgsbase bmi1 avx2 bmi2 erms rdseed adx xsaveopt"
)

RESTRICTIONS = (
    "ad", "alert_consolidation", "automatic_patch_updates", "batch_hotfix_apply", "cbt",
    "checkpoint", "cifs", "connection", "corosync", "cpu_masking", "dmc", "email_alerting",
    "equallogic", "export_resource_data", "fcoe", "guest_agent_auto_update", "ha",
    "health_check", "historical_performance", "hotfix_apply", "igmp_snooping", "intellicache",
    "lab", "live_patching", "netapp", "network_sriov", "nested_virt", "pif_properties",
    "pool_attached_storage", "pool_size", "pvs_proxy", "qos", "rbac", "read_caching",
    "set_vcpus_number_live", "ssl_legacy_switch", "stage", "storage_xen_motion", "storagelink",
    "storagelink_site_recovery", "usb_passthrough", "vgpu", "vif_locking", "vlan",
    "vm_memory_introspection", "vmpr", "vmss", "vss", "vswitch_controller", "vtpm",
    "web_selfservice", "web_selfservice_manager", "wlb", "xcm", "xen_motion", "xendesktop",
)  # fmt: skip


def recommendations(memory_max: int, vcpus_max: int) -> str:
    """Write the XML that a template carries for its VMs."""
    limits = {
        "memory-static-max": memory_max,
        "vcpus-max": vcpus_max,
        "number-of-vbds": 255,
        "number-of-vifs": 7,
    }
    lines = "".join(
        f'<restriction field="{name}" max="{value}" />' for name, value in limits.items()
    )
    switches = "".join(
        f'<restriction field={quoteattr(name)} value="true" />'
        for name in ("has-vendor-device", "allow-gpu-passthrough", "allow-vgpu")
    )
    firmware = "".join(
        f'<restriction field="supports-{name}" value="{value}" />'
        for name, value in (("bios", "yes"), ("uefi", "yes"), ("secure-boot", "yes"))
    )
    return f"<restrictions>{lines}{switches}{firmware}</restrictions>"


def booted_record(record: Record) -> str:
    """Write a VM's record as XAPI remembers it from the last start, an S-expression."""
    pairs = []
    for name, value in record.items():
        if isinstance(value, bool):
            pairs.append(f"('{name}' '{'true' if value else 'false'}')")
        elif isinstance(value, dict):
            inner = " ".join(f"('{key}' '{item}')" for key, item in value.items())
            pairs.append(f"('{name}' ({inner}))")
        elif isinstance(value, list):
            inner = " ".join(f"'{item}'" for item in value)
            pairs.append(f"('{name}' ({inner}))")
        else:
            pairs.append(f"('{name}' '{value}')")
    return f"('struct' {' '.join(pairs)})"


def snapshot_metadata(record: Record, source: random.Random) -> str:
    """Write the metadata that a snapshot keeps of its VM, about six kilobytes."""
    text = booted_record(record)
    filler = "".join(f"('{source.getrandbits(64):016x}' 'OpaqueRef:NULL') " for _ in range(8))
    return f"{text} ({filler.strip()})"


def bios_strings(serial: str) -> Record:
    """Write what a server's BIOS says of it."""
    return {
        "bios-vendor": "Dell Inc.",
        "bios-version": "2.19.1",
        "system-manufacturer": "Dell Inc.",
        "system-product-name": "PowerEdge R640",
        "system-version": "",
        "system-serial-number": serial,
        "baseboard-manufacturer": "Dell Inc.",
        "baseboard-product-name": "0H28RR",
        "baseboard-version": "A08",
        "baseboard-serial-number": f".{serial}.CNIVC009AB.",
        "oem-1": "Xen",
        "oem-2": "MS_VM_CERT/SHA1/bdbeb6e0a816d43fa6d3fe8aaef04c2bad9d3e3d",
        "oem-3": "Dell System",
        "hp-rombios": "",
    }


def cpu_info(cpus: int) -> Record:
    """Write what Xen says of a server's CPUs."""
    features = "1fcbfbff-f7fa3223-2d93fbff-00000523-00000001-00000329-00000000-00000000-00001000"
    return {
        "cpu_count": str(cpus),
        "socket_count": str(max(1, cpus // 16)),
        "threads_per_core": "2",
        "nr_nodes": str(max(1, cpus // 8)),
        "vendor": "GenuineIntel",
        "speed": "2394.374",
        "modelname": "Intel(R) Xeon(R) Silver 4210R CPU @ 2.40GHz",
        "family": "6",
        "model": "85",
        "stepping": "7",
        "flags": CPU_FLAGS,
        "features": "7ffefbff-bfebfbff-00000121-2c100800",
        "features_pv": features,
        "features_hvm": features,
        "features_pv_host": features,
        "features_hvm_host": features,
    }


def license_params() -> Record:
    """Write the licence that XCP-ng shows: everything allowed, no end in sight."""
    return {
        **{f"restrict_{name}": "false" for name in RESTRICTIONS},
        "regular_nag_dialog": "false",
        "enable_xha": "true",
        "expiry": "20301231T23:59:50Z",
        "sku_type": "free/libre",
        "sku_marketing_name": "XCP-ng",
        "license_type": "",
        "productcode": "",
        "serialnumber": "",
        "sockets": "2",
        "version": "",
        "name": "",
        "address1": "",
        "address2": "",
        "city": "",
        "state": "",
        "postalcode": "",
        "country": "",
        "company": "",
        "grace": "no",
        "earlyrelease": "",
        "regular_messages": "",
    }


def software_version(generation: str, release: Release, hostname: str) -> Record:
    """Write the versions that a host of a generation shows."""
    is_old = generation == "g1"
    # The old line of releases shows the version of its API, not that of the package.
    xapi = "1.20" if is_old else f"{release[0]}.{release[1]}"
    product = "8.2.1" if is_old else "8.3.0"
    versions = {
        "product_version": product,
        "product_version_text": product.rpartition(".")[0],
        "product_version_text_short": product.rpartition(".")[0],
        "platform_name": "XCP",
        "platform_version": "3.2.1" if is_old else "3.4.0",
        "product_brand": "XCP-ng",
        "build_number": "release/yangtze/master/58" if is_old else "cloud",
        "git_id": "0",
        "hostname": hostname,
        "date": "20220121T00:00:00Z" if is_old else "20240926T12:00:00Z",
        "dbv": "0.0.1",
        "xapi": xapi,
        "xen": "4.13.1-9.29.1" if is_old else "4.17.5-3",
        "linux": "4.19.0+1",
        "xencenter_min": "2.16" if is_old else "2.21",
        "xencenter_max": "2.16" if is_old else "2.21",
        "network_backend": "openvswitch",
        "db_schema": "5.603" if is_old else "5.783",
    }
    if not is_old:
        versions["xapi_build"] = f"{xapi}.2"
    return versions
