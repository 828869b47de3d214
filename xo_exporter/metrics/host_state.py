"""Metrics of what state a host is in: maintenance, times, security, licence, hardware."""

from collections.abc import Iterator
from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.table import Table, each, gauge, info, since
from xo_exporter.model.host_state import HostState, HostStates
from xo_exporter.xapi.records import HOST_OPERATIONS


def _operations(state: HostState) -> Iterator[tuple[str, int]]:
    for name in HOST_OPERATIONS:
        yield name, state.operations.get(name, 0)


TABLE: Final = Table[HostState](
    collector="host_state",
    part="host_state",
    objects=lambda model: model.part(HostStates).hosts,
    label_names=host.TABLE.label_names,
    labels=lambda state, label: host.TABLE.labels(state.host, label),
    metrics=(
        gauge(
            "xo_host_maintenance",
            "Whether a running host may run no VMs, from host.enabled and host_metrics.live.",
            lambda state: state.maintenance,
        ),
        gauge(
            "xo_host_boot_timestamp_seconds",
            "When a running host was started, from host.other_config boot_time.",
            lambda state: state.boot_time,
        ),
        gauge(
            "xo_host_toolstack_start_timestamp_seconds",
            "When the toolstack of a running host was started, from host.other_config "
            "agent_start_time.",
            lambda state: state.toolstack_start_time,
        ),
        each(
            "xo_host_operations",
            "Operations on a host that go on now, from host.current_operations.",
            "operation",
            _operations,
        ),
        since(
            "22.27",
            gauge(
                "xo_host_https_only",
                "Whether a host's XAPI is closed to plain HTTP, from host.https_only.",
                lambda state: state.https_only,
            ),
        ),
        since(
            "21.3",
            gauge(
                "xo_host_tls_verification_enabled",
                "Whether a host verifies the certificates of the others, from "
                "host.tls_verification_enabled.",
                lambda state: state.TLS_verification_enabled,
            ),
        ),
        since(
            "25.21",
            gauge(
                "xo_host_ssh_enabled",
                "Whether a host may be logged in to by SSH, from host.ssh_enabled.",
                lambda state: state.ssh_enabled,
            ),
        ),
        since(
            "25.31",
            gauge(
                "xo_host_secure_boot",
                "Whether a host was started with secure boot, from host.secure_boot.",
                lambda state: state.secure_boot,
            ),
        ),
        info(
            "xo_host_license_info",
            "A host's licence: host.edition, and sku_type of host.license_params.",
            {
                "edition": lambda state: state.edition,
                "license_type": lambda state: state.license_type,
            },
        ),
        gauge(
            "xo_host_license_expiry_timestamp_seconds",
            "When a host's licence ends, from host.license_params expiry; far away where it never "
            "does.",
            lambda state: state.license_expiry,
        ),
        info(
            "xo_host_hardware_info",
            "A host's make: vendor and modelname of host.cpu_info, system-manufacturer, "
            "system-product-name and bios-version of host.bios_strings.",
            {
                "cpu_vendor": lambda state: state.cpu_vendor,
                "cpu_model": lambda state: state.cpu_model,
                "manufacturer": lambda state: state.manufacturer,
                "product_name": lambda state: state.product_name,
                "bios_version": lambda state: state.bios_version,
            },
        ),
        gauge(
            "xo_host_cpu_sockets",
            "CPU sockets of a host, from host.cpu_info socket_count.",
            lambda state: state.cpu_sockets,
        ),
        gauge(
            "xo_host_cpu_threads_per_core",
            "Threads of each CPU core of a host, from host.cpu_info threads_per_core.",
            lambda state: state.cpu_threads_per_core,
        ),
        gauge(
            "xo_host_numa_nodes",
            "NUMA nodes of a host, from host.cpu_info nr_nodes.",
            lambda state: state.numa_nodes,
        ),
        gauge(
            "xo_host_cpu_nominal_frequency_hertz",
            "Nominal frequency of a host's CPUs, from host.cpu_info speed.",
            lambda state: state.cpu_frequency,
        ),
        gauge(
            "xo_host_memory_overhead_bytes",
            "Memory that Xen itself takes of a host, from host.memory_overhead.",
            lambda state: state.memory_overhead,
        ),
    ),
)
