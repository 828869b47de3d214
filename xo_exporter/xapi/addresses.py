"""At which address each host of a pool is asked, and for which name its certificate may be."""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from xo_exporter.config import Url


class Target(NamedTuple):
    """Where a host is asked.

    `hostname` is another name that its certificate may be valid for: that of a host whose
    address XAPI gave. None: the address alone counts.
    """

    url: Url
    hostname: str | None = None


def _same(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return one.casefold() == other.casefold()


def target_of(url: Url, members: Iterable[Url], address: str, hostname: str) -> Target:
    """Where to ask a host that XAPI knows by `address` and `hostname` (empty where unknown).

    As a `members` entry says that names it by either; else at the address, with the scheme and
    port of the pool's `url`.
    """
    for member in members:
        if _same(member.host, address):
            return Target(member, hostname or None)
        if hostname and _same(member.host, hostname):
            return Target(member)
    return Target(url.at(address), hostname or None)
