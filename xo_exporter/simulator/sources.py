"""What the data sources of hosts and VMs have in common: their form, and the traffic of disks.

Names, units and the release that brought each are those of xcp-rrdd and its plugins; but for those
of host_extra_sources.py all are recorded without being asked for.
"""

from collections.abc import Iterator
from typing import NamedTuple

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import NULL
from xo_exporter.simulator.waves import Wave, key_of, load, remembered, scaled, steps, total

KIB = 1024
MIB = 1024 * KIB


class Source(NamedTuple):
    """One data source; a rate needs two samples before it shows a value."""

    name: str
    is_rate: bool
    wave: Wave


def rate(name: str, wave: Wave) -> Source:
    """Make a source that counts something a second."""
    return Source(name, is_rate=True, wave=wave)


def gauge(name: str, wave: Wave) -> Source:
    """Make a source that shows a state."""
    return Source(name, is_rate=False, wave=wave)


def whole(wave: Wave) -> Wave:
    """Cut a wave's values to whole numbers."""
    return lambda t: float(int(wave(t)))


def generations(database: Database, objects: list[tuple[str, str]]) -> Iterator[int]:
    """Give the generation of each object, by class and reference; 0 for one that is gone."""
    for cls, ref in objects:
        yield database.generation_of(cls, ref) if database.get(cls, ref) is not None else 0


class Disk(NamedTuple):
    """The traffic of one plugged disk, in bytes a second, and its SR's UUID."""

    device: str
    sr_uuid: str
    read: Wave
    write: Wave


def disks_of(database: Database, vm: str) -> list[Disk]:
    """Give the plugged disks of a VM, CD drives left out; none of a control domain."""
    disks: list[Disk] = []
    if database.tables["VM"][vm]["is_control_domain"]:
        return disks
    for ref in database.tables["VM"][vm]["VBDs"]:
        vbd = database.get("VBD", ref)
        if vbd is None or vbd["type"] != "Disk" or not vbd["currently_attached"]:
            continue
        vdi = database.get("VDI", vbd["VDI"]) or {}
        sr = database.get("SR", vdi.get("SR", NULL)) or {}
        waves = []
        for direction in ("read", "write"):
            key = key_of(database.seed, vbd["uuid"], direction)
            stands = database.tables["VM"][vm]["power_state"] == "Paused"
            rate_of_all = 0.0 if stands else 900.0 * 10 ** (key % 1000 / 300)
            waves.append(remembered(load(key, rate_of_all)))
        disks.append(Disk(vbd["device"], sr.get("uuid", ""), waves[0], waves[1]))
    return disks


def iostat(database: Database, disks: list[Disk], key: int) -> Iterator[Source]:
    """Give the sources of some disks together, by their names without an owner's prefix.

    `key` seeds what does not follow from the disks' traffic.
    """
    # From 25.2 to 25.30 xcp-rrdd forgot to divide amounts by the five seconds they took.
    amount = 5.0 if (25, 2) <= database.release < (25, 31) else 1.0
    read, write = disks[0].read, disks[0].write
    if len(disks) > 1:
        read = remembered(total([disk.read for disk in disks]))
        write = remembered(total([disk.write for disk in disks]))
    both = remembered(total([read, write]))
    request = float(4096 << key % 5)
    latency = 180.0 + key % 900
    yield rate("read", read)
    yield rate("write", write)
    yield gauge("read_latency", whole(load(key + 1, latency * len(disks))))
    yield gauge("write_latency", whole(load(key + 2, latency * 1.6 * len(disks))))
    for name, wave in (("read", read), ("write", write), ("total", both)):
        yield rate(f"io_throughput_{name}", scaled(wave, amount / MIB))
    for name, wave in (("read", read), ("write", write), ("total", both)):
        yield rate(f"iops_{name}", scaled(wave, amount / request))
    yield rate("iowait", scaled(both, amount * latency / 1e6 / request))
    yield gauge("inflight", steps(key + 3, 0.6, 2.0))
    yield gauge("latency", whole(load(key + 4, latency * 1.3)))
    yield gauge("avgqu_sz", scaled(both, latency / 1e6 / request))
