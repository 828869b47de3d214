"""One pool from the environment, and the choice between environment and file."""

import traceback
from pathlib import Path

import pytest
import trustme

from xo_exporter.config import Config, Listen, PoolConfig, Secret, Tls, Url, load
from xo_exporter.errors import ConfigError

KNOWN = {"vdi": True, "vbd": False}
PIN = "ab" * 32
COLONS = ":".join(["AB"] * 32)
NO_PIN = (
    "expected a SHA-256 fingerprint of 32 bytes in hex:"
    " openssl x509 -noout -fingerprint -sha256 -in FILE prints a certificate's"
)
ENVIRONMENT = {
    "XO_EXPORTER_URL": "https://xcp1.example.org",
    "XO_EXPORTER_USERNAME": "monitor",
    "XO_EXPORTER_PASSWORD": "hunter2",
}
MINIMAL = """\
pools:
  - url: https://xcp1.example.org
    username: monitor
    password: hunter2
"""


def from_env(**variables: str) -> Config:
    """Load the environment's pool with these variables changed, named without their prefix."""
    changes = {f"XO_EXPORTER_{name}": value for name, value in variables.items()}
    return load(None, ENVIRONMENT | changes, collectors=KNOWN)


def env_refused(**variables: str) -> str:
    """Return the message for an environment that can't be used."""
    with pytest.raises(ConfigError) as caught:
        from_env(**variables)
    message = str(caught.value)
    assert message.isprintable()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    return message


def test_one_pool_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variable is understood, and paths are relative to the current folder."""
    (tmp_path / "pw").write_text("hunter2\n")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.chdir(tmp_path)
    config = from_env(
        PASSWORD="",
        PASSWORD_FILE="pw",
        NAME="Main",
        VERIFY="True",
        CA_FILE="ca.pem",
        LISTEN="127.0.0.1:9",
    )
    assert config == Config(
        listen=Listen("127.0.0.1", 9),
        pools=(
            PoolConfig(
                url=Url("https", "xcp1.example.org"),
                username="monitor",
                password_file=tmp_path / "pw",
                name="Main",
                tls=Tls(ca_file=tmp_path / "ca.pem"),
            ),
        ),
        collectors=KNOWN,
    )


def test_the_environment_has_the_same_defaults() -> None:
    """URL, username and password are enough; empty and foreign variables count for nothing."""
    config = from_env(NAME="", CA_FILE="", VERIFY="", LISTEN="", CONFIG="", PORT="tcp://10.0.0.1:9")
    assert config.pools == (
        PoolConfig(
            url=Url("https", "xcp1.example.org"), username="monitor", password=Secret("hunter2")
        ),
    )
    assert config.listen == Listen("", 19773)


def test_verification_can_be_turned_off_by_variable() -> None:
    """`false` is false."""
    assert from_env(VERIFY="false").pools[0].tls == Tls(verify=False)


@pytest.mark.parametrize("pins", [PIN, f"{COLONS},{PIN}", f"{PIN} {COLONS}", f"{PIN}, {PIN}\n"])
def test_fingerprints_in_a_variable_are_a_list(pins: str) -> None:
    """Commas, blanks or both stand between fingerprints."""
    found = from_env(FINGERPRINT_SHA256=pins).pools[0].tls.fingerprint_sha256
    assert found == (b"\xab" * 32,) * (2 if len(pins) > 96 else 1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"URL": "ftp://a"}, "URL: expected a URL such as https://xcp1.example.org"),
        (
            {"URL": "https://root:hunter2@a"},
            "URL: expected a URL without a user: use username and password_file for that",
        ),
        ({"USERNAME": ""}, "USERNAME: expected, but not set"),
        ({"USERNAME": " "}, "USERNAME: expected a name, of visible characters"),
        ({"PASSWORD": ""}, "PASSWORD: expected it or XO_EXPORTER_PASSWORD_FILE to be set"),
        (
            {"PASSWORD_FILE": "a"},
            "PASSWORD and XO_EXPORTER_PASSWORD_FILE are both set, expected one of the two",
        ),
        ({"PASSWORD": "hunter2\udcff"}, "PASSWORD: expected UTF-8 text"),
        (
            {"CA_FILE": "a", "FINGERPRINT_SHA256": PIN},
            "CA_FILE and XO_EXPORTER_FINGERPRINT_SHA256 are both set, expected one of the two",
        ),
        ({"FINGERPRINT_SHA256": "ab"}, f"FINGERPRINT_SHA256: {NO_PIN}"),
        ({"FINGERPRINT_SHA256": " , "}, "FINGERPRINT_SHA256: expected at least one fingerprint"),
        ({"VERIFY": "no\n"}, "VERIFY: expected true or false, not a text of 3 characters"),
        ({"NAME": "a\nb"}, "NAME: expected a name, of visible characters"),
        ({"LISTEN": "80"}, "LISTEN: expected HOST:PORT such as :19773 or [::1]:19773, not '80'"),
    ],
)
def test_what_is_wrong_is_said_with_its_variable(variables: dict[str, str], message: str) -> None:
    """Each mistake gives one line with the variable and what was expected."""
    assert env_refused(**variables) == f"XO_EXPORTER_{message}"


@pytest.mark.parametrize("variable", ["PASSWORD_FILE", "CA_FILE"])
def test_files_named_by_a_variable_are_tried_at_the_start(tmp_path: Path, variable: str) -> None:
    """A file that can't be read is refused with the variable that names it."""
    files = {"PASSWORD": "", "PASSWORD_FILE": str(tmp_path / "pw")}
    (tmp_path / "pw").write_text("hunter2")
    missing = str(tmp_path / "missing")
    assert env_refused(**files | {variable: missing}) == (
        f"XO_EXPORTER_{variable}: can't read {missing}: No such file or directory"
    )


# File or environment


def test_a_file_can_be_named_by_variable(tmp_path: Path) -> None:
    """XO_EXPORTER_CONFIG is the file where the command line names none."""
    (tmp_path / "a.yml").write_text(MINIMAL)
    (tmp_path / "b.yml").write_text(MINIMAL.replace("xcp1", "xcp2"))
    environ = {"XO_EXPORTER_CONFIG": str(tmp_path / "a.yml")}
    assert load(None, environ, collectors={}).pools[0].key == "xcp1.example.org"
    given = load(tmp_path / "b.yml", environ, collectors={})
    assert given.pools[0].key == "xcp2.example.org"


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_file_and_a_url_are_refused(tmp_path: Path, *, by_variable: bool) -> None:
    """A pool comes from a file or from the environment, never from a mixture."""
    (tmp_path / "xo.yml").write_text(MINIMAL)
    file = tmp_path / "xo.yml"
    environ = ENVIRONMENT | ({"XO_EXPORTER_CONFIG": str(file)} if by_variable else {})
    with pytest.raises(ConfigError, match=r"xo\.yml and XO_EXPORTER_URL are both given"):
        load(None if by_variable else file, environ, collectors={})


def test_neither_file_nor_url_is_refused() -> None:
    """Without any configuration the message names all ways to give one."""
    environ = {"XO_EXPORTER_CONFIG": "", "XO_EXPORTER_URL": "", "XO_EXPORTER_USERNAME": "u"}
    with pytest.raises(ConfigError, match=r"--config FILE, XO_EXPORTER_CONFIG or, .*_URL"):
        load(None, environ, collectors={})
