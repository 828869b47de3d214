"""What an operator chooses of all that could be exported, beside the collectors."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from xo_exporter.errors import ConfigError

LABELLED: Final = ("pool", "host", "vm", "sr", "network", "vdi")
"""The classes of which keys and tags may become labels of their `_info` series."""

POWER_STATES: Final = ("Running", "Paused", "Suspended", "Halted")
DEFAULT_MAX_SERIES: Final = 50_000
"""Series of one family of one pool: a pool of XAPI's largest size has fewer of most."""

_SECRET: Final = re.compile(
    r"pass|pwd|secret|token|key|credential|chap|cert|private|auth(?!or)|cookie", re.IGNORECASE
)
_NO_LABEL: Final = re.compile(r"[^A-Za-z0-9_]+")
_REST: Final = "*"


@dataclass(frozen=True, slots=True)
class KeyLabel:
    """A key of `other_config` whose value becomes the label `name`."""

    name: str
    key: str

    @classmethod
    def parse(cls, key: str) -> "KeyLabel":
        """The label of a key. Raises ConfigError for one that may hold a secret."""
        if not key or len(key) > 100 or not key.isprintable():
            raise ConfigError("expected a key of other_config, as it is written there")
        if _SECRET.search(key):
            raise ConfigError(
                "expected no key whose name says that it may hold a secret",
                hint="labels can be read by everybody who can read metrics",
            )
        return cls(_label("other_config", key), key)


@dataclass(frozen=True, slots=True)
class TagLabel:
    """A tag, or those that begin alike (`has_rest`), that become the label `name`.

    The value is `true`, or what follows the beginning.
    """

    name: str
    text: str
    has_rest: bool

    @classmethod
    def parse(cls, text: str) -> "TagLabel":
        """The label of a tag, `critical`, or of those that begin alike, `env:*`."""
        beginning = text.removesuffix(_REST)
        if _REST in beginning or not beginning.isprintable() or not beginning.strip():
            raise ConfigError("expected a tag such as critical, or how tags begin such as env:*")
        return cls(_label("tag", beginning), beginning, beginning != text)

    def value(self, tags: Iterable[str]) -> str:
        """The label's value for an object with these tags; empty where none of them is meant."""
        if not self.has_rest:
            return "true" if self.text in tags else ""
        found = {tag[len(self.text) :] for tag in tags if tag.startswith(self.text)}
        return ",".join(sorted(rest for rest in found if rest))


@dataclass(frozen=True, slots=True)
class InfoLabels:
    """What becomes labels on the `_info` series of one class."""

    keys: tuple[KeyLabel, ...] = ()
    tags: tuple[TagLabel, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The labels."""
        return (*(label.name for label in self.keys), *(label.name for label in self.tags))


@dataclass(frozen=True, slots=True, kw_only=True)
class VMFilter:
    """Which VMs have series of their own: by tags, as globs, and by power state.

    Without `tags` those with any, without `power_states` those in any.
    """

    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    power_states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is exported of what the collectors give.

    `include` and `exclude` are globs of names of metrics; without `include` all are meant.
    `labels` has the further labels by class. No family has more than `max_series` of one pool.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    labels: Mapping[str, InfoLabels] = field(default_factory=dict)
    vms: VMFilter = VMFilter()
    max_series: int = DEFAULT_MAX_SERIES


EVERYTHING: Final = Choice()


def _label(prefix: Literal["other_config", "tag"], text: str) -> str:
    name = _NO_LABEL.sub("_", text).strip("_")
    if not name:
        raise ConfigError("expected letters or digits in it, of which a label can be made")
    return f"{prefix}_{name}"
