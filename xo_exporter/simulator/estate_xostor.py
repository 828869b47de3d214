"""An SR on LINSTOR (XOSTOR), from choices of its own, where a pool has the hosts for it."""

from dataclasses import replace
from typing import Final

from xo_exporter.simulator.estate_plan import GIB, Plan
from xo_exporter.simulator.names import Identities

GROUP: Final = "linstor_group/thin_device"
_LEAST_HOSTS: Final = 3
_OWN: Final = 0x105704


def make_xostor(plan: Plan) -> None:
    """Make the SR and its PBDs, of three hosts or more; no disk of a VM lies on it."""
    if len(plan.hosts) < _LEAST_HOSTS:
        return
    own = replace(plan, ids=Identities(plan.database.seed ^ _OWN))
    size = 1024 * GIB * len(plan.hosts) // 2
    sr = own.add(
        "SR",
        name_label="XOSTOR",
        name_description="Replicated on local disks of the hosts",
        type="linstor",
        content_type="user",
        shared=True,
        physical_size=str(size),
        physical_utilisation=str(size * 3 // 8),
        virtual_allocation=str(size // 2),
    )
    config = {"group-name": GROUP, "redundancy": "2", "provisioning": "thin"}
    for host in plan.hosts:
        own.add("PBD", host=host, SR=sr, device_config=config, currently_attached=True)
