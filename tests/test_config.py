"""The configuration: what is read, what is refused, and in which words."""

import os
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from xo_exporter.config import (
    Config,
    Listen,
    PoolConfig,
    Secret,
    Tls,
    Url,
    load,
)
from xo_exporter.errors import ConfigError

KNOWN = {"vdi": True, "vbd": False}
PIN = "ab" * 32
COLONS = ":".join(["AB"] * 32)
MINIMAL = """\
pools:
  - url: https://xcp1.example.org
    username: monitor
    password: hunter2
"""

POOL_KEYS = "url, members, username, password, password_file, name, tls, timeout"

Load = Callable[[str], Config]


def pool(*lines: str) -> str:
    """Return MINIMAL with more lines in its pool, which begin at line 5."""
    return MINIMAL + "".join(f"    {line}\n" for line in lines)


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """Return a function that loads a text as the file `xo.yml`."""

    def read(text: str) -> Config:
        file = tmp_path / "xo.yml"
        file.write_text(text, encoding="utf-8")
        return load(file, {}, collectors=KNOWN)

    return read


@pytest.fixture
def refused(read: Load) -> Callable[[str], str]:
    """Return a function that loads a text, expects a ConfigError and gives its message.

    The folder is cut off, and what every message must be like is checked.
    """

    def refused(text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            read(text)
        message = str(caught.value)
        assert message.isprintable()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        assert "/xo.yml:" in message
        return message[message.index("xo.yml:") :]

    return refused


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a certificate authority."""
    return trustme.CA()


def test_a_minimal_file_gets_the_defaults(read: Load) -> None:
    """URL, username and password are enough."""
    config = read(MINIMAL)
    assert config == Config(
        listen=Listen("", 19773),
        pools=(
            PoolConfig(
                url=Url("https", "xcp1.example.org"),
                username="monitor",
                password=Secret("hunter2"),
            ),
        ),
        collectors=KNOWN,
    )
    (pool,) = config.pools
    assert (pool.members, pool.name, pool.timeout, pool.tls) == ((), None, 10.0, Tls())
    assert pool.tls == Tls(verify=True, ca_file=None, fingerprint_sha256=())
    assert pool.read_password().reveal() == "hunter2"


def test_a_full_file_is_read_in_full(tmp_path: Path, read: Load, authority: trustme.CA) -> None:
    """Every key is understood, and paths are relative to the file's folder."""
    (tmp_path / "pw").write_text("hunter2\n")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    config = read("""\
listen: 127.0.0.1:0
pools:
  - url: https://xcp1.example.org:8443/
    members: [https://xcp2.example.org, "https://[::1]:8444"]
    username: monitor
    password_file: pw
    name: Main
    tls:
      verify: yes
      ca_file: ca.pem
    timeout: 1m30s
  - url: https://xcp3
    username: "no"
    password: !!str 12345
    tls: {verify: false}
collectors:
  vdi: false
""")
    assert config.listen == Listen("127.0.0.1", 0)
    assert config.collectors == {"vdi": False, "vbd": False}
    first, second = config.pools
    assert first == PoolConfig(
        url=Url("https", "xcp1.example.org", 8443),
        members=(Url("https", "xcp2.example.org"), Url("https", "::1", 8444)),
        username="monitor",
        password_file=tmp_path / "pw",
        name="Main",
        tls=Tls(ca_file=tmp_path / "ca.pem"),
        timeout=90.0,
    )
    assert first.read_password() == Secret("hunter2")
    assert (second.username, second.password) == ("no", Secret("12345"))
    assert second.tls == Tls(verify=False)


def test_paths_stay_absolute(tmp_path: Path, read: Load) -> None:
    """A path that begins with a slash is not looked for in the file's folder."""
    (tmp_path / "elsewhere").mkdir()
    secret = tmp_path / "elsewhere" / "pw"
    secret.write_text("hunter2")
    config = read(f"pools: [{{url: https://a, username: u, password_file: {secret}}}]")
    assert config.pools[0].password_file == secret


def test_a_relative_file_has_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the process goes later changes nothing about where its files are."""
    (tmp_path / "pw").write_text("hunter2")
    (tmp_path / "xo.yml").write_text(
        "pools: [{url: https://a, username: u, password_file: pw}]", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    config = load(Path("xo.yml"), {}, collectors={})
    monkeypatch.chdir("/")
    assert config.pools[0].read_password() == Secret("hunter2")


@pytest.mark.parametrize(
    ("written", "pins"),
    [
        (PIN, 1),
        (PIN.upper(), 1),
        (COLONS, 1),
        (f"[{COLONS}]", 1),
        (f'["{COLONS.lower()}", "{PIN}"]', 2),
        (f"\n      - {COLONS}\n      - {PIN}\n", 2),
    ],
)
def test_fingerprints_come_in_every_spelling(read: Load, written: str, pins: int) -> None:
    """One fingerprint or a list, colons or plain hex, upper or lower case: 32 bytes each."""
    config = read(f"{MINIMAL}    tls:\n      fingerprint_sha256: {written}")
    assert config.pools[0].tls.fingerprint_sha256 == (b"\xab" * 32,) * pins


def test_a_member_may_be_another_pools_url(read: Load) -> None:
    """Only the URLs of pools must differ; a member that leads a pool of its own is no clash."""
    config = read(
        MINIMAL + "    members: [https://b]\n  - {url: https://b, username: u, password: p}"
    )
    assert config.pools[0].members == (config.pools[1].url,)


# What is refused, and how it is said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("timeout: 10", "timeout: expected a duration such as 10s, not 10"),
        ("timeout: 1:30", "timeout: expected a duration such as 10s, not 1:30"),
        ("timeout: ten", "timeout: expected a duration such as 10s, not 'ten'"),
        ("timeout: 25h", "timeout: expected a duration of at most 24h, not '25h'"),
        ("timeout: 0s", "timeout: expected a duration such as 10s, not '0s'"),
        ("timeout: [10s]", "timeout: expected text, not a list"),
        ("name: no", "name: expected text, not no: put it in quotes"),
        ("name: 2026-01-01", "name: expected text, not 2026-01-01: put it in quotes"),
        ("name: 1.5", "name: expected text, not 1.5: put it in quotes"),
        ("name:", "name: expected text, not nothing"),
        ("name: ~", "name: expected text, not nothing"),
        ("name: {a: b}", "name: expected text, not a mapping"),
        ("name: ''", "name: expected a name, of visible characters"),
        ('name: "a\\nb"', "name: expected a name, of visible characters"),
        ('name: "\\ud800"', "name: expected Unicode text, without half a surrogate pair"),
        ("members: https://b", "members: expected a list, not text"),
        ("members:", "members: expected a list, not nothing"),
        ("members: [https://b, ftp://c]", "members[1]: expected a URL such as https://"),
        ("tls: no", "tls: expected a mapping, not no"),
        ("tls:", "tls: expected a mapping, not nothing"),
        ("tls: {verify: 'true'}", "tls.verify: expected true or false, not text"),
        ("tls: {verify: 1}", "tls.verify: expected true or false, not 1"),
        ("tls: {verify: !!bool maybe}", "tls.verify: expected true or false, not maybe"),
        ("tls: {ca_file: ''}", "tls.ca_file: expected the name of a file"),
        ("tls: {fingerprint_sha256: []}", "tls.fingerprint_sha256: expected at least one"),
    ],
)
def test_a_wrong_value_in_a_pool_is_said_with_its_place(
    refused: Callable[[str], str], line: str, message: str
) -> None:
    """A value of the wrong type or form gives file, line, key path and what was expected."""
    text = pool("# a comment", "", line)
    assert refused(text).startswith(f"xo.yml:7: pools[0].{message}")


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "true", "False"])
def test_a_boolean_of_yaml_is_no_name(refused: Callable[[str], str], word: str) -> None:
    """What YAML 1.1 takes for a boolean is refused as a user's name, with the way out."""
    assert refused(MINIMAL.replace("monitor", word)) == (
        f"xo.yml:3: pools[0].username: expected text, not {word}: put it in quotes"
    )


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("12345", "expected text, not a number: put it in quotes"),
        ("0x1F", "expected text, not a number: put it in quotes"),
        ("1.5", "expected text, not a number: put it in quotes"),
        ("yes", "expected text, not a boolean: put it in quotes"),
        ("2026-01-02", "expected text, not a date: put it in quotes"),
        ("[hunter2]", "expected text, not a list"),
        ("{hunter2: a}", "expected text, not a mapping"),
        (
            "!hunter2",
            "expected text, not a value with a tag (text that begins with ! needs quotes)",
        ),
        ("", "expected text, not nothing"),
        ("''", "expected a password, not an empty text"),
        (
            "<hidden>",
            "expected a password, not the <hidden> that `config print` puts in its place",
        ),
    ],
)
def test_a_password_that_is_no_text_is_refused_unseen(
    refused: Callable[[str], str], password: str, message: str
) -> None:
    """A password that YAML takes for something else is refused without being repeated."""
    assert (
        refused(MINIMAL.replace("hunter2", password)) == f"xo.yml:4: pools[0].password: {message}"
    )


