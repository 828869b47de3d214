"""The typed configuration: from a YAML file or, for a single pool, from the environment.

Both are read strictly. What is wrong is a `ConfigError` of one line that says where (file, line
and key path, or the variable) and what was expected there, and never holds a password.
"""

import ssl
import unicodedata
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from xo_exporter.config_choice import CHOICE_KEYS, read_choice
from xo_exporter.config_yaml import Place, read_yaml
from xo_exporter.errors import ConfigError
from xo_exporter.secret import HIDDEN, Secret
from xo_exporter.settings import (
    DEFAULT_LISTEN,
    DEFAULT_TIMEOUT,
    Config,
    Listen,
    PoolConfig,
    Tls,
    Url,
    parse_duration,
    parse_fingerprint,
    parse_listen,
    quoted,
    read_bytes,
    shown,
)

__all__ = [
    "DEFAULT_LISTEN",
    "DEFAULT_TIMEOUT",
    "Config",
    "Listen",
    "PoolConfig",
    "Secret",
    "Tls",
    "Url",
    "load",
    "parse_duration",
    "parse_listen",
]

T = TypeVar("T")

_PREFIX = "XO_EXPORTER_"
_TOP_KEYS = ("listen", "pools", "collectors", *CHOICE_KEYS)
_POOL_KEYS = ("url", "members", "username", "password", "password_file", "name", "tls", "timeout")
_TLS_KEYS = ("verify", "ca_file", "fingerprint_sha256")
# no scrape waits for longer, and sockets don't take every number
_LONGEST_TIMEOUT = 86_400.0
_LONGEST_CA_FILE = 16 * 1024 * 1024


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    collectors: Mapping[str, bool],
    metrics: Collection[str] = (),
    try_passwords: bool = True,
) -> Config:
    """Return the configuration of a file or, without one, of the environment.

    `path` is what the command line names, else `XO_EXPORTER_CONFIG` in `environ` counts. With a
    file, the variables that describe a pool are not read, and `XO_EXPORTER_URL` is an error.
    Variables that are not ours are left alone, also those that begin like ours: Kubernetes sets
    `XO_EXPORTER_PORT` for a service named xo-exporter. An empty variable is as good as none.

    `collectors` gives every known collector and whether it is on by default, `metrics` the names
    that can be chosen.

    Raises ConfigError. The files for passwords and authorities are tried, too; those for passwords
    only with `try_passwords`.
    """
    environment = _Environment(environ)
    file = path or environment.get("CONFIG", _a_path)
    from_environment = environment.has("URL")
    if file and from_environment:
        raise ConfigError(
            f"the file {shown(file)} and {_PREFIX}URL are both given, expected one of the two"
        )
    if file:
        return _from_file(file, collectors, metrics, try_passwords=try_passwords)
    if not from_environment:
        raise ConfigError(
            "no configuration is given",
            hint=f"use --config FILE, {_PREFIX}CONFIG or, for a single pool, {_PREFIX}URL",
        )
    return Config(
        listen=environment.get("LISTEN", parse_listen) or DEFAULT_LISTEN,
        pools=(environment.pool(try_password=try_passwords),),
        collectors=dict(collectors),
    )


def _from_file(
    path: Path, collectors: Mapping[str, bool], metrics: Collection[str], *, try_passwords: bool
) -> Config:
    top = read_yaml(path).fields(_TOP_KEYS, required=("pools",))
    folder = path.absolute().parent
    listen = top["listen"].parsed(parse_listen, "HOST:PORT") if "listen" in top else DEFAULT_LISTEN
    switches = top["collectors"].fields(tuple(collectors)) if "collectors" in top else {}
    chosen = {name: place.boolean() for name, place in switches.items()}
    places = top["pools"].items()
    if not places:
        raise top["pools"].error("expected at least one pool")
    keys: dict[str, Place] = {}
    urls: dict[tuple[str, str, int], Place] = {}
    pools = []
    for place in places:
        pool = _pool(place, folder, try_password=try_passwords)
        _refuse_twin(keys, pool.key, place, f"the name {shown(pool.key)}")
        _refuse_twin(urls, pool.url.identity, place, f"the URL {pool.url}")
        pools.append(pool)
    return Config(
        listen=listen,
        pools=tuple(pools),
        collectors={**collectors, **chosen},
        choice=read_choice(top, metrics),
    )


def _refuse_twin(seen: dict[T, Place], identity: T, place: Place, what: str) -> None:
    first = seen.setdefault(identity, place)
    if first is not place:
        raise place.error(f"expected each pool once, {what} is that of {first.path}, too")


def _pool(place: Place, folder: Path, *, try_password: bool) -> PoolConfig:
    fields = place.fields(_POOL_KEYS, required=("url", "username"), secret="password")  # noqa: S106 - a key
    if ("password" in fields) == ("password_file" in fields):
        raise place.error("expected one of password and password_file")
    password = fields["password"].parsed(_a_password) if "password" in fields else None
    password_file = None
    if "password_file" in fields:
        password_file = folder / fields["password_file"].parsed(_a_path)
    pool = PoolConfig(
        url=fields["url"].parsed(Url.parse),
        members=tuple(
            member.parsed(Url.parse)
            for member in (fields["members"].items() if "members" in fields else ())
        ),
        username=fields["username"].parsed(_a_name),
        password=password,
        password_file=password_file,
        name=fields["name"].parsed(_a_name) if "name" in fields else None,
        tls=_tls(fields["tls"], folder) if "tls" in fields else Tls(),
        timeout=(
            fields["timeout"].parsed(_a_timeout, "a duration such as 10s")
            if "timeout" in fields
            else DEFAULT_TIMEOUT
        ),
    )
    if "password_file" in fields and try_password:
        fields["password_file"].tried(pool.read_password)
    return pool


