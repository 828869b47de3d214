"""JSON as XAPI really writes it: mended where it must be, left alone everywhere else."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xo_exporter.errors import BadAnswer
from xo_exporter.xapi.json_text import decode, mend

REPLACEMENT = "\ufffd"
_ANY = msgspec.json.Decoder()
_STRUCT = msgspec.json.Decoder(dict[str, list[str]])

# What looks like something to mend, and stands in a string where it is none.
_TRAPS = st.sampled_from(
    ["NaN", "-Infinity", '"NaN', "NaN\\", "\\ud800", "\\\\udc00", "a\\", '":Infinity,"', "\\u"]
)
_TEXT = st.text() | _TRAPS | st.tuples(st.text(), _TRAPS, st.text()).map("".join)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=20,
)  # fmt: skip


@given(value=_JSON, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_valid_json_keeps_its_value(*, value: Any, ascii_only: bool, indent: int | None) -> None:
    """Whatever is valid JSON says the same after mending, in any spelling."""
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert json.loads(mend(body)) == value


@pytest.mark.parametrize(
    ("body", "mended"),
    [
        (b'["\xff"]', [REPLACEMENT]),
        (b'["a\xc3\xa9b\xc3("]', ["a\xe9b\ufffd("]),
        (b'["\xed\xa0\x80x"]', [f"{REPLACEMENT}x"]),
        (b'["\xed\xa0\xbd\xed\xb8\x80"]', [REPLACEMENT * 2]),
        (b'["\xf0\x9f"]', [REPLACEMENT]),
    ],
    ids=["byte", "cut short", "encoded surrogate", "encoded pair", "truncated"],
)
def test_ill_formed_bytes_become_replacement_characters(body: bytes, mended: list[str]) -> None:
    """An ill-formed byte, or a surrogate that was encoded, becomes U+FFFD and costs no more."""
    assert decode(_ANY, body, "it") == mended


@pytest.mark.parametrize(
    ("body", "mended"),
    [
        (rb'["\ud800"]', [REPLACEMENT]),
        (rb'["a\uDFFFb"]', [f"a{REPLACEMENT}b"]),
        (rb'["\udc00\ud800"]', [REPLACEMENT * 2]),
        (rb'["\ud800\ud83d\ude00"]', [f"{REPLACEMENT}\U0001f600"]),
        (rb'["\ud800\n\"\\ud800"]', [f'{REPLACEMENT}\n"\\ud800']),
        (rb'[{"\ud800": "\u00e9"}]', [{REPLACEMENT: "\xe9"}]),
    ],
    ids=["high", "low", "wrong order", "before a pair", "among escapes", "in a key"],
)
def test_lone_surrogates_become_replacement_characters(body: bytes, mended: Any) -> None:
    """A lone surrogate becomes U+FFFD, while pairs and escaped backslashes stay as they are."""
    assert decode(_ANY, body, "it") == mended


@pytest.mark.parametrize(
    "body",
    [b"[NaN]", b"[Infinity]", b"[-Infinity]", b"[ NaN ]", b"[\nNaN\n]"],
)
def test_bare_numbers_that_json_lacks_become_null(body: bytes) -> None:
    """NaN and infinities stand bare in XAPI's JSON; they become null, which is unknown."""
    assert decode(_ANY, body, "it") == [None]


def test_bare_numbers_are_left_alone_in_strings() -> None:
    """A name such as NaN, beside a value that is none, stays a name."""
    body = rb'{"NaN": "NaN", "a": NaN, "Infinity\"": "-Infinity \ud800", "b": -Infinity}'
    assert decode(_ANY, body, "it") == {
        "NaN": "NaN",
        "a": None,
        'Infinity"': f"-Infinity {REPLACEMENT}",
        "b": None,
    }


@pytest.mark.parametrize("number", ["1e400", "-1.5E+999", "9" * 400 + "e1000", "1e99999999"])
def test_numbers_that_are_out_of_range_become_null(number: str) -> None:
    """A number beyond any float is unknown, and costs nothing else; a text stays a text."""
    decoder = msgspec.json.Decoder(dict[str, int | str | None], strict=False)
    body = f'{{"a": {number}, "1e400": "1e400", "b\\"": "{number}", "c": 7}}'
    assert decode(decoder, body.encode(), "it") == {
        "a": None,
        "1e400": "1e400",
        'b"': number,
        "c": 7,
    }


@given(st.binary())
@example(b"")
@example(b'{"a":["\xff')
@example(b'{"a":["\\')
@example(b'{"a":["\\u')
@example(b"[" * 100_000)
@example(b'{"b":' * 50_000)
@example(b'{"a":["NaN' + b'\\"' * 1000)
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    """Whatever comes is either decoded to the wanted type or a BadAnswer, no other exception."""
    try:
        value = decode(_STRUCT, body, "the answer")
    except BadAnswer as error:
        assert error.message.startswith("the answer can't be decoded")  # noqa: PT017
    else:
        assert all(isinstance(text, str) for texts in value.values() for text in texts)


@given(_JSON, st.data())
def test_damaged_json_is_decoded_or_refused(value: Any, data: st.DataObject) -> None:
    """A valid body with bytes overwritten is either decoded or a BadAnswer."""
    body = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(_ANY, bytes(body), "the answer")
    except BadAnswer as error:
        assert error.__cause__ is not None  # noqa: PT017


def test_mending_a_string_that_never_ends_takes_linear_time() -> None:
    """A truncated body of escaped quotes is searched once, not once from each quote."""
    body = b'["NaN' + b'\\"' * 500_000
    assert mend(body) == body


_SLOW_TO_MEND = {
    "escapes": b'["' + b"\\n " * 2_000_000,
    "backslashes": b"\\" * 6_000_000,
    "no numbers": b"[" + b"NaN," * 1_500_000,
    "quotes": b"NaN" + b'"' * 6_000_000,
    "lone surrogates": b'["' + b"\\ud800" * 1_000_000 + b'"]',
    "encoded surrogates": b"\xed\xa0\x80" * 2_000_000,
    "ill-formed": b"\xff" * 6_000_000,
    "large numbers": b'{"a":[' + b"1e400," * 1_000_000,
    "almost a number": b"NaN" + b"-N-I" * 1_500_000,
}


@pytest.mark.parametrize("body", _SLOW_TO_MEND.values(), ids=_SLOW_TO_MEND.keys())
def test_a_body_made_to_be_slow_is_not(body: bytes) -> None:
    """Six million bytes of what is mended cost no more than a second of the processor."""
    started = time.process_time()
    with pytest.raises(BadAnswer):
        decode(_STRUCT, body, "it")
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("odd", [rb"\ud800", b"\xff"])
def test_an_odd_name_in_a_long_record_costs_nothing_else(odd: bytes) -> None:
    """A record may have megabytes, as of certificates and NVRAM, and is mended all the same."""
    body = b'["%b","%b",NaN]' % (odd, b"x" * 3_000_000)
    name, rest, number = decode(_ANY, body, "it")
    assert (name, len(rest), number) == ("\ufffd", 3_000_000, None)


def test_the_error_says_what_was_read() -> None:
    """The message names what was being read and where it went wrong, and not the content."""
    with pytest.raises(BadAnswer, match=r"the pool record can't be decoded \(Expected `array`"):
        decode(_STRUCT, b'{"a": "hunter2"}', "the pool record")
    with pytest.raises(BadAnswer) as caught:
        decode(_STRUCT, b'{"a": "hunter2"}', "the pool record")
    assert "hunter2" not in str(caught.value)
