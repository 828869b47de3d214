"""Alarms that the hosts of an estate have raised, from choices of their own."""

from typing import Final

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.names import Identities
from xo_exporter.simulator.sessions import wire_time

_OWN: Final = 0xA1A2


def make_alarms(database: Database, now: float) -> None:
    """Add what perfmon warned of before `now`, a Unix time: of a VM, an SR and a control domain."""
    guests = [
        record["uuid"]
        for record in database.tables["VM"].values()
        if record["power_state"] == "Running" and not record["is_control_domain"]
    ]
    domains = [
        record["uuid"] for record in database.tables["VM"].values() if record["is_control_domain"]
    ]
    srs = [record["uuid"] for record in database.tables["SR"].values()]
    ids = Identities(database.seed ^ _OWN)
    for number, (cls, uuids, variable) in enumerate(
        (
            ("VM", guests, "cpu_usage"),
            ("SR", srs, "sr_io_throughput_total_per_host"),
            ("VM", domains, "fs_usage"),
        )
    ):
        if uuids:
            body = f'value: 0.97\nconfig:\n<variable>\n<name value="{variable}"/>\n</variable>'
            message = {
                "uuid": ids.uuid(),
                "name": "ALARM",
                "priority": "3",
                "cls": cls,
                "obj_uuid": uuids[0],
                "timestamp": wire_time(now - 3600 * (number + 1)),
                "body": body,
            }
            database.add("message", message, ref=ids.ref())
