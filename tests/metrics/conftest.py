"""What the tests of the tables share: a pool of which everything is known."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from xo_exporter.errors import ApiFailure, PoolError
from xo_exporter.model.build import build
from xo_exporter.model.guests import Guest, Settings
from xo_exporter.model.index import Index
from xo_exporter.model.objects import PBD, SR, VBD, VDI, VM, Host, Memory, Pool, PoolModel
from xo_exporter.model.parts import PARTS
from xo_exporter.plugins.plugin import Plugin, Target
from xo_exporter.plugins.reader import PLUGINS
from xo_exporter.plugins.values import Answer, PluginResults
from xo_exporter.rrd.values import HostRrd, Values
from xo_exporter.simulator import Generation, SimulatedPool, make_estate
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.failures import api_failure
from xo_exporter.xapi.records import CLASSES, Records

NOW: Final = 1_700_000_000


@pytest.fixture
def full() -> PoolModel:
    """Make one object of each kind, linked, with no field empty."""
    pool = Pool("pool-uuid", "Pool", "a pool", ["pool tag"], HA_enabled=True)
    host = Host(
        UUID="host-uuid",
        name_label="Host",
        name_description="a host",
        tags=["host tag"],
        pool=pool,
        address="10.0.0.1",
        hostname="host.example.org",
        enabled=True,
        iSCSI_name="iqn.x",
        controller="dom0-uuid",
        controller_memory=Memory(20, 10),
        controller_CPU_usage=0.125,
        controller_vCPUs=4,
        power_state="Running",
        product_brand="XCP-ng",
        product_version="8.3.0",
        xapi_version="25.6",
        xen_version="4.17",
        memory=Memory(200, 100),
        CPUs=[0.25, None, 0.5],
        CPU_usage=0.375,
        cpu_count=3,
        vCPUs=2,
        rrd_up=True,
        rrd_age=3.5,
        clock_offset=0.25,
        # What only releases of xapi have that are newer than the simulated ones.
        values=Values.of(
            {"group_backup_calls": 1.5, "group_backup_tokens": 3.0, "pool_vgpu_migration_rate": 0.5}
        ),
    )
    vm = VM(
        UUID="vm-uuid",
        name_label="VM",
        name_description="a VM",
        tags=["vm tag", "second"],
        power_state="Paused",
        address="10.0.0.2",
        os_name="Debian",
        os_distro="debian",
        os_version="12.5",
        vCPUs=2,
        memory=Memory(60, 30),
        container=host,
        pool=pool,
        CPUs=[0.75, None],
        CPU_usage=0.625,
        start_time=NOW,
        current_operations=("snapshot",),
        affinity=host,
        settings=Settings(1, 2, 3, 4, 5, 6, "restart", auto_poweron=True, blocked=("destroy",)),
        guest=Guest(True, True, True, True, "7.30", NOW, ("10.0.0.2",)),  # noqa: FBT003  as they stand
        # Of newer hosts than those that are simulated.
        values=Values.of(
            {
                "runnable_any": 0.25,
                "runnable_vcpus": 0.125,
                "numa_node_nonaffine_vcpus": 0.5,
                "numa_nodes": 1.0,
                "memory_numa_node_0": 60.0,
            }
        ),
    )
    sr = SR(
        UUID="sr-uuid",
        name_label="SR",
        name_description="an SR",
        tags=["sr tag"],
        SR_type="nfs",
        shared=True,
        physical_usage=1,
        usage=2,
        size=3,
        container=pool,
        pool=pool,
    )
    pbd = PBD("pbd-uuid", attached=True, host=host, SR=sr)
    vdi = VDI("vdi-uuid", "VDI", "a VDI", usage=4, size=5, SR=sr)
    vbd = VBD("vbd-uuid", attached=False, device="xvda", VDI=vdi, VM=vm)
    pool.master, pool.default_SR, vdi.VBD = host, sr, vbd
    pool.hosts = pool.running_hosts = [host]
    pool.SRs, pool.all_VMs = [sr], [vm]
    host.VMs, host.PBDs, vm.VBDs, sr.VDIs, sr.PBDs = [vm], [pbd], [vbd], [vdi], [pbd]
    model = PoolModel(pool, [host], [vm], [sr], [pbd], [vdi], [vbd])
    # What only releases of xapi have that are newer than the simulated ones.
    newest = xapi.Host("host-uuid", ssh_enabled=True, secure_boot=True)
    tables: dict[str, Any] = {name: {} for name in CLASSES}
    tables |= {"pool": {"pool": xapi.Pool("pool-uuid")}, "host": {"host": newest}}
    for part in PARTS.values():
        part.add(model, Records(**tables), Index({"host": host}, {}, {}, {}))
    return model


def read(pool: SimulatedPool) -> tuple[Records, dict[str, HostRrd | None]]:
    """Give a simulated pool's records and RRD values as a reading would."""
    database = pool.database
    spelled = {name.lower(): name for name in database.tables}
    tables: dict[str, Any] = {
        name: {
            ref: msgspec.convert(record, kind, strict=False)
            for ref, record in database.tables[spelled[name]].items()
        }
        for name, kind in CLASSES.items()
    }
    records = Records(**tables)

    def values(owner: str) -> dict[str, float]:
        return {name: pool.rrd.value(owner, name, NOW) for name in pool.rrd.names(owner)}

    rrds: dict[str, HostRrd | None] = {}
    for ref, host in database.tables["host"].items():
        residents = [database.tables["VM"][vm]["uuid"] for vm in host["resident_VMs"]]
        of_vms = {uuid: values(uuid) for uuid in residents}
        rrds[ref] = HostRrd.of({host["uuid"]: values(host["uuid"])}, of_vms, 3.0)
    return records, rrds


async def told(pool: SimulatedPool, records: Records) -> PluginResults:
    """Give what a simulated pool's plugins tell, half a minute later."""
    results: dict[str, dict[str, Answer[Any]]] = {}
    for name, plugin in PLUGINS.items():
        results[name] = {}
        for target in plugin.targets(records):

            async def call(
                function: str, target: Target = target, plugin: Plugin[Any] = plugin
            ) -> str:
                try:
                    return pool.plugins.call(target.host, plugin.file, function, target.arguments)
                except ApiFailure as error:
                    raise api_failure([error.code, *error.params]) from error

            try:
                results[name][target.uuid] = Answer(
                    is_up=True, value=await plugin.ask(call), age=30.0
                )
            except PoolError:
                results[name][target.uuid] = Answer(is_up=False)
    return PluginResults(**results)


@pytest.fixture(scope="session")
def estate_of() -> Callable[[Generation], PoolModel]:
    """Give the simulated pool of a generation of hosts."""

    def make(generation: Generation) -> PoolModel:
        database = make_estate(hosts=3, vms=20, seed=1, generation=generation, now=NOW)
        pool = SimulatedPool(database, clock=lambda: NOW)
        records, rrds = read(pool)
        return build(records, rrds, asyncio.run(told(pool, records)))

    return make


@pytest.fixture(scope="session")
def estate(estate_of: Callable[[Generation], PoolModel]) -> PoolModel:
    """Give a simulated pool in which everything that is exported can be seen."""
    return estate_of("g4")
