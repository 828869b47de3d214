"""The value of the label `pool` for every pool of the configuration."""

from collections.abc import Sequence
from typing import NamedTuple


class Identity(NamedTuple):
    """A pool of the configuration: its NAME, the configured `name`, and what it said of itself.

    `uuid` and `own_name` are empty while it has never been read.
    """

    key: str
    configured: str | None
    uuid: str
    own_name: str


class PoolLabels:
    """Gives each pool its label; two pools of one name stay told apart once they were."""

    def __init__(self) -> None:
        self._shared_names: set[str] = set()

    def labels(self, pools: Sequence[Identity]) -> dict[str, str]:
        """The label by NAME: the configured name, else the pool's own, else its NAME.

        Pools with one name get the beginning of their UUID appended. A pool that isn't known
        yet, or that an earlier entry is already, goes by its NAME, which no other has.
        """
        twins = duplicates(pools)
        names = {
            pool.key: pool.key
            if not pool.uuid or pool.key in twins
            else pool.configured or pool.own_name or pool.key
            for pool in pools
        }
        taken = list(names.values())
        self._shared_names |= {name for name in taken if taken.count(name) > 1}
        labels: dict[str, str] = {}
        for pool in pools:
            name = names[pool.key]
            told_apart = name in self._shared_names and pool.uuid and pool.key not in twins
            labels[pool.key] = f"{name} ({pool.uuid[:8]})" if told_apart else name
        return labels


def duplicates(pools: Sequence[Identity]) -> dict[str, str]:
    """NAMEs of the entries that are a pool which an earlier entry is already, with its NAME."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for pool in pools:
        if pool.uuid and first.setdefault(pool.uuid, pool.key) != pool.key:
            found[pool.key] = first[pool.uuid]
    return found
