"""How the storage under an SR of XOSTOR is: `healthCheck` of `linstor-manager`."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from xo_exporter.errors import BadAnswer
from xo_exporter.plugins.plugin import LONGEST_NAME, MOST_ITEMS, Call, Plugin, Target, decode
from xo_exporter.plugins.values import Severity, StorageNode, Xostor
from xo_exporter.xapi.records import Records

_FILE: Final = "linstor-manager"
_WITHOUT_STATE: Final = "Unknown"
_UP_TO_DATE: Final = "UpToDate"
_DISKLESS: Final = "Diskless"
_TIE_BREAKER: Final = "TieBreaker"

# The code of a problem says in its bits how grave it is and what it is of.
_IS_ERROR: Final = 0x2000000
_GENERIC_UNEXPECTED: Final = 0x2010000
_GENERIC_UNREACHABLE: Final = 0x2010001


class _Problem(msgspec.Struct, gc=False):
    code: int


class _StoragePool(msgspec.Struct, rename="kebab", gc=False):
    free_size: int = -1
    capacity: int = -1


class _Volume(msgspec.Struct, rename="kebab", gc=False):
    disk_state: str | None = None


class _Replica(msgspec.Struct, rename="kebab"):
    volumes: list[_Volume]
    diskful: bool = True
    tie_breaker: bool = False


class _Resource(msgspec.Struct):
    nodes: dict[str, _Replica]


class _Health(msgspec.Struct, rename="kebab"):
    nodes: dict[str, str | None]
    storage_pools: dict[str, list[_StoragePool]] = {}
    resources: dict[str, msgspec.Raw] = {}
    errors: list[_Problem] = []


_HEALTH: Final = msgspec.json.Decoder(_Health)
_RESOURCE: Final = msgspec.json.Decoder(_Resource)
_REPLICAS: Final = msgspec.json.Decoder(dict[str, _Replica])


def parse(text: str) -> Xostor:
    """What `healthCheck` gives; raises BadAnswer, also where LINSTOR could not be reached."""
    health = decode(_HEALTH, text, _FILE)
    codes = {problem.code for problem in health.errors}
    if _GENERIC_UNREACHABLE in codes:
        raise BadAnswer("no LINSTOR controller can be reached", hint="see that one of them runs")
    names = {*health.nodes, *health.storage_pools}
    if len(names) > MOST_ITEMS or any(len(name) > LONGEST_NAME for name in names):
        raise BadAnswer(f"{_FILE} gives {len(names)} nodes, or names that are none")
    replicas = _replicas(health)
    # It ended halfway: that there is nothing may just mean that it has not come so far.
    is_whole = _GENERIC_UNEXPECTED not in codes or bool(health.resources)
    problems = Counter(_severity(problem) for problem in health.errors)
    return Xostor(
        nodes=tuple(
            StorageNode(
                name,
                (state or _WITHOUT_STATE)[:LONGEST_NAME],
                _sum([pool.capacity for pool in pools]),
                _sum([pool.free_size for pool in pools]),
            )
            for name, state in health.nodes.items()
            for pools in (health.storage_pools.get(name, []),)
        ),
        resources=len(health.resources) if is_whole else None,
        replicas=replicas if is_whole else None,
        problems={"warning": problems["warning"], "error": problems["error"]},
    )


def _severity(problem: _Problem) -> Severity:
    return "error" if problem.code & _IS_ERROR else "warning"


def _sum(sizes: list[int]) -> int | None:
    return sum(sizes) if sizes and min(sizes) >= 0 else None


def _replicas(health: _Health) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for resource in health.resources.values():
        for replica in _nodes_of(resource).values():
            counts[_state(replica)[:LONGEST_NAME]] += 1
    if len(counts) > MOST_ITEMS:
        raise BadAnswer(f"{_FILE} gives {len(counts)} states of replicas")
    return dict(counts)


def _nodes_of(resource: msgspec.Raw) -> dict[str, _Replica]:
    """The replicas by node: under `nodes`, or in older releases just so."""
    text = bytes(resource).decode("utf-8", "replace")
    try:
        return decode(_RESOURCE, text, _FILE).nodes
    except BadAnswer:
        return decode(_REPLICAS, text, _FILE)


def _state(replica: _Replica) -> str:
    """The state of a replica: of its first volume that is not as it should be, if any.

    What holds no data has no volume of the SR's.
    """
    states = [(volume.disk_state or _WITHOUT_STATE).partition("(")[0] for volume in replica.volumes]
    if states:
        return next((state for state in states if state != _UP_TO_DATE), states[0])
    if replica.diskful:
        return _WITHOUT_STATE
    return _TIE_BREAKER if replica.tie_breaker else _DISKLESS


def _srs(records: Records) -> Iterator[Target]:
    """Each SR on LINSTOR, to be asked about at the master."""
    master = next((pool.master for pool in records.pool.values()), "")
    groups: dict[str, str] = {}
    for pbd in sorted(records.pbd.values(), key=lambda pbd: pbd.uuid):
        if pbd.device_config.group_name:
            groups.setdefault(pbd.SR, pbd.device_config.group_name)
    for ref, sr in records.sr.items():
        if sr.uuid and sr.type == "linstor" and ref in groups:
            yield Target(sr.uuid, sr.name_label, master, {"groupName": groups[ref]})


async def ask(call: Call) -> Xostor:
    """How the storage under one SR is."""
    return parse(await call("healthCheck"))


PLUGIN: Final = Plugin(file=_FILE, interval=60.0, deadline=20.0, kept=300.0, targets=_srs, ask=ask)
