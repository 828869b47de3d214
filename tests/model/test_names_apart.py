"""Names in one label: each is told from the others."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.model.names_apart import names_apart

A = "0f4e2c6b-6a5e-4bb6-8f9f-1d6c07d6a111"
B = "5a5a5a5a-6a5e-4bb6-8f9f-1d6c07d6a222"
LIKE_A = "0f4e2c6b-ffff-4bb6-8f9f-1d6c07d6a333"


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        ({}, {}),
        ({A: "SSD", B: "NAS"}, {A: "SSD", B: "NAS"}),
        ({A: "SSD", B: "SSD"}, {A: "SSD (0f4e2c6b)", B: "SSD (5a5a5a5a)"}),
        ({A: "", B: ""}, {A: " (0f4e2c6b)", B: " (5a5a5a5a)"}),
        (
            {A: "SSD", LIKE_A: "SSD"},
            {A: f"SSD (0f4e2c6b) ({A})", LIKE_A: f"SSD (0f4e2c6b) ({LIKE_A})"},
        ),
        (
            {A: "SSD", B: "SSD", LIKE_A: "SSD (0f4e2c6b)"},
            {
                A: f"SSD (0f4e2c6b) ({A})",
                B: "SSD (5a5a5a5a)",
                LIKE_A: f"SSD (0f4e2c6b) ({LIKE_A})",
            },
        ),
    ],
)
def test_texts(names: Mapping[str, str], texts: Mapping[str, str]) -> None:
    """A name stands alone where it is the only one, else with as much of the UUID as it takes."""
    assert names_apart(names.items()) == texts


@given(
    st.dictionaries(
        st.sampled_from([A, B, LIKE_A]),
        st.sampled_from(["", "x", "x (0f4e2c6b)", f"x (0f4e2c6b) ({A})", "x (5a5a5a5a)"]),
    )
)
def test_no_two_are_equal(names: Mapping[str, str]) -> None:
    """Whatever the names look like, every object has a text of its own that begins with it."""
    texts = names_apart(names.items())
    assert len({*texts.values()}) == len(names)
    assert all(texts[uuid].startswith(name) for uuid, name in names.items())