def test_a_password_dragged_along_by_indentation_stays_unseen(
    refused: Callable[[str], str],
) -> None:
    """A next line that YAML takes for more of this value isn't repeated with it."""
    assert refused(pool("timeout: 10s", "  password:hunter2")) == (
        "xo.yml:5: pools[0].timeout: expected a duration such as 10s, not a text of 20 characters"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listen: 19773\n" + MINIMAL, "1: listen: expected HOST:PORT, not 19773"),
        ("listen: a\n" + MINIMAL, "1: listen: expected HOST:PORT such as :19773"),
        (MINIMAL + "collectors: [vdi]", "5: collectors: expected a mapping, not a list"),
        (MINIMAL + "collectors:", "5: collectors: expected a mapping, not nothing"),
        (MINIMAL + "collectors:\n  vdi: 1", "6: collectors.vdi: expected true or false, not 1"),
        ("pools: {}", "1: pools: expected a list, not a mapping"),
        ("pools:", "1: pools: expected a list, not nothing"),
        ("pools: [a]", "1: pools[0]: expected a mapping, not text"),
        ("pools: []", "1: pools: expected at least one pool"),
        ("listen: ':1'", "1: expected the key pools, which is missing"),
        (MINIMAL.replace("url", "name"), "2: pools[0]: expected the key url, which is missing"),
        (MINIMAL.replace("username", "name"), "2: pools[0]: expected the key username, which is"),
    ],
)
def test_a_wrong_structure_is_said_with_its_place(
    refused: Callable[[str], str], text: str, message: str
) -> None:
    """What is wrong outside of a pool, or missing in one, is said with file, line and key path."""
    assert refused(text).startswith(f"xo.yml:{message}")


