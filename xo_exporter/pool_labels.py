"""The value of the label `pool` for every pool of the configuration."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    """Gives each pool its label; what was told apart or found to be a twin once, stays so."""

    def __init__(self) -> None:
        self._shared_names: set[str] = set()
        self._suffixes: Counter[tuple[str, str]] = Counter()  # by name and UUID
        self._owners: dict[str, str] = {}  # the NAME of the entry that is a pool, by its UUID
        self._last: tuple[tuple[Identity, ...], Mapping[str, str], Mapping[str, str]] | None = None

    def twins(self, pools: Sequence[Identity]) -> Mapping[str, str]:
        """NAMEs of the entries that are a pool which another entry is already, with its NAME.

        The entry that was known to be this pool first keeps it; of several that become known at
        once, the first in order.
        """
        return self._known(pools)[1]

    def labels(self, pools: Sequence[Identity]) -> Mapping[str, str]:
        """The label by NAME: the configured name, else the pool's own, else its NAME.

        Pools with one name get the beginning of their UUID appended. A pool that isn't known
        yet, or that another entry is already, goes by its NAME, which no other has. No two
        labels are ever equal, even where names look like others with a UUID appended.
        """
        return self._known(pools)[0]

    def _known(self, pools: Sequence[Identity]) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Labels and twins, worked out once for as long as the pools are the same."""
        of_pools = tuple(pools)
        if self._last is None or self._last[0] != of_pools:
            twins = self._find_twins(of_pools)
            self._last = of_pools, self._find_labels(of_pools, twins), twins
        return self._last[1:]

    def _find_twins(self, pools: Sequence[Identity]) -> dict[str, str]:
        uuids = {pool.key: pool.uuid for pool in pools}
        self._owners = {
            uuid: owner for uuid, owner in self._owners.items() if uuids.get(owner) == uuid
        }
        found: dict[str, str] = {}
        for pool in pools:
            owner = self._owners.setdefault(pool.uuid, pool.key) if pool.uuid else pool.key
            if owner != pool.key:
                found[pool.key] = owner
        return found

    def _find_labels(self, pools: Sequence[Identity], twins: Mapping[str, str]) -> dict[str, str]:
        known = {pool.key: pool for pool in pools if pool.uuid and pool.key not in twins}
        names = {pool.key: pool.key for pool in pools}
        for key, pool in known.items():
            names[key] = pool.configured or pool.own_name or key
        self._shared_names |= {name for name, times in Counter(names.values()).items() if times > 1}
        while True:
            labels = dict(names)
            for key, pool in known.items():
                labels[key] += self._suffix(names[key], pool.uuid)
            times = Counter(labels.values())
            equal = [key for key in known if times[labels[key]] > 1]
            if not equal:
                return labels
            # Those that say the least of themselves say more.
            counts = {key: self._count(names[key], known[key].uuid) for key in equal}
            for key in equal:
                others = (counts[other] for other in equal if labels[other] == labels[key])
                if counts[key] == min(others):
                    self._suffixes[names[key], known[key].uuid] = counts[key] + 1

    def _count(self, name: str, uuid: str) -> int:
        return max(self._suffixes[name, uuid], int(name in self._shared_names))

    def _suffix(self, name: str, uuid: str) -> str:
        count = self._count(name, uuid)
        return f" ({uuid[:8]})" if count == 1 else f" ({uuid})" * (count - 1)
