"""The addresses of a VM among all that its guest agent reports."""

import ipaddress
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_KEY: Final = re.compile(r"([0-9]{1,9})/(?:ip|(ipv4|ipv6)/([0-9]{1,9}))")

_MOST: Final = 16
"""Addresses of one VM that are kept: one that runs containers may have hundreds."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _addresses(networks: Mapping[str, str]) -> Iterator[tuple[tuple[int, int, int], _Address, str]]:
    for key, value in networks.items():
        match = _KEY.fullmatch(key)
        if match is None:
            continue
        vif, family, index = match.groups()
        # `N/ip` comes after `N/ipv4/0`, which it mostly repeats.
        place = (int(vif), int(index or 0), 0 if family else 1)
        for text in value.split() if family is None else [value.strip()]:
            try:
                yield place, ipaddress.ip_address(text), text
            except ValueError:
                continue


class Addresses(NamedTuple):
    """The address to reach a VM at, if there is one, and the first ones of all, each once."""

    main: str | None
    all: tuple[str, ...]


NONE: Final = Addresses(None, ())


def addresses(networks: Mapping[str, str]) -> Addresses:
    """The addresses of a VM, by the number of the VIF, then by index.

    `networks` is `VM_guest_metrics.networks`: `N/ip` (several addresses, split at blanks),
    `N/ipv4/M` and `N/ipv6/M`, N being the VIF's number. The main one is the first IPv4 address,
    else the first IPv6 address that isn't link-local, else None.
    """
    if not networks:
        return NONE
    found = sorted(_addresses(networks), key=lambda entry: entry[0])
    texts = dict.fromkeys(text for _, _, text in found)
    return Addresses(_main(found), tuple(itertools.islice(texts, _MOST)))


def _main(found: list[tuple[tuple[int, int, int], _Address, str]]) -> str | None:
    for _, address, text in found:
        if address.version == 4:
            return text
    for _, address, text in found:
        if address.version == 6 and not address.is_link_local:
            return text
    return None
