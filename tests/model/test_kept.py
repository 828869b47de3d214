"""A model that is kept from reading to reading is the one that would be built anew."""

import random
from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec
import pytest

from xo_exporter.metrics.lines import PoolLines
from xo_exporter.metrics.selection import Selection
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.backups import Backups
from xo_exporter.model.build import build
from xo_exporter.model.document import document
from xo_exporter.model.kept import Changes, KeptModel
from xo_exporter.model.objects import PoolModel
from xo_exporter.model.totals import total, totals_of
from xo_exporter.rrd.values import HostRrd
from xo_exporter.simulator import make_estate
from xo_exporter.xapi.records import CLASSES, Records, VDIOtherConfig

Tables = dict[str, dict[str, Any]]


def _estate() -> Tables:
    database = make_estate(hosts=3, vms=20, seed=5)
    tables: Tables = {}
    spelled = {name.lower(): name for name in database.tables}
    for name, kind in CLASSES.items():
        rows = database.tables[spelled[name]]
        tables[name] = {ref: msgspec.convert(rows[ref], kind, strict=False) for ref in rows}
    for ref, xapi in zip(tables["host"], ("25.6.0", "25.31.0", "26.1.0"), strict=True):
        version = msgspec.structs.replace(tables["host"][ref].software_version, xapi=xapi)
        tables["host"][ref] = msgspec.structs.replace(tables["host"][ref], software_version=version)
    return tables


def _records(tables: Tables) -> Records:
    return Records(**{name: dict(table) for name, table in tables.items()})


def _rrds(records: Records, chance: random.Random) -> dict[str, HostRrd | None]:
    usages = ("cpu0", "cpu1", "cpu_avg", "cpu_usage", "memory", "memory_internal_free")
    of_disk = ("vbd_xvda_read", "vbd_xvda_iops_read")
    of_srs = tuple(f"read_{sr.uuid[:8]}" for sr in records.sr.values())

    def values(*further: str) -> dict[str, float]:
        sources = (*usages, *further)
        return {source: chance.random() for source in sources if chance.random() < 0.8}

    def vms() -> dict[str, dict[str, float]]:
        return {vm.uuid: values(*of_disk) for vm in records.vm.values() if chance.random() < 0.7}

    return {
        ref: HostRrd.of({host.uuid: values(*of_srs)}, vms(), chance.random())
        if chance.random() < 0.9
        else None
        for ref, host in records.host.items()
    }


def _other(value: Any, chance: random.Random, refs: list[str]) -> Any:
    """Give another value of the same type."""
    if isinstance(value, list):
        return [*value, "tag"]
    if isinstance(value, dict):
        return chance.choice([{"0/ip": "10.0.0.9"}, {}])
    if isinstance(value, str):
        return chance.choice(
            refs if value.startswith("OpaqueRef:") else ["", f"{value}.", "Running"]
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return chance.choice([-1, 0, 1, value + 4096])
    return chance.choice([True, False]) if value in (None, True, False) else value


def _document(model: PoolModel) -> bytes:
    return msgspec.json.encode(document(total([totals_of(model)]), [model]))


def _texts(
    lines: PoolLines, model: PoolModel, changes: Changes | None = None
) -> list[tuple[str, bytes]]:
    return [(family.name, text) for family, text in lines.of(model, "Pool", changes)]


def _changes(tables: Tables, chance: random.Random) -> Iterable[str]:
    """Change the tables, one record of one class at a time, and say how."""
    for _ in range(40):
        name = chance.choice([*CLASSES, "vm_metrics", "vm_guest_metrics", "sr", "vdi"])
        table = tables[name]
        refs = [ref for records in tables.values() for ref in records]
        kind = chance.random()
        if not table or (kind < 0.05 and name != "pool"):
            table[f"OpaqueRef:{chance.random()}"] = CLASSES[name](
                **(
                    {"uuid": str(chance.random())}
                    if "uuid" in CLASSES[name].__struct_fields__
                    else {}
                )
            )
            yield f"a new {name}"
            continue
        ref = chance.choice(list(table))
        if kind < 0.1 and name != "pool":
            del table[ref]
            yield f"a {name} less"
            continue
        fields = [field for field in CLASSES[name].__struct_fields__ if field != "uuid"]
        field = chance.choice(fields)
        value = _other(getattr(table[ref], field), chance, refs)
        table[ref] = msgspec.structs.replace(table[ref], **{field: value})
        yield f"another {field} of a {name}"


@pytest.mark.parametrize("seed", range(6))
def test_a_kept_model_is_that_which_would_be_built_anew(seed: int) -> None:
    """Whatever changes in the records and RRDs, objects and lines are those of a new model."""
    chance = random.Random(seed)
    tables = _estate()
    kept, kept_lines = KeptModel(), PoolLines(Selection(COLLECTORS))
    patched = 0
    for what in chain(["the beginning"], _changes(tables, chance)):
        records = _records(tables)
        rrds = _rrds(records, chance)
        model, changes = kept.update(records, rrds)
        anew = build(records, rrds)
        assert _document(model) == _document(anew), what
        lines = _texts(PoolLines(Selection(COLLECTORS)), anew)
        assert _texts(kept_lines, model, changes) == lines, what
        patched += changes is not None
    assert patched > 5


def test_a_mark_of_a_backup_is_seen_and_the_size_beside_it_changes_nothing() -> None:
    """A snapshot that grows leaves the model as it is; that it was exported makes another."""
    tables = _estate()
    ref, vdi = next((ref, vdi) for ref, vdi in tables["vdi"].items() if vdi.is_a_snapshot)
    guests = (vm for vm in tables["vm"].values() if vm.power_state == "Running")
    vm = next(vm.uuid for vm in guests if not vm.is_control_domain)

    def marked(exported: str, size: int) -> Records:
        marks = VDIOtherConfig("job", vm, "20240131T10:11:12Z", exported)
        tables["vdi"][ref] = msgspec.structs.replace(
            vdi, other_config=marks, physical_utilisation=size
        )
        return _records(tables)

    def successes(model: PoolModel) -> list[int | None]:
        jobs = chain.from_iterable(one.jobs for one in model.part(Backups).of_vms)
        return [job.last_success for job in jobs if job.UUID == "job"]

    kept = KeptModel()
    first, _ = kept.update(marked("", 4096), {})
    assert successes(first) == [None]
    second, changes = kept.update(marked("", 8192), {})
    assert second is first
    assert changes is not None
    assert "backups" not in changes.parts
    third, changes = kept.update(marked("true", 8192), {})
    assert changes is None
    assert successes(third) == [1706695872]


def test_values_from_another_host_are_corrected_as_that_one_needs() -> None:
    """A VM that moves from a host whose amounts are five times too large leaves that behind."""
    tables = _estate()
    records = _records(tables)
    guests = (vm for vm in records.vm.values() if vm.power_state == "Running")
    vm = next(vm for vm in guests if not vm.is_control_domain)
    old, new, _ = records.host
    kept, lines = KeptModel(), PoolLines(Selection(COLLECTORS))
    for ref, value in ((old, 500.0), (new, 100.0), (old, 500.0)):
        rrds = {host: HostRrd.of({}, {}, 3.0) for host in (old, new)}
        rrds[ref] = HostRrd.of({}, {vm.uuid: {"vbd_xvda_iops_read": value}}, 3.0)
        model, changes = kept.update(records, rrds)
        texts = dict(_texts(lines, model, changes))
        assert float(texts["xo_vm_disk_read_operations_per_second"].split()[-1]) == 100.0