@pytest.mark.parametrize(
    ("text", "path", "known"),
    [
        (
            MINIMAL + "pool: 1",
            "5: pool",
            "listen, pools, collectors, metrics, labels, vms, max_series_per_family",
        ),
        (
            pool("tls:", "  verfy: no"),
            "6: pools[0].tls.verfy",
            "verify, ca_file, fingerprint_sha256",
        ),
        (MINIMAL + "collectors: {vdj: true}", "5: collectors.vdj", "vdi, vbd"),
        (pool("pasword: hunter2"), "5: pools[0].pasword", POOL_KEYS),
        ("pools: [{password:hunter2}]", "1: pools[0].(a key)", POOL_KEYS),
        ("pools: [{password hunter2}]", "1: pools[0].(a key)", POOL_KEYS),
    ],
)
def test_an_unknown_key_is_refused_with_the_known_ones(
    refused: Callable[[str], str], text: str, path: str, known: str
) -> None:
    """An unknown key is named, unless a password may be in it, and so are those that fit."""
    assert refused(text) == f"xo.yml:{path}: unknown key, expected one of {known}"


@pytest.mark.parametrize(
    "text", [pool("password_file: pw"), MINIMAL.replace("password", "name"), pool("password_file:")]
)
def test_a_pool_has_one_of_password_and_password_file(
    refused: Callable[[str], str], text: str
) -> None:
    """Both ways to give a password, and neither, are refused."""
    assert refused(text) == "xo.yml:2: pools[0]: expected one of password and password_file"


def test_pinned_certificates_and_authorities_exclude_each_other(
    refused: Callable[[str], str],
) -> None:
    """A fingerprint next to a ca_file is refused."""
    assert refused(pool(f"tls: {{fingerprint_sha256: {PIN}, ca_file: a}}")) == (
        "xo.yml:5: pools[0].tls: expected one of ca_file and fingerprint_sha256, not both"
    )


@pytest.mark.parametrize(
    "pin",
    [
        PIN[:-2],
        PIN + "ab",
        PIN[:-1] + "g",
        COLONS[:-3],
        "AB:" + PIN,
        COLONS.replace(":", "-"),
        "''",
    ],
)
def test_a_malformed_fingerprint_is_refused(refused: Callable[[str], str], pin: str) -> None:
    """A fingerprint has 32 bytes, with a colon between every two or none at all."""
    for written in (pin, f"[{PIN}, {pin}]"):
        message = refused(pool(f"tls: {{fingerprint_sha256: {written}}}"))
        assert re.match(
            r"xo\.yml:5: pools\[0\]\.tls\.fingerprint_sha256(\[1\])?: expected a SHA-256 ", message
        )


