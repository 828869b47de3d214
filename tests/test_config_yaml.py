"""YAML as it is read here: its traps, its syntax errors, its bounds."""

import re
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xo_exporter.config import Config, Secret, load
from xo_exporter.errors import ConfigError

MINIMAL = """\
pools:
  - url: https://xcp1.example.org
    username: monitor
    password: hunter2
"""

Load = Callable[[str], Config]
Refused = Callable[[str], str]


def pool(*lines: str) -> str:
    """Return MINIMAL with more lines in its pool, which begin at line 5."""
    return MINIMAL + "".join(f"    {line}\n" for line in lines)


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """Return a function that loads a text as the file `xo.yml`."""

    def read(text: str) -> Config:
        file = tmp_path / "xo.yml"
        file.write_bytes(text.encode())
        return load(file, {}, collectors={})

    return read


@pytest.fixture
def refused(read: Load) -> Refused:
    """Return a function that loads a text, expects a ConfigError and gives its message.

    The folder is cut off, and what every message must be like is checked.
    """

    def refused(text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            read(text)
        message = str(caught.value)
        assert message.isprintable()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        return message[message.index("xo.yml:") :]

    return refused


def test_anchors_and_merge_keys_save_repetition(read: Load) -> None:
    """A pool can take over another's fields; what it says itself wins, then the first source."""
    config = read("""\
pools:
  - &main {url: https://a, username: u, password: hunter2, timeout: 1s, tls: &tls {verify: no}}
  - &other {url: https://b, username: v, password: x, timeout: 2s}
  - {<<: *main, url: https://c, username: w}
  - {<<: [*other, *main], url: https://d, password: y}
  - {url: https://e, username: u, password: z, tls: *tls}
""")
    assert [(str(p.url), p.username, p.timeout) for p in config.pools[2:]] == [
        ("https://c", "w", 1.0),
        ("https://d", "v", 2.0),
        ("https://e", "u", 10.0),
    ]
    assert [p.password for p in config.pools[2:]] == [Secret("hunter2"), Secret("y"), Secret("z")]
    assert [p.tls.verify for p in config.pools] == [False, True, False, False, False]


@pytest.mark.parametrize("text", ["\ufeff" + MINIMAL, MINIMAL.replace("\n", "\r\n")])
def test_files_of_other_systems_are_read(tmp_path: Path, text: str) -> None:
    """A byte order mark and Windows' line ends do no harm."""
    (tmp_path / "xo.yml").write_bytes(text.encode())
    pools = load(tmp_path / "xo.yml", {}, collectors={}).pools
    assert pools[0].password == Secret("hunter2")


def test_a_message_for_an_alias_stays_a_message(refused: Refused) -> None:
    """A value that is an alias is complained about where the value stands."""
    assert refused(pool("name: &n 5", "timeout: *n")) == (
        "xo.yml:5: pools[0].name: expected text, not 5: put it in quotes"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000,
        "pools: " + "[" * 40 + "]" * 40,
        "? " * 3000,
        "pools:\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 400)),
    ],
)
def test_deep_nesting_is_refused(refused: Refused, text: str) -> None:
    """A file nested deeper than any configuration is refused before it costs a stack."""
    assert refused(text).endswith("nested too deep")


@pytest.mark.parametrize(
    "text",
    [
        "pools: [&a {<<: *a}]",
        "pools: &a [*a]",
        "&a pools: *a",
        "&a {pools: *a}",
        "pools: [&a {url: *a}]",
    ],
)
def test_a_value_that_contains_itself_is_refused(refused: Refused, text: str) -> None:
    """An alias of what is around it comes to an end with an ordinary message."""
    assert re.match(r"xo\.yml:1: (pools\S*: )?(expected|nested|too many)", refused(text))


def test_aliases_of_aliases_are_bounded(refused: Refused) -> None:
    """Merges of nine times nine times nine, the billion laughs, are given up early."""
    merges = "&a0 {url: https://a}"
    for step in range(1, 12):
        merges = f"&a{step} {{<<: [{merges}{f', *a{step - 1}' * 8}]}}"
    assert refused(f"pools: [{merges}]").endswith(
        "too many values, counted with every alias resolved"
    )


