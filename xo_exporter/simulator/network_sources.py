"""The data sources of NICs and bonds, and of the VIFs of VMs.

Errors are recorded where somebody asked for it: on the master, and of the VMs that run there.
"""

import math
from collections.abc import Iterator

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import Record
from xo_exporter.simulator.sources import Source, rate
from xo_exporter.simulator.waves import Wave, constant, key_of, load, total

_DIRECTIONS = ("rx", "tx")
_ERRORS = 0.02


def pif_sources(database: Database, host: str) -> Iterator[Source]:
    """Give the sources of a host's NICs and bonds, and their sums, which count bonds twice."""
    pifs = {
        ref: pif
        for ref in database.tables["host"][host]["PIFs"]
        if (pif := database.get("PIF", ref)) is not None and int(pif["VLAN"]) < 0
    }
    rates = {
        (ref, direction): _traffic(database, pif, direction)
        for ref, pif in pifs.items()
        if pif["physical"]
        for direction in _DIRECTIONS
    }
    sums: dict[str, list[Wave]] = {direction: [] for direction in _DIRECTIONS}
    for ref, pif in pifs.items():
        for direction, summed in sums.items():
            wave = rates.get((ref, direction))
            if wave is None:
                slaves = [
                    rates[slave, direction]
                    for bond in pif["bond_master_of"]
                    for slave in (database.get("Bond", bond) or {}).get("slaves", ())
                    if (slave, direction) in rates
                ]
                wave = total(slaves)
            summed.append(wave)
            name = f"pif_{pif['device']}_{direction}"
            yield rate(name, wave)
            if host == database.master:
                yield rate(f"{name}_errors", _errors(database, pif, direction))
    for direction, summed in sums.items():
        yield rate(f"pif_aggr_{direction}", total(summed))


def vif_sources(database: Database, vm: Record) -> Iterator[Source]:
    """Give the sources of the VIFs of a VM that runs."""
    for ref in vm["VIFs"]:
        vif = database.get("VIF", ref)
        if vif is None:
            continue
        for direction in _DIRECTIONS:
            name = f"vif_{vif['device']}_{direction}"
            if not vif["currently_attached"]:
                # A source that went away leaves an empty column behind, in later releases.
                if database.release >= (24, 40):
                    yield rate(name, constant(math.nan))
                continue
            key = key_of(database.seed, vif["uuid"], direction)
            yield rate(name, load(key, 400.0 * 10 ** (key % 1000 / 250)))
            if vm["resident_on"] == database.master:
                yield rate(f"{name}_errors", _errors(database, vif, direction))


def _traffic(database: Database, pif: Record, direction: str) -> Wave:
    key = key_of(database.seed, pif["uuid"], direction)
    return load(key, 2e5 * 10 ** (key % 1000 / 600))


def _errors(database: Database, owner: Record, direction: str) -> Wave:
    key = key_of(database.seed, owner["uuid"], direction, "errors")
    return load(key, _ERRORS) if key % 3 == 0 else constant(0.0)
