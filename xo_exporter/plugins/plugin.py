"""What a plugin is to us: where it is asked, how often, how long it may take, how it is read."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import msgspec

from xo_exporter.errors import ApiFailure
from xo_exporter.xapi import json_text
from xo_exporter.xapi.failures import NOT_XAPIS
from xo_exporter.xapi.records import Records, Ref

T = TypeVar("T")
D = TypeVar("D")

Call = Callable[[str], Awaitable[str]]
"""Calls a function of the plugin by name, on its host and with its arguments: the text it gives.

Raises PoolError.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What a plugin is asked about: UUID and name of the object, the host, the arguments."""

    uuid: str
    name: str
    host: Ref
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plugin(Generic[T]):
    """A plugin of XAPI's on the hosts; all times are in seconds.

    file: its name on the host.
    interval: from one call to the next on the same object.
    deadline: how long it may take.
    kept: how long its answer stands where no other one follows.
    targets: what it is to be asked about.
    ask: asks about one of them; raises PoolError.
    """

    file: str
    interval: float
    deadline: float
    kept: float
    targets: Callable[[Records], Iterator[Target]]
    ask: Callable[[Call], Awaitable[T]]


def live_hosts(records: Records) -> Iterator[Target]:
    """Each host that runs, as the pool's master sees it."""
    for ref, host in records.host.items():
        metrics = records.host_metrics.get(host.metrics)
        if host.uuid and metrics is not None and metrics.live:
            yield Target(host.uuid, host.name_label, ref)


def decode(decoder: msgspec.json.Decoder[D], text: str, plugin: str) -> D:
    """The JSON that a plugin gave, by `decoder`; raises BadAnswer, naming the plugin."""
    return json_text.decode(decoder, text.encode("utf-8", "replace"), f"what {plugin} gives")


def is_its_own(error: ApiFailure) -> bool:
    """Whether a plugin itself gave this error: they have no codes, but texts of their own."""
    return error.code in ("XENAPI_PLUGIN_FAILURE", NOT_XAPIS)


MOST_ITEMS: Final = 1000
"""Disks or sensors of a host, nodes or states of an SR; what has more is not what it seems."""

LONGEST_NAME: Final = 200
"""Characters of the name of one."""