def test_a_long_list_of_aliases_is_bounded(refused: Refused) -> None:
    """Long lists that many pools share are given up when together they grow too long."""
    members = ", ".join(["https://a"] * 2000)
    pools = "".join(
        f"  - {{url: https://h{n}, username: u, password: p, members: *m}}\n" for n in range(100)
    )
    first = f"  - {{url: https://h, username: u, password: p, members: &m [{members}]}}\n"
    assert "too many values" in refused(f"pools:\n{first}{pools}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: expected a mapping, not an empty file"),
        ("# nothing\n", "1: expected a mapping, not an empty file"),
        ("---\n...\n", "2: expected a mapping, not nothing"),
        ("- a", "1: expected a mapping, not a list"),
        ("hunter2\n", "1: expected a mapping, not text"),
        ("!!set {a}", "1: expected a mapping, not a value with a tag"),
        ("!!map [a]", "1: expected a mapping, not a value with a tag"),
        ("!!str [{password: hunter2}]", "1: expected a mapping, not a value with a tag"),
        (MINIMAL + "---\n" + MINIMAL, "5: expected one document, not several"),
    ],
)
def test_a_file_is_one_document_with_a_mapping(refused: Refused, text: str, message: str) -> None:
    """An empty file, several documents and a document of anything else are refused."""
    assert refused(text).startswith(f"xo.yml:{message}")


SPECIAL = "text that begins with a character special to YAML needs quotes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\tname: a", "5: a tab, where YAML takes only spaces"),
        ("    name: @a", f"5: {SPECIAL}"),
        ("    name: 'a", "5: found unexpected end of stream"),
        ("    members: [a\n", "6: expected ',' or ']', but got '<stream end>'"),
        ('    name: "\\UFFFFFFFF"', "5: expected \\U and the number of a Unicode character"),
        ('    name: "\\U00110000"', "5: expected \\U and the number of a Unicode character"),
        ("    name: a\x00", "5: expected text, not the character U+0000"),
        ("    name: a\x1b", "5: expected text, not the character U+001B"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_line(refused: Refused, text: str, message: str) -> None:
    """A mistake of syntax gives file, line and what is wrong there, in one line."""
    assert refused(MINIMAL + text) == f"xo.yml:{message}"


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("*hunter2", "no anchor of this name; text that begins with * needs quotes"),
        ("!hunter2!x", "text that begins with ! needs quotes"),
        ("%hunter2", SPECIAL),
        ("@hunter2", SPECIAL),
        ("&hunter2*", "expected alphabetic or numeric character, but found …"),
        ("hunter2: x", "mapping values are not allowed here"),
    ],
)
def test_a_password_that_is_no_yaml_is_refused_unseen(
    refused: Refused, password: str, message: str
) -> None:
    """What a parser would quote of a password is left out; what helps is said instead."""
    assert refused(MINIMAL.replace("hunter2", password)) == f"xo.yml:4: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("url: https://b", ".url: expected this key once, line 2 has it already"),
        ("password: hunter2", ".password: expected this key once, line 4 has it already"),
        ("'password': hunter2", ".password: expected this key once, line 4 has it already"),
        ("1: a", ": expected text as a key, not 1"),
        ("~: a", ": expected text as a key, not nothing"),
        ("[a]: b", ": expected text as a key, not a list"),
        ("<<: a", ": expected a mapping, not text"),
        ("<<: [{}, 1]", ": expected a mapping, not 1"),
    ],
)
def test_keys_are_text_and_there_once(refused: Refused, line: str, message: str) -> None:
    """A key that comes twice or is no text is refused, and what is merged must be a mapping."""
    assert refused(f"{MINIMAL}    {line}") == f"xo.yml:5: pools[0]{message}"


PIECES = st.sampled_from(
    [
        "pools",
        ":",
        ": ",
        "- ",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&a ",
        "*a",
        "<<",
        "!!",
        "!",
        "'",
        '"',
        "\\",
        "|",
        ">",
        "%",
        "@",
        "?",
        "? ",
        "---",
        "...",
        "#",
        "url",
        "https://a",
        "tls",
        "username",
        "password",
        "timeout",
        "10s",
        "1",
        "no",
        "~",
        "\x85",
        "\u2028",
        "\ufeff",
        "é",
        "=",
    ]
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join)))
@example('"\\UFFFFFFFF"')
@example("!<%FF> a")
@example("{? a: b}")
def test_any_text_is_a_configuration_or_refused(tmp_path: Path, text: str) -> None:
    """Whatever a file holds, loading gives a configuration or a ConfigError of one line."""
    file = tmp_path / "xo.yml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load(file, {}, collectors={})
    except ConfigError as error:
        assert str(error).isprintable()  # noqa: PT017 - both ends are fine


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x85\u2028\u2029")),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x85\u2028\u2029")),
)
@example("*", "")
@example("'", "")
@example("!", "!")
@example('"\\', "")
@example("&", "")
@example("|", "")
@example("%", "")
@example("", ": ")
def test_no_message_holds_the_password(tmp_path: Path, before: str, after: str) -> None:
    """However a password is spelled, unquoted, no error or traceback of it repeats it."""
    file = tmp_path / "xo.yml"
    line = f"password: {before}hunter2{after}"
    file.write_text(f"pools:\n- url: https://a\n  username: u\n  timeout: 0s\n  {line}\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {}, collectors={})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
