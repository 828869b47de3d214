"""Records of which the configuration may want keys and tags as labels.

What is not asked for by name is not read: `other_config` holds what users and plugins put there.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from xo_exporter.choice import InfoLabels

_LONGEST: Final = 200  # characters of a label's value

Pairs = tuple[tuple[str, str], ...]


class Labelled:
    """A record of a class that has further labels."""

    __slots__ = ()

    def chosen_labels(self) -> Pairs:
        """The labels with their values, those that there are."""
        raise NotImplementedError


def chosen_labels(record: msgspec.Struct) -> Pairs:
    """The labels that the configuration wants of a record, with their values."""
    return record.chosen_labels() if isinstance(record, Labelled) else ()


def with_labels(
    classes: Mapping[str, type[msgspec.Struct]], labels: Mapping[str, InfoLabels]
) -> Mapping[str, type[msgspec.Struct]]:
    """The classes of records, of which those with `labels` read what these need."""
    return {
        name: _extended(kind, labels[name]) if name in labels else kind
        for name, kind in classes.items()
    }


def _extended(kind: type[msgspec.Struct], labels: InfoLabels) -> type[msgspec.Struct]:
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    fields: list[tuple[str, Any, Any]] = []
    attributes: dict[str, str] = {}
    if labels.keys:
        base = known["other_config"].type if "other_config" in known else msgspec.Struct
        present = {field.encode_name: field.name for field in msgspec.structs.fields(base)}
        own = [label for label in labels.keys if label.key not in present]
        further = [
            (f"chosen_{number}", str, msgspec.field(default="", name=label.key))
            for number, label in enumerate(own)
        ]
        config = msgspec.defstruct(
            "OtherConfig", further, bases=(base,), frozen=True, gc=False, module=__name__
        )
        fields.append(("other_config", config, config()))
        present |= {label.key: field[0] for label, field in zip(own, further, strict=True)}
        attributes = {label.name: present[label.key] for label in labels.keys}
    if labels.tags and "tags" not in known:
        fields.append(("tags", list[str], msgspec.field(default_factory=list)))

    def found(record: Any) -> Pairs:
        of_keys = (
            (name, getattr(record.other_config, attribute))
            for name, attribute in attributes.items()
        )
        of_tags = ((label.name, label.value(record.tags)) for label in labels.tags)
        return tuple((name, _bounded(text)) for name, text in (*of_keys, *of_tags) if text)

    return msgspec.defstruct(
        kind.__name__,
        fields,
        bases=(Labelled, kind),
        namespace={"chosen_labels": found},
        frozen=True,
        gc=False,
        module=__name__,
    )


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