def test_a_fingerprint_that_looks_like_a_number_needs_quotes(
    refused: Callable[[str], str], read: Load
) -> None:
    """A fingerprint of digits alone is a number to YAML; the message says what to do."""
    digits = "12" * 32
    message = refused(pool(f"tls: {{fingerprint_sha256: {digits}}}"))
    assert message.endswith("put it in quotes")
    config = read(pool(f"tls: {{fingerprint_sha256: '{digits}'}}"))
    assert config.pools[0].tls.fingerprint_sha256 == (b"\x12" * 32,)


@pytest.mark.parametrize(
    "url",
    ["https://XCP1.example.org", "https://xcp1.example.org:443/", "https://xcp1.example.org./"],
)
def test_two_equal_urls_are_refused(refused: Callable[[str], str], url: str) -> None:
    """Case, the scheme's own port and a last slash or dot don't make two URLs different."""
    message = refused(f"{MINIMAL}  - {{url: '{url}', username: u, password: p, name: b}}")
    assert message.startswith("xo.yml:5: pools[1]: expected each pool once, the URL https://")
    assert message.endswith(" is that of pools[0], too")


def test_two_spellings_of_an_ipv6_address_are_one_url(refused: Callable[[str], str]) -> None:
    """IPv6 addresses are compared as addresses."""
    pools = ["https://[2001:db8::1]", "https://[2001:DB8:0::0:1]:443"]
    rest = "username: u, password: p"
    assert "the URL" in refused(
        f"pools: [{{url: '{pools[0]}', {rest}}}, {{url: '{pools[1]}', {rest}}}]"
    )


def test_equal_hosts_of_other_ports_or_schemes_are_two_pools(read: Load) -> None:
    """What differs in scheme or port is another place."""
    rest = "username: u, password: p"
    config = read(
        f"pools: [{{url: 'https://a', {rest}}}, {{url: 'https://a:8443', {rest}}},"
        f" {{url: 'http://a', name: b, {rest}}}]"
    )
    assert [pool.key for pool in config.pools] == ["a", "a:8443", "b"]


@pytest.mark.parametrize("names", [("Main", "Main"), ("xcp2", None), (None, "xcp1.example.org")])
def test_two_equal_names_are_refused(
    refused: Callable[[str], str], names: tuple[str | None, str | None]
) -> None:
    """No two pools have one NAME, be it configured or the host of a URL."""
    first, second = (f"name: {name}" if name else "members: []" for name in names)
    text = pool(first) + f"  - {{url: https://xcp2, username: u, password: p, {second}}}"
    assert re.search(r"6: pools\[1\]: .* the name .* is that of pools\[0\], too$", refused(text))


# Files that can't be read


def test_a_file_of_256_kib_is_the_longest(tmp_path: Path) -> None:
    """A comment fills a file up to the bound; one byte more is refused."""
    file = tmp_path / "xo.yml"
    comment = "#" * (256 * 1024 - len(MINIMAL))
    file.write_text(MINIMAL + comment)
    assert load(file, {}, collectors={}).pools
    file.write_text(MINIMAL + comment + "#")
    with pytest.raises(ConfigError, match=r"xo\.yml: it is longer than 262144 bytes"):
        load(file, {}, collectors={})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No such file or directory"),
        ("folder", "Is a directory"),
        ("latin1", "it is not UTF-8 text"),
        ("utf16", "it is not UTF-8 text"),
        ("x" * 300, "File name too long"),
        ("loop", "Too many levels of symbolic links"),
        ("a\x00b", "it is no name of a file"),
        ("../../../../../../../../dev/zero", "it is longer than 262144 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    """The message names the file and the reason, in one line."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1").write_bytes("password: hunter2é".encode("latin-1"))
    (tmp_path / "utf16").write_bytes(MINIMAL.encode("utf-16"))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / name, {}, collectors={})
    message = str(caught.value)
    assert message.startswith(f"can't read {tmp_path}/")
    assert message.endswith(f": {reason}")
    assert message.isprintable()
    assert "hunter2" not in repr(caught.value.__context__)


