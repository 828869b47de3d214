"""The table of XAPI's classes, and what nobody has set."""

import pytest

from xo_exporter.simulator import GENERATIONS, NULL, schema


def test_every_field_has_a_default_of_its_type() -> None:
    """A default is what its type looks like on the wire, for every field of every class."""
    for cls, fields in schema.classes().items():
        for field, kind in fields.items():
            value = schema.default(cls, field)
            if kind.endswith(" map"):
                assert value == {}
            elif kind.endswith(" set"):
                assert value == []
            elif kind.endswith(" ref"):
                assert value == NULL
            elif kind == "int":
                assert isinstance(value, str)
                assert value.lstrip("-").isdigit()
            else:
                wanted = {"bool": bool, "float": float}.get(kind, str)
                assert isinstance(value, wanted), (cls, field)


def test_defaults_are_not_shared() -> None:
    """Two records never get the same list."""
    assert schema.default("VM", "VBDs") is not schema.default("VM", "VBDs")


@pytest.mark.parametrize(
    ("cls", "field", "first"),
    [
        ("VM", "groups", "g3"),
        ("host", "https_only", "g2"),
        ("pool", "license_server", "g4"),
        ("VM", "power_state", "g1"),
    ],
)
def test_newer_fields_are_missing_in_older_pools(cls: str, field: str, first: str) -> None:
    """A field is printed from the generation on that brought it."""
    for generation in GENERATIONS:
        release = schema.XAPI_VERSION[generation]
        assert (field in schema.fields(cls, release)) == (generation >= first)


def test_fields_of_the_future_are_not_printed() -> None:
    """What only a release after the newest generation has is in none of them."""
    for generation in GENERATIONS:
        assert "trunks" not in schema.fields("VIF", schema.XAPI_VERSION[generation])


def test_the_newest_release_prints_every_field() -> None:
    """No field of any class is newer than the newest release."""
    for cls, fields in schema.classes().items():
        assert schema.fields(cls, schema.NEWEST) == fields


@pytest.mark.parametrize(
    ("name", "cls"),
    [("vm", "VM"), ("VM_METRICS", "VM_metrics"), ("pif", "PIF"), ("role", "role"), ("nope", None)],
)
def test_classes_are_found_in_any_spelling(name: str, cls: str | None) -> None:
    """Event classes come in lower case, methods in mixed case."""
    assert schema.class_of(name) == cls