def _tls(place: Place, folder: Path) -> Tls:
    fields = place.fields(_TLS_KEYS)
    if "ca_file" in fields and "fingerprint_sha256" in fields:
        raise place.error("expected one of ca_file and fingerprint_sha256, not both")
    verify = fields["verify"].boolean() if "verify" in fields else True
    if "ca_file" in fields:
        ca_file = folder / fields["ca_file"].parsed(_a_path)
        fields["ca_file"].tried(lambda: _try_authorities(ca_file))
        return Tls(verify=verify, ca_file=ca_file)
    if "fingerprint_sha256" not in fields:
        return Tls(verify=verify)
    pinned = fields["fingerprint_sha256"]
    pins = pinned.items() if pinned.is_list else [pinned]
    if not pins:
        raise pinned.error("expected at least one fingerprint")
    return Tls(
        verify=verify, fingerprint_sha256=tuple(pin.parsed(parse_fingerprint) for pin in pins)
    )


class _Environment:
    """The variables that describe one pool; each error names the variable it comes from."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def has(self, name: str) -> bool:
        return bool(self._environ.get(_PREFIX + name))

    def get(self, name: str, parse: Callable[[str], T]) -> T | None:
        text = self._environ.get(_PREFIX + name)
        return self._tried(name, lambda: parse(_well_formed(text))) if text else None

    def pool(self, *, try_password: bool) -> PoolConfig:
        """Return the pool that the variables describe. Raises ConfigError."""
        url, username = self.get("URL", Url.parse), self.get("USERNAME", _a_name)
        if url is None or username is None:
            raise ConfigError(f"{_PREFIX}{'USERNAME' if url else 'URL'}: expected, but not set")
        self._expect_at_most_one("PASSWORD", "PASSWORD_FILE")
        if not self.has("PASSWORD") and not self.has("PASSWORD_FILE"):
            raise ConfigError(f"{_PREFIX}PASSWORD: expected it or {_PREFIX}PASSWORD_FILE to be set")
        self._expect_at_most_one("CA_FILE", "FINGERPRINT_SHA256")
        ca_file = self.get("CA_FILE", _a_path_from_here)
        if ca_file:
            self._tried("CA_FILE", lambda: _try_authorities(ca_file))
        verify = self.get("VERIFY", _a_boolean)
        pool = PoolConfig(
            url=url,
            username=username,
            password=self.get("PASSWORD", _a_password),
            password_file=self.get("PASSWORD_FILE", _a_path_from_here),
            name=self.get("NAME", _a_name),
            tls=Tls(
                verify=True if verify is None else verify,
                ca_file=ca_file,
                fingerprint_sha256=self.get("FINGERPRINT_SHA256", _fingerprints) or (),
            ),
        )
        if try_password:
            self._tried("PASSWORD_FILE", pool.read_password)
        return pool

    def _expect_at_most_one(self, one: str, other: str) -> None:
        if self.has(one) and self.has(other):
            raise ConfigError(
                f"{_PREFIX}{one} and {_PREFIX}{other} are both set, expected one of the two"
            )

    def _tried(self, name: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except ConfigError as error:
            raise ConfigError(f"{_PREFIX}{name}: {error.message}", hint=error.hint) from error


def _well_formed(text: str) -> str:
    """Refuse what Python makes of bytes in a variable that are not UTF-8."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ConfigError("expected UTF-8 text")
    return text


def _a_name(text: str) -> str:
    if not text.strip() or any(unicodedata.category(c) == "Cc" for c in text):
        raise ConfigError("expected a name, of visible characters")
    return text


def _a_password(text: str) -> Secret:
    if not text:
        raise ConfigError("expected a password, not an empty text")
    if text == HIDDEN:
        raise ConfigError(
            f"expected a password, not the {HIDDEN} that `config print` puts in its place"
        )
    return Secret(text)


def _a_path(text: str) -> Path:
    if not text:
        raise ConfigError("expected the name of a file, not an empty text")
    return Path(text)


def _a_path_from_here(text: str) -> Path:
    return _a_path(text).absolute()


def _a_timeout(text: str) -> float:
    seconds = parse_duration(text)
    if seconds > _LONGEST_TIMEOUT:
        raise ConfigError(f"expected a duration of at most 24h, not {quoted(text)}")
    return seconds


def _a_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ConfigError(f"expected true or false, not {quoted(text)}")
    return text.lower() == "true"


def _fingerprints(text: str) -> tuple[bytes, ...]:
    found = tuple(parse_fingerprint(part) for part in text.replace(",", " ").split())
    if not found:
        raise ConfigError("expected at least one fingerprint")
    return found


def _try_authorities(ca_file: Path) -> None:
    """Raise ConfigError unless this is a readable file of certificates in PEM form."""
    read_bytes(ca_file, limit=_LONGEST_CA_FILE, regular=True)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca_file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"expected certificates in PEM form in {shown(ca_file)}") from error
