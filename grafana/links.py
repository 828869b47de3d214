"""Links from a line or a row of a table to the dashboard below it.

They keep the time range, the data source and the pool, and select the object by its UUID.
"""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DashboardLink

OVERVIEW: Final = "xo-overview"
POOL: Final = "xo-pool"
HOST: Final = "xo-host"
VM: Final = "xo-vm"
STORAGE: Final = "xo-storage"
BACKUPS: Final = "xo-backups"
EXPORTER: Final = "xo-exporter"

_IN_TABLE: Final = "__data.fields"
_IN_GRAPH: Final = "__field.labels"


def _link(title: str, uid: str, where: str, variables: dict[str, str]) -> DashboardLink:
    selected = "".join(
        f"&var-{variable}=${{{where}.{label}:percentencode}}"
        for variable, label in variables.items()
    )
    url = f"/d/{uid}?${{datasource:queryparam}}{selected}&${{__url_time_range}}"
    return DashboardLink(title).url(url)


def pool_of_row() -> DashboardLink:
    """Give the link from a row to its pool."""
    return _link("Pool", POOL, _IN_TABLE, {"pool": "pool"})


def host_of_row() -> DashboardLink:
    """Give the link from a row about a host to it."""
    return _link("Host", HOST, _IN_TABLE, {"pool": "pool", "host": "uuid"})


def vm_of_row() -> DashboardLink:
    """Give the link from a row about a VM to it."""
    return _link("VM", VM, _IN_TABLE, {"pool": "pool", "vm": "uuid"})


def sr_of_row() -> DashboardLink:
    """Give the link from a row about an SR to it."""
    return _link("Storage", STORAGE, _IN_TABLE, {"pool": "pool", "sr": "uuid"})


def pool_of_line() -> DashboardLink:
    """Give the link from a line to its pool."""
    return _link("Pool", POOL, _IN_GRAPH, {"pool": "pool"})


def host_of_line() -> DashboardLink:
    """Give the link from a line about a host to it."""
    return _link("Host", HOST, _IN_GRAPH, {"pool": "pool", "host": "uuid"})


def vm_of_line() -> DashboardLink:
    """Give the link from a line about a VM to it."""
    return _link("VM", VM, _IN_GRAPH, {"pool": "pool", "vm": "uuid"})


def sr_of_line() -> DashboardLink:
    """Give the link from a line about an SR to it."""
    return _link("Storage", STORAGE, _IN_GRAPH, {"pool": "pool", "sr": "uuid"})
