"""At which address each host of a pool is asked, and for which name its certificate may be."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from xo_exporter.config import Url
from xo_exporter.errors import ConfigError


class Target(NamedTuple):
    """Where a host is asked.

    `hostname` is another name that its certificate may be valid for: that of a host whose
    address XAPI gave. None: the address alone counts. It is never what is no name at all: some
    TLS libraries take that for "any name will do".
    """

    url: Url
    hostname: str | None = None


def _same(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return one.casefold().removesuffix(".") == other.casefold().removesuffix(".")


@lru_cache(maxsize=4096)  # asked for each host at each reading
def target_of(url: Url, members: tuple[Url, ...], address: str, hostname: str) -> Target:
    """Where to ask a host that XAPI knows by `address` and `hostname` (empty where unknown).

    As a `members` entry says that names it by either; else at the address, with the scheme and
    port of the pool's `url`. Where the address is none at all, the host of the URL is empty.
    """
    address = address.removeprefix("[").removesuffix("]")
    certificate_name = _checked(url.at(hostname)).host.removesuffix(".") or None
    for member in members:
        if _same(member.host, address):
            return Target(member, certificate_name)
        if hostname and _same(member.host, hostname):
            return Target(member)
    return Target(_checked(url.at(address)), certificate_name)


def _checked(url: Url) -> Url:
    try:
        return Url.parse(str(url))
    except ConfigError:
        return url.at("")


def hostname_of(address: str, hostnames: Mapping[str, str]) -> str:
    """The hostname of the host at `address`, from hostnames by address; empty if unknown."""
    return next((name for known, name in hostnames.items() if _same(known, address)), "")
