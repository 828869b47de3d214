"""Where the hosts of a simulated pool listen."""

import ipaddress

from xo_exporter.errors import XoExporterError


class AddressTaken(XoExporterError):
    """The simulated hosts can't listen where they should: taken, or not to be had at all."""


def plan(hosts: list[str], first: str, *, one_for_all: bool) -> dict[str, str]:
    """Give each host, by its reference, an address: the first one and those that follow it.

    With `one_for_all`, or when `first` is a name, all have the same. Raises AddressTaken where
    several hosts would have to share the wildcard address.
    """
    if one_for_all or not _is_ip(first):
        return dict.fromkeys(hosts, first)
    if is_wildcard(first) and len(hosts) > 1:
        raise AddressTaken(f"several hosts can't share {first} without an address to advertise")
    start = ipaddress.ip_address(first)
    return {host: str(start + number) for number, host in enumerate(hosts)}


def bracketed(address: str) -> str:
    """Write an address as it stands in a URL: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def is_wildcard(address: str) -> bool:
    """Say whether an address stands for all of the machine's."""
    return _is_ip(address) and ipaddress.ip_address(address).is_unspecified


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
