"""What a configuration is made of: typed values, and the text forms that they are read from.

Each `parse` takes text and gives a value, or raises `ConfigError` with a message that begins with
"expected"; who calls it puts in front where the text stood. `xo_exporter.config` reads the values
from a file or from the environment.
"""

import contextlib
import ipaddress
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from xo_exporter.choice import EVERYTHING, Choice
from xo_exporter.errors import ConfigError
from xo_exporter.secret import Secret

DEFAULT_TIMEOUT = 10.0
"""Seconds that a pool may take where the configuration doesn't say."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_PASSWORD_FILE = 64 * 1024
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_DURATION = re.compile(
    r"(?:(?P<y>\d{1,9})y)?(?:(?P<w>\d{1,9})w)?(?:(?P<d>\d{1,9})d)?(?:(?P<h>\d{1,9})h)?"
    r"(?:(?P<m>\d{1,9})m)?(?:(?P<s>\d{1,9})s)?(?:(?P<ms>\d{1,9})ms)?",
    re.ASCII,
)
_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}


@dataclass(frozen=True, slots=True)
class Url:
    """Where an XAPI answers: `scheme` (http or https), `host` and `port`, and nothing more.

    `host` is as it was written, an IPv6 address without its brackets; `port` is None where the
    URL names none.
    """

    scheme: str
    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL such as `https://xcp1.example.org:8443` or `https://[2001:db8::1]/`.

        Raises ConfigError, never with the text in its message: it may hold a password.
        """
        scheme, separator, rest = text.partition("://")
        scheme = scheme.lower()
        if not separator or scheme not in _DEFAULT_PORTS:
            raise ConfigError("expected a URL such as https://xcp1.example.org")
        if "@" in rest:
            raise ConfigError(
                "expected a URL without a user", hint="use username and password_file for that"
            )
        netloc = rest.removesuffix("/")
        if re.search(r"[/?#]", netloc):
            raise ConfigError("expected a URL that ends with its host and port, without a path")
        host, port = _split_port(netloc)
        if not _is_host(host, bracketed=netloc.startswith("[")):
            raise ConfigError(
                "expected a URL with a host name or an IP address (IPv6 in brackets)",
                hint="international names go in their xn-- form",
            )
        if port is None:
            return cls(scheme, host)
        number = _port_number(port)
        if not number:
            raise ConfigError("expected a URL with a port from 1 to 65535")
        return cls(scheme, host, number)

    @property
    def effective_port(self) -> int:
        """The port to connect to: the one written, else the scheme's own."""
        return _DEFAULT_PORTS[self.scheme] if self.port is None else self.port

    @property
    def netloc(self) -> str:
        """Host and, where one was written, port: `xcp1:8443`, `[::1]`."""
        host = _bracketed(self.host)
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def identity(self) -> tuple[str, str, int]:
        """What two URLs of the same place have in common, however they are spelled."""
        host = self.host.lower()
        if ":" in host:
            host = ipaddress.IPv6Address(host).compressed
        return self.scheme, host.removesuffix("."), self.effective_port

    def at(self, host: str) -> Self:
        """Return the URL of another host at the same scheme and port.

        `host` is a name or an address, IPv6 with or without brackets; it is not checked.
        """
        return type(self)(self.scheme, host.removeprefix("[").removesuffix("]"), self.port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: `host` (empty for every address, IPv6 without brackets) and `port`.

    Port 0 leaves the choice to the system.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


DEFAULT_LISTEN = Listen("", 19773)
"""Where `serve` listens unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a pool's certificates are judged.

    `fingerprint_sha256` holds digests of 32 bytes; where there are any, a certificate must be one
    of these and nothing else about it counts. Otherwise `verify` says whether it must be valid, by
    the authorities of `ca_file` (PEM) or, without one, those of the system.
    """

    verify: bool = True
    ca_file: Path | None = None
    fingerprint_sha256: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """One pool: where it is, how to log in, and how long it may take (`timeout`, in seconds).

    `members` are tried in order when `url` doesn't answer. Either `password` or `password_file`
    is set. `name` is the configured one, None where there is none.
    """

    url: Url
    members: tuple[Url, ...] = ()
    username: str
    password: Secret | None = None
    password_file: Path | None = None
    name: str | None = None
    tls: Tls = field(default_factory=Tls)
    timeout: float = DEFAULT_TIMEOUT

    @property
    def key(self) -> str:
        """The pool's NAME in this process: the configured name, else host and port of its URL."""
        return self.url.netloc if self.name is None else self.name

    def read_password(self) -> Secret:
        """Return the password, read anew from its file where it has one.

        Raises ConfigError when the file can't be read, isn't UTF-8 text or is empty. It waits for
        the disk; the file must be a regular one, since a pipe could be read only once.
        """
        if self.password is not None:
            return self.password
        if self.password_file is None:
            raise ConfigError(f"pool {shown(self.key)}: expected password or password_file")
        text = read_text(self.password_file, limit=_LONGEST_PASSWORD_FILE, regular=True)
        password = text.removesuffix("\n")
        if password != text:
            password = password.removesuffix("\r")
        if not password:
            raise ConfigError(f"expected a password in {shown(self.password_file)}, which is empty")
        return Secret(password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; `collectors` says of each known collector whether it is on.

    `choice` says what is exported of what these give.
    """

    listen: Listen = DEFAULT_LISTEN
    pools: tuple[PoolConfig, ...]
    collectors: dict[str, bool]
    choice: Choice = EVERYTHING


def parse_listen(text: str) -> Listen:
    """Read `HOST:PORT`, `:PORT` or `[IPv6]:PORT`, port 0 allowed. Raises ConfigError."""
    host, port = _split_port(text)
    number = None if port is None else _port_number(port)
    everywhere = text.startswith(":")
    if number is None or not (everywhere or _is_host(host, bracketed=text.startswith("["))):
        raise ConfigError(f"expected HOST:PORT such as :19773 or [::1]:19773, not {quoted(text)}")
    return Listen(host, number)


def parse_duration(text: str) -> float:
    """Read a duration as Prometheus spells it (`500ms`, `10s`, `1m30s`, `2h`), in seconds.

    Raises ConfigError; a duration of nothing is none.
    """
    found = _DURATION.fullmatch(text)
    parts = found.groupdict(default="0") if found else {}
    total = sum(int(number) * _MILLISECONDS[unit] for unit, number in parts.items())
    if not total:
        raise ConfigError(f"expected a duration such as 10s, not {quoted(text)}")
    return total / 1000


def parse_fingerprint(text: str) -> bytes:
    """Read a SHA-256 fingerprint, plain hex or bytes between colons. Raises ConfigError."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}", text):
        raise ConfigError(
            "expected a SHA-256 fingerprint of 32 bytes in hex",
            hint="openssl x509 -noout -fingerprint -sha256 -in FILE prints a certificate's",
        )
    return bytes.fromhex(text.replace(":", ""))


def read_text(path: Path, *, limit: int, regular: bool = False) -> str:
    """Read a UTF-8 file as `read_bytes` does. Raises ConfigError."""
    content = read_bytes(path, limit=limit, regular=regular)
    with contextlib.suppress(UnicodeDecodeError):
        return content.decode("utf-8")
    # raised here and not in a handler: the decoder's error would carry the content along
    raise ConfigError(f"can't read {shown(path)}: it is not UTF-8 text")


def read_bytes(path: Path, *, limit: int, regular: bool = False) -> bytes:
    """Read a file of at most `limit` bytes; with `regular`, no pipe and no device.

    Raises ConfigError, naming the file and never what is in it.
    """
    try:
        if regular and not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"can't read {shown(path)}: it is not a regular file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"can't read {shown(path)}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"can't read {shown(path)}: it is no name of a file") from error
    if len(content) > limit:
        raise ConfigError(f"can't read {shown(path)}: it is longer than {limit} bytes")
    return content


def shown(value: object) -> str:
    """Return `str(value)` fit for one line of a message: unprintable characters escaped, short."""
    text = str(value)
    text = text if len(text) <= 500 else f"{text[:500]}…"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def quoted(text: str) -> str:
    """Return a short word in quotes, and of all else only how long it is.

    What a forgotten blank or line break drags along may be the next line's password.
    """
    if len(text) > 40 or not text.isprintable() or " " in text:
        return f"a text of {len(text)} characters"
    return repr(text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _split_port(netloc: str) -> tuple[str, str | None]:
    """Split `host:port`; the host without brackets, the port None where no colon introduces it."""
    if netloc.startswith("["):
        host, closed, rest = netloc[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return "", ""
        return host, rest[1:] if rest else None
    host, colon, port = netloc.partition(":")
    return host, port if colon else None


def _port_number(text: str) -> int | None:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        return None
    return int(text)


def _is_host(host: str, *, bracketed: bool) -> bool:
    """Tell whether this is an IPv6 address (in brackets), an IPv4 address or a host name."""
    try:
        if bracketed:
            return "%" not in host and ipaddress.IPv6Address(host) is not None
        if re.fullmatch(r"[0-9.]+", host):
            return ipaddress.IPv4Address(host) is not None
    except ValueError:
        return False
    labels = host.removesuffix(".").split(".")
    return len(host) <= 254 and all(_LABEL.fullmatch(label) for label in labels)
