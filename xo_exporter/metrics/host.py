"""Metrics of hosts."""

from typing import Final

from xo_exporter.metrics.table import Table, each, gauge, info, measured, since, states, tags
from xo_exporter.model.objects import HOST_POWER_STATES, Host

TABLE: Final = Table[Host](
    collector="host",
    objects=lambda model: model.hosts,
    label_names=("uuid", "name_label", "pool", "container"),
    labels=lambda host, pool: (
        ("uuid", host.UUID),
        ("name_label", host.name_label),
        ("pool", pool),
        ("container", pool),
    ),
    metrics=(
        info(
            "xo_host_info",
            "A host: description, addresses, control domain, and versions from "
            "host.software_version.",
            {
                "name_description": lambda host: host.name_description,
                "address": lambda host: host.address,
                "hostname": lambda host: host.hostname,
                "iscsi_name": lambda host: host.iSCSI_name,
                "controller_uuid": lambda host: host.controller,
                "pool_uuid": lambda host: host.pool.UUID,
                "product_brand": lambda host: host.product_brand,
                "product_version": lambda host: host.product_version,
                "xapi_version": lambda host: host.xapi_version,
                "xen_version": lambda host: host.xen_version,
            },
        ),
        tags("xo_host_tag_info", "A tag of a host, from host.tags.", lambda host: host.tags),
        gauge(
            "xo_host_cpus",
            "Physical CPUs (threads) of a host, from host.cpu_info.cpu_count.",
            lambda host: host.cpu_count,
        ),
        measured(
            gauge(
                "xo_host_cpu_usage_ratio",
                "Mean usage of a host's CPUs, 0 to 1, from RRD cpu_avg, else the mean of cpuN.",
                lambda host: host.CPU_usage,
            )
        ),
        measured(
            each(
                "xo_host_cpu_core_usage_ratio",
                "Usage of each CPU of a host, 0 to 1, from RRD cpuN.",
                "core",
                lambda host: ((str(number), usage) for number, usage in enumerate(host.CPUs)),
            )
        ),
        gauge(
            "xo_host_enabled",
            "Whether a host may run VMs, from host.enabled; 0 in maintenance.",
            lambda host: host.enabled,
        ),
        measured(
            gauge(
                "xo_host_memory_size_bytes",
                "Memory of a host, from host_metrics.memory_total, else RRD memory_total_kib.",
                lambda host: host.memory.size,
            )
        ),
        measured(
            gauge(
                "xo_host_memory_usage_bytes",
                "Memory of a running host that is not free, by RRD memory_free_kib, else by "
                "host_metrics.memory_free.",
                lambda host: host.memory.usage,
            )
        ),
        states(
            "xo_host_power_state",
            "1 for the state a host is in, by host_metrics.live, 0 for the other.",
            "power_state",
            HOST_POWER_STATES,
            lambda host: host.power_state,
        ),
        gauge(
            "xo_host_srs",
            "SRs that are local to a host, by SR.shared and PBD.host.",
            lambda host: len(host.SRs),
        ),
        gauge(
            "xo_host_vms",
            "VMs on a host, by VM.resident_on, those that are on none but tied to it by a local "
            "disk included.",
            lambda host: len(host.VMs),
        ),
        gauge(
            "xo_host_running_vms",
            "VMs that run on a host, by VM.power_state.",
            lambda host: len(host.running_VMs),
        ),
        gauge("xo_host_pbds", "PBDs of a host, by PBD.host.", lambda host: len(host.PBDs)),
        gauge(
            "xo_host_vcpus",
            "Virtual CPUs of the VMs that run on a host, from VM_metrics.VCPUs_number, else "
            "VM.VCPUs_at_startup.",
            lambda host: host.vCPUs,
        ),
        measured(
            gauge(
                "xo_host_controller_cpu_usage_ratio",
                "Mean usage of the CPUs of a host's control domain, 0 to 1, from RRD cpu_usage of "
                "the domain (xapi 24.4 and later), else the mean of its cpuN.",
                lambda host: host.controller_CPU_usage,
            )
        ),
        gauge(
            "xo_host_controller_memory_size_bytes",
            "Memory of a host's control domain, from VM_metrics.memory_actual, else "
            "VM.memory_dynamic_max.",
            lambda host: host.controller_memory.size,
        ),
        since(
            "23.32",
            measured(
                gauge(
                    "xo_host_controller_memory_usage_bytes",
                    "Memory that a host's control domain uses, RRD memory less "
                    "memory_internal_free.",
                    lambda host: host.controller_memory.usage,
                )
            ),
        ),
    ),
)