@pytest.fixture
def forbidden(tmp_path: Path) -> Path:
    """Give a file that nobody may read."""
    (tmp_path / "xo.yml").touch(mode=0o000)
    return tmp_path / "xo.yml"


@pytest.fixture
def not_root(forbidden: Path) -> Iterator[None]:
    """Go without root's rights for a test: to root nothing is forbidden."""
    nobody, user = 65534, os.geteuid()
    if user == 0:
        os.seteuid(nobody)
    yield
    os.seteuid(user)


def test_a_file_without_permission_is_refused(forbidden: Path, not_root: None) -> None:
    """A file that this user may not read is an error like any other."""
    with pytest.raises(ConfigError, match="Permission denied"):
        load(forbidden, {}, collectors={})


def test_a_line_break_in_a_files_name_stays_in_one_line(tmp_path: Path) -> None:
    """A message is one line whatever the file is called."""
    (tmp_path / "a\nb.yml").write_text("[]")
    with pytest.raises(ConfigError, match=r"a\\nb.yml:1: expected a mapping, not a list$"):
        load(tmp_path / "a\nb.yml", {}, collectors={})


@pytest.mark.parametrize(
    ("content", "password"),
    [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        ("hunter2\n\n", "hunter2\n"),
        ("hunter2\r", "hunter2\r"),
        (" hunter2 \n", " hunter2 "),
        ("pässwörd\n", "pässwörd"),
    ],
)
def test_one_newline_at_the_end_of_a_password_file_is_dropped(
    tmp_path: Path, read: Load, content: str, password: str
) -> None:
    """Nothing but one newline is taken from what a password file holds."""
    (tmp_path / "pw").write_bytes(content.encode())
    config = read("pools: [{url: https://a, username: u, password_file: pw}]")
    assert config.pools[0].read_password() == Secret(password)


def test_a_password_file_is_read_anew_each_time(tmp_path: Path, read: Load) -> None:
    """A password that changes on disk counts from the next reading on; so does its loss."""
    file = tmp_path / "pw"
    file.write_text("first\n")
    (config,) = read("pools: [{url: https://a, username: u, password_file: pw}]").pools
    file.write_text("second\n")
    assert config.read_password() == Secret("second")
    file.unlink()
    with pytest.raises(ConfigError, match=f"can't read {re.escape(str(file))}: No such file"):
        config.read_password()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("missing", "can't read {}: No such file or directory"),
        ("folder", "can't read {}: it is not a regular file"),
        ("pipe", "can't read {}: it is not a regular file"),
        ("binary", "can't read {}: it is not UTF-8 text"),
        ("empty", "expected a password in {}, which is empty"),
        ("newline", "expected a password in {}, which is empty"),
        ("long", "can't read {}: it is longer than 65536 bytes"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_refused_at_the_start(
    tmp_path: Path, refused: Callable[[str], str], file: str, reason: str
) -> None:
    """A password file is tried when the configuration is loaded; a pipe doesn't stall it."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"hunter2\xff")
    (tmp_path / "empty").touch()
    (tmp_path / "newline").write_text("\n")
    (tmp_path / "long").write_text("x" * 65537)
    text = f"pools:\n  - url: https://a\n    username: u\n    password_file: {file}\n"
    expected = reason.format(tmp_path / file)
    assert refused(text) == f"xo.yml:4: pools[0].password_file: {expected}"


def test_a_path_that_no_file_can_have_is_refused(refused: Callable[[str], str]) -> None:
    """A NUL in a path is told apart from a missing file."""
    text = 'pools: [{url: https://a, username: u, password_file: "a\\0b"}]'
    assert refused(text).endswith("a\\x00b: it is no name of a file")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("missing", "can't read {}: No such file or directory"),
        ("folder", "can't read {}: it is not a regular file"),
        ("no-pem", "expected certificates in PEM form in {}"),
        ("broken", "expected certificates in PEM form in {}"),
        ("empty", "expected certificates in PEM form in {}"),
    ],
)
def test_authorities_that_cannot_be_used_are_refused_at_the_start(
    tmp_path: Path, refused: Callable[[str], str], file: str, reason: str
) -> None:
    """A ca_file is tried when the configuration is loaded."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "no-pem").write_bytes(b"hunter2\xff")
    (tmp_path / "broken").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    (tmp_path / "empty").touch()
    expected = reason.format(tmp_path / file)
    assert refused(pool("tls:", f"  ca_file: {file}")) == (
        f"xo.yml:6: pools[0].tls.ca_file: {expected}"
    )
