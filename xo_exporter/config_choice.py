"""The part of the configuration that says what is exported: metrics, labels, VMs, how many."""

from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, TypeVar

from xo_exporter.choice import (
    DEFAULT_MAX_SERIES,
    EVERYTHING,
    LABELLED,
    POWER_STATES,
    Choice,
    InfoLabels,
    KeyLabel,
    TagLabel,
    VMFilter,
)
from xo_exporter.config_yaml import Place
from xo_exporter.errors import ConfigError
from xo_exporter.settings import quoted

T = TypeVar("T")
AnyLabel = TypeVar("AnyLabel", KeyLabel, TagLabel)

CHOICE_KEYS: Final = ("metrics", "labels", "vms", "max_series_per_family")


def read_choice(top: Mapping[str, Place], metrics: Collection[str]) -> Choice:
    """The choice of a configuration by its keys; `metrics` are the names that there are to choose.

    Raises ConfigError.
    """
    chosen = top["metrics"].fields(("include", "exclude")) if "metrics" in top else {}
    named = partial(a_pattern, metrics=metrics)
    return Choice(
        include=_each(chosen.get("include"), named),
        exclude=_each(chosen.get("exclude"), named),
        labels=_labels(top["labels"]) if "labels" in top else EVERYTHING.labels,
        vms=_vms(top["vms"]) if "vms" in top else EVERYTHING.vms,
        max_series=(
            top["max_series_per_family"].integer(least=1)
            if "max_series_per_family" in top
            else DEFAULT_MAX_SERIES
        ),
    )


def a_pattern(text: str, metrics: Collection[str]) -> str:
    """A glob of names of metrics, such as `xo_vm_*`; one that means none is a ConfigError."""
    if not any(fnmatchcase(name, text) for name in metrics):
        raise ConfigError(
            f"expected the name of a metric or a glob such as xo_vm_*, not {quoted(text)}, which "
            "matches no metric that can be chosen",
            hint="the exporter's own, such as xo_up, are always there",
        )
    return text


def _each(place: Place | None, parse: Callable[[str], T]) -> tuple[T, ...]:
    if place is None:
        return ()
    items = place.items()
    if not items:
        raise place.error("expected at least one")
    return tuple(item.parsed(parse) for item in items)


def _labels(place: Place) -> Mapping[str, InfoLabels]:
    fields = place.fields(("other_config", "tags"))
    keys = _by_class(fields.get("other_config"), KeyLabel.parse)
    tags = _by_class(fields.get("tags"), TagLabel.parse)
    return {
        name: InfoLabels(keys.get(name, ()), tags.get(name, ()))
        for name in LABELLED
        if name in keys or name in tags
    }


def _by_class(
    place: Place | None, parse: Callable[[str], AnyLabel]
) -> Mapping[str, tuple[AnyLabel, ...]]:
    if place is None:
        return {}
    found = {}
    for name, listed in place.fields(LABELLED).items():
        labels = _each(listed, parse)
        for number, label in enumerate(labels):
            first = next(at for at, other in enumerate(labels) if other.name == label.name)
            if first != number:
                raise listed.items()[number].error(
                    f"expected each label once, {label.name} is that of {listed.path}[{first}], too"
                )
        found[name] = labels
    return found


def _vms(place: Place) -> VMFilter:
    fields = place.fields(("tags", "exclude_tags", "power_states"))
    return VMFilter(
        tags=_each(fields.get("tags"), _a_glob),
        exclude_tags=_each(fields.get("exclude_tags"), _a_glob),
        power_states=_each(fields.get("power_states"), _a_power_state),
    )


def _a_glob(text: str) -> str:
    if not text.strip():
        raise ConfigError("expected a tag or a glob such as test*")
    return text


def _a_power_state(text: str) -> str:
    if text not in POWER_STATES:
        raise ConfigError(f"expected one of {', '.join(POWER_STATES)}, not {quoted(text)}")
    return text
