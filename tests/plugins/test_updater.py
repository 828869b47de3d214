"""Packages that have an update, as `updater.py` tells them."""

import pytest

from xo_exporter.errors import BadAnswer
from xo_exporter.plugins.updater import parse

PACKAGE = (
    '{"name": "xen-libs", "version": "4.17.5", "release": "3.1", "description": "Xen", '
    '"changelog": {"date": 1714392000, "author": "A", "description": "- x"}, '
    '"url": "https://example.org", "size": 771228, "license": "GPLv2"}'
)


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("[]", 0),
        (f"[{PACKAGE}]", 1),
        (f'[{PACKAGE}, {{"name": "sm", "changelog": null}}]', 2),
        (f"[{PACKAGE}, {PACKAGE}]", 1),
        (f'{{"result": [{PACKAGE}]}}', 1),
        ('[{"name": "\\ud800"}, {"name": "Ünïcode 🐧"}]', 2),
    ],
)
def test_packages_are_counted(text: str, packages: int) -> None:
    """Each package counts once, in the form of today and in that of old releases."""
    assert parse(text).packages == packages


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "{}", "[", "7", '"[]"', "[1]", '[{"version": "1"}]', '[{"name": null}]'),
        '{"error": "The updater plugin is busy (current operation: update)"}',
        '{"result": {"name": "xen"}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_list_of_packages_is_refused(text: str) -> None:
    """Anything else is a bad answer, never a count of 0."""
    with pytest.raises(BadAnswer):
        parse(text)
