"""Packages that have an update: `check_update` of `updater.py`, which asks the repositories."""

from typing import Final

import msgspec

from xo_exporter.errors import BadAnswer
from xo_exporter.plugins.plugin import Call, Plugin, decode, live_hosts
from xo_exporter.plugins.values import Updates

_FILE: Final = "updater.py"


class _Package(msgspec.Struct, gc=False):
    name: str


class _Wrapped(msgspec.Struct, gc=False):
    """As releases before 8.0 have it; and as Xen Orchestra expects an error."""

    result: list[_Package] | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


_DECODER: Final = msgspec.json.Decoder(list[_Package] | _Wrapped)


def parse(text: str) -> Updates:
    """What `check_update` gives: a list of packages; raises BadAnswer."""
    answer = decode(_DECODER, text, _FILE)
    packages = answer.result if isinstance(answer, _Wrapped) else answer
    if packages is None:
        raise BadAnswer(f"{_FILE} gives no list of packages")
    return Updates(len({package.name for package in packages}))


async def ask(call: Call) -> Updates:
    """How many packages of a host have an update."""
    return parse(await call("check_update"))


PLUGIN: Final = Plugin(
    file=_FILE, interval=3600.0, deadline=60.0, kept=3 * 3600.0, targets=live_hosts, ask=ask
)
