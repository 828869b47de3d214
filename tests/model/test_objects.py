"""The objects of the model as they show in a traceback or a debugger."""

import asyncio

from xo_exporter.model.build import build
from xo_exporter.xapi.records import PBD, SR, VBD, VDI, VM, Host, Pool, Records


def densely_linked() -> Records:
    """Give a pool each of whose objects is linked with many others."""
    count = range(12)
    return Records(
        pool={"p": Pool(uuid="pool", master="h0", default_SR="s0")},
        host={f"h{n}": Host(uuid=f"host-{n}") for n in count},
        host_metrics={},
        vm={f"v{n}": VM(uuid=f"vm-{n}", power_state="Running", resident_on="h0") for n in count},
        vm_metrics={},
        vm_guest_metrics={},
        sr={f"s{n}": SR(uuid=f"sr-{n}", shared=True) for n in count},
        pbd={f"b{n}": PBD(uuid=f"pbd-{n}", host="h0", SR="s0") for n in count},
        vdi={f"d{n}": VDI(uuid=f"vdi-{n}", SR="s0") for n in count},
        vbd={f"k{n}": VBD(uuid=f"vbd-{n}", VM="v0", VDI="d0") for n in count},
    )


def test_repr_is_short() -> None:
    """An object shows as its class and UUID, however many others it is linked with."""
    model = build(densely_linked(), {})
    assert repr(model.pool) == "Pool('pool')"
    assert repr(model.hosts[0]) == "Host('host-0')"
    assert repr([model.VMs[0], model.SRs[0], model.PBDs[0], model.VDIs[0], model.VBDs[0]]) == (
        "[VM('vm-0'), SR('sr-0'), PBD('pbd-0'), VDI('vdi-0'), VBD('vbd-0')]"
    )


async def test_finished_task_can_be_shown() -> None:
    """A task that has built a model can be shown, as asyncio does in its own messages."""
    task = asyncio.create_task(asyncio.to_thread(build, densely_linked(), {}))
    await task
    assert "PoolModel" in repr(task)
