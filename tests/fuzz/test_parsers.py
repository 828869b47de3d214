"""Whatever bytes come, a parser gives its result or an error of ours: nothing else, and no stall.

`make fuzz` tries some ten thousand inputs on each; FUZZ_EXAMPLES says how many.
"""

import os
from pathlib import Path
from typing import Final
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xo_exporter.config import parse_duration, parse_listen
from xo_exporter.config_yaml import read_yaml
from xo_exporter.errors import ApiFailure, BadAnswer, ConfigError
from xo_exporter.model.guest_address import addresses
from xo_exporter.rrd.xport import Parser, known_values
from xo_exporter.web import negotiation
from xo_exporter.web.web_config import read_web_config
from xo_exporter.xapi import batch, xml_text
from xo_exporter.xapi.dates import unix_time

fuzz = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

BATCH: Final = (
    b'{"events":[{"id":"1","timestamp":"0.0","class":"vm","operation":"add","ref":"OpaqueRef:1",'
    b'"snapshot":{"uuid":"u","name_label":"a","VCPUs_at_startup":"2","tags":["x"]}}],'
    b'"valid_ref_counts":{"vm":1},"token":"00000000000000000001,00000000000000000000"}'
)
RRD: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<xport><meta><start>1</start><step>5</step>'
    b"<end>10</end><rows>1</rows><columns>2</columns><legend><entry>AVERAGE:host:u:cpu0</entry>"
    b"<entry>AVERAGE:vm:v:memory</entry></legend></meta><data><row><t>10</t><v>0.5</v>"
    b"<v>NaN</v></row></data></xport>"
)
YAML: Final = b"pools:\n  - url: https://a\n    username: u\n    password: 'p'\n    timeout: 10s\n"


def damaged(original: bytes) -> st.SearchStrategy[bytes]:
    """Bytes at random, and `original` with a part of it replaced, doubled or cut out."""

    def damage(parts: tuple[int, int, bytes, int]) -> bytes:
        start, length, replacement, times = parts
        start %= len(original) + 1
        return original[:start] + replacement * times + original[start + length :]

    edits = st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 60),
        st.binary(max_size=20)
        | st.sampled_from(
            [b"\xff", b"\\ud800", b"NaN", b"[", b"{", b'"', b"<a>", b"&#0;", b"<!DOCTYPE x>", b"-"]
        ),
        st.integers(0, 400),
    )
    return st.binary(max_size=200) | edits.map(damage)


@fuzz
@given(damaged(BATCH))
def test_events(body: bytes) -> None:
    """An answer to event.from is decoded or is a BadAnswer."""
    for large in (batch.LARGE, 0):  # as one, and event by event
        try:
            with mock.patch.object(batch, "LARGE", large):
                batch.read(b'{"result":' + body + b"}", "events", lambda: False)
        except (BadAnswer, ApiFailure):
            continue


@fuzz
@given(damaged(RRD), st.floats(0, 100))
def test_rrds(body: bytes, now: float) -> None:
    """RRDs are read or are a BadAnswer; what is read is finite."""
    try:
        rrd = known_values(Parser().parse(body), now)
    except BadAnswer:
        return
    for owners in (rrd.hosts, rrd.vms):
        for values in owners.values():
            assert all(abs(value) < float("inf") for value in values.values())


@fuzz
@given(st.binary(max_size=300))
def test_mended_xml(body: bytes) -> None:
    """Mended XML is always UTF-8 without the characters that XML has no place for."""
    text = xml_text.mend(body).decode()
    assert not any(ord(character) < 0x20 and character not in "\t\n\r" for character in text)


@fuzz
@given(damaged(YAML))
def test_yaml(tmp_path: Path, body: bytes) -> None:
    """A configuration or web configuration is read or is a ConfigError."""
    path = tmp_path / "some.yml"
    path.write_bytes(body)
    for read in (read_yaml, read_web_config):
        try:
            read(path)
        except ConfigError as error:
            said = str(error)
        else:
            continue
        assert "\n" not in said


@fuzz
@given(st.text(max_size=60))
def test_texts(text: str) -> None:
    """Headers give an answer whatever they say; durations, addresses and dates may be refused."""
    negotiation.wants_openmetrics(text)
    negotiation.takes_gzip(text)
    date = unix_time(text)
    assert date is None or date >= 0
    seconds = negotiation.scrape_timeout(text)
    assert seconds is None or 0 < seconds < float("inf")
    for parser, error in (
        (parse_duration, ConfigError),
        (parse_listen, ConfigError),
    ):
        try:
            parser(text)
        except error:
            continue


@fuzz
@given(
    st.dictionaries(
        st.text(max_size=12) | st.from_regex(r"[0-9]{1,2}/(ip|ipv[46]/[0-9]{1,2})", fullmatch=True),
        st.text(max_size=40) | st.ip_addresses().map(str),
        max_size=6,
    )
)
def test_guest_addresses(networks: dict[str, str]) -> None:
    """What a guest reports of its networks gives an address or none."""
    address = addresses(networks).main
    assert address is None or any(address in value for value in networks.values())


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nests(depth: int) -> None:
    """A body that nests without end is a BadAnswer."""
    for nest in (b"[", b'{"a":'):
        with pytest.raises(BadAnswer):
            batch.read(b'{"result":{"events":[' + nest * depth, "events", lambda: False)
    with pytest.raises(BadAnswer):
        Parser().parse(b"<xport>" + b"<a>" * depth)
