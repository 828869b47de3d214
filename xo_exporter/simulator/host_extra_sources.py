"""The data sources of a host that are recorded because somebody has asked for them."""

from collections.abc import Iterator

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import Record
from xo_exporter.simulator.sources import MIB, Source, gauge, whole
from xo_exporter.simulator.waves import constant, flutter, key_of, load

_GPU_MEMORY = 16_384.0 * MIB
_MILLISECONDS = 1e-3


def gpus(database: Database, record: Record) -> Iterator[Source]:
    """Give the sources of a host's NVIDIA GPUs, each called by its address on the PCI bus."""
    for ref in record["PGPUs"]:
        pci = database.get("PCI", (database.get("PGPU", ref) or {}).get("PCI", "")) or {}
        if pci.get("driver_name") != "nvidia":
            continue
        # A colon would end the name of a source.
        address = pci["pci_id"].replace(":", "/")
        key = key_of(database.seed, record["uuid"], "gpu", address)
        used = _GPU_MEMORY * (0.2 + key % 50 / 100)
        yield gauge(f"gpu_memory_free_{address}", constant(_GPU_MEMORY - used))
        yield gauge(f"gpu_memory_used_{address}", constant(used))
        yield gauge(f"gpu_power_usage_{address}", whole(load(key + 1, 90_000.0)))
        yield gauge(f"gpu_temperature_{address}", whole(load(key + 2, 50.0)))
        yield gauge(f"gpu_utilisation_compute_{address}", load(key + 3, 0.4, 1.0))
        yield gauge(f"gpu_utilisation_memory_io_{address}", load(key + 4, 0.2, 1.0))


def high_availability(database: Database, record: Record) -> Iterator[Source]:
    """Give what a host takes to show its life to the others, while high availability is on."""
    if not database.find("pool", ha_enabled=True):
        return
    key = key_of(database.seed, record["uuid"], "ha")
    yield gauge("statefile/0/latency", flutter(key, 18 * _MILLISECONDS, 0.5))
    yield gauge("network/latency", flutter(key + 1, 1.0, 0.02))
    yield gauge("xapi_healthcheck/latency", flutter(key + 2, 40 * _MILLISECONDS, 0.3))
