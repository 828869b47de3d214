"""What state a host is in beside what the specification says: times, operations, hardware."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import Host, PoolModel
from xo_exporter.model.paths import Paths, paths
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records

_HERTZ_PER_MHZ = 1_000_000


@dataclass(slots=True, eq=False)
class HostState:
    """The state of a host.

    Times are Unix times; when it and its toolstack were started is known of a running host alone,
    and so is whether it is in maintenance. `operations` is how many of each go on.
    """

    host: Host
    maintenance: bool | None
    boot_time: int | None
    toolstack_start_time: int | None
    operations: Mapping[str, int]
    memory_overhead: int | None
    multipathing: bool | None
    boot_paths: Paths | None
    https_only: bool | None
    ssh_enabled: bool | None
    secure_boot: bool | None
    TLS_verification_enabled: bool | None
    license_expiry: int | None
    edition: str
    license_type: str
    statefiles: int
    network_peers: int
    cpu_sockets: int | None
    cpu_threads_per_core: int | None
    numa_nodes: int | None
    cpu_frequency: float | None
    cpu_vendor: str
    cpu_model: str
    manufacturer: str
    product_name: str
    bios_version: str

    @property
    def UUID(self) -> str:
        """That of the host."""
        return self.host.UUID


@dataclass(slots=True, eq=False)
class HostStates:
    """Those of all hosts, in the order of the hosts."""

    hosts: list[HostState]


def build(_model: PoolModel, records: Records, index: Index) -> HostStates:
    """The state of each host, by its record."""
    return HostStates([_state(host, records.host[ref]) for ref, host in index.hosts.items()])


def _state(host: Host, record: xapi.Host) -> HostState:
    runs = host.power_state == "Running"
    config, cpu, bios = record.other_config, record.cpu_info, record.bios_strings
    return HostState(
        host=host,
        maintenance=not host.enabled if runs and host.enabled is not None else None,
        boot_time=known.unix_time(config.boot_time) if runs else None,
        toolstack_start_time=known.unix_time(config.agent_start_time) if runs else None,
        operations=Counter(record.current_operations.values()),
        memory_overhead=known.positive(record.memory_overhead),
        multipathing=multipathing(record),
        boot_paths=paths(config.mpath_boot) if runs else None,
        https_only=record.https_only,
        ssh_enabled=record.ssh_enabled,
        secure_boot=record.secure_boot,
        TLS_verification_enabled=record.tls_verification_enabled,
        license_expiry=known.timestamp(record.license_params.expiry),
        edition=record.edition,
        license_type=record.license_params.sku_type,
        statefiles=len(record.ha_statefiles),
        network_peers=len(record.ha_network_peers),
        cpu_sockets=known.positive(known.integer(cpu.socket_count)),
        cpu_threads_per_core=known.positive(known.integer(cpu.threads_per_core)),
        numa_nodes=known.positive(known.integer(cpu.nr_nodes)),
        cpu_frequency=_hertz(cpu.speed),
        cpu_vendor=cpu.vendor,
        cpu_model=cpu.modelname,
        manufacturer=bios.manufacturer,
        product_name=bios.product_name,
        bios_version=bios.version,
    )


def multipathing(record: xapi.Host) -> bool | None:
    """Whether a host uses several paths where there are."""
    # Servers older than the field know the key alone.
    if record.multipathing is None and record.other_config.multipathing is not None:
        return record.other_config.multipathing == "true"
    return record.multipathing


def _hertz(speed: str | float | None) -> float | None:
    megahertz = known.number(speed)
    return None if megahertz is None or megahertz <= 0 else round(megahertz * _HERTZ_PER_MHZ)
