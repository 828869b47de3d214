"""What is told once, when the service starts, of a configuration that is unwise."""

import stat
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from xo_exporter import cautions
from xo_exporter.config import Config, PoolConfig, Secret, Tls, Url


def told(*pools: PoolConfig) -> list[Any]:
    """Give the lines that a configuration of these pools leaves in the log."""
    with capture_logs() as lines:
        cautions.tell(Config(pools=pools, collectors={}))
    return lines


def pool(url: str = "https://a.example.org", **more: Any) -> PoolConfig:
    """Configure a pool; without a password file it has a password."""
    secret: dict[str, Any] = {}
    if "password_file" not in more:
        secret["password"] = Secret("hunter2")
    return PoolConfig(url=Url.parse(url), username="root", **secret, **more)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """Write a file with a password that its owner alone can read."""
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o600)
    return file


def test_a_careful_configuration_needs_no_words(password_file: Path) -> None:
    """Nothing is said of verified certificates and closed files, nor of a password in the file."""
    assert told(pool(), pool(password_file=password_file)) == []


def test_unverified_certificates_are_one_line() -> None:
    """`verify: false` is told in one line for all pools, by their NAMEs."""
    off = Tls(verify=False)
    (line,) = told(pool(tls=off), pool("https://b.example.org", tls=off, name="B"), pool(name="C"))
    assert line["log_level"] == "warning"
    assert line["pools"] == "a.example.org, B"
    assert "fingerprint_sha256" in line["hint"]


def test_an_authority_that_counts_for_nothing_is_a_line_more() -> None:
    """Beside `verify: false` nobody is asked whether a certificate is that of `ca_file`."""
    first, second = told(pool(tls=Tls(verify=False, ca_file=Path("ca.pem"))), pool())
    assert "not verified" in first["event"]
    assert "ca_file counts for nothing" in second["event"]
    assert second["pools"] == "a.example.org"


def test_what_is_pinned_or_has_no_certificate_is_not_unverified() -> None:
    """`verify: false` means nothing beside fingerprints, and without TLS."""
    pinned = Tls(verify=False, fingerprint_sha256=(bytes(32),))
    assert told(pool(tls=pinned), pool("http://b", tls=Tls(verify=False))) == []


@pytest.mark.parametrize(("mode", "open_to_all"), [(0o604, True), (0o644, True), (0o640, False)])
def test_a_world_readable_password_file_is_one_line(
    password_file: Path, mode: int, *, open_to_all: bool
) -> None:
    """A file that others may read is named once, with what to do, and never what is in it."""
    password_file.chmod(mode)
    lines = told(pool(password_file=password_file), pool(name="B", password_file=password_file))
    assert [line["file"] for line in lines] == [str(password_file)] * open_to_all
    assert all("chmod" in line["hint"] for line in lines)
    assert "hunter2" not in str(lines)


def test_a_link_counts_as_what_it_leads_to(password_file: Path, tmp_path: Path) -> None:
    """It is the file itself that is open or not, as with the secrets that Kubernetes mounts."""
    link = tmp_path / "link"
    link.symlink_to(password_file)
    assert told(pool(password_file=link)) == []
    password_file.chmod(stat.S_IRUSR | stat.S_IROTH)
    assert [line["file"] for line in told(pool(password_file=link))] == [str(link)]


def test_a_file_that_has_gone_is_left_to_the_log_in(tmp_path: Path) -> None:
    """What can't be looked at is no reason not to start."""
    assert told(pool(password_file=tmp_path / "gone")) == []
