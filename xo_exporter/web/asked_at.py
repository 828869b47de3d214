"""Where a request was sent, as its client or else the connection says."""

import ipaddress
import re
from typing import Final

from aiohttp import hdrs, web

_HOST: Final = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", re.ASCII)


def asked_at(request: web.Request) -> str:
    """The request's Host; where it has none, or what is none, the address that it came to."""
    host = request.headers.get(hdrs.HOST, "").strip()
    found = _HOST.fullmatch(host)
    if found is not None and int(found[1] or 1) in range(1, 1 << 16):
        return host
    return _address(request) or host


def _address(request: web.Request) -> str:
    """Our end of the connection, with the port; empty once it is closed."""
    transport = request.transport
    name = transport.get_extra_info("sockname") if transport else None
    if not isinstance(name, tuple):
        return ""
    address = ipaddress.ip_address(name[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return f"[{address}]:{name[1]}" if address.version == 6 else f"{address}:{name[1]}"
