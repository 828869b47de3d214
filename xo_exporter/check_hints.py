"""What `check` says to do about a step that failed, where the error itself does not."""

from collections.abc import Mapping
from typing import Final

from xo_exporter.errors import (
    ApiFailure,
    BadAnswer,
    ConfigError,
    HostIsSlave,
    LoginRefused,
    SessionInvalid,
    TlsRefused,
    TooLate,
    Unreachable,
    XoExporterError,
)

_SEE_XAPIS_LOG: Final = "see what XAPI says to it in /var/log/xensource.log on the host"
_BY_CODE: Final[Mapping[str, str]] = {
    "HOST_STILL_BOOTING": "XAPI is still starting: try again in some minutes",
    "HOST_IS_SLAVE": "that member knows no master: give the address of another host of the pool, "
    "and see on this one whether `xe host-is-in-emergency-mode` says true",
    "MESSAGE_METHOD_UNKNOWN": "see whether it is an XCP-ng or XenServer host of 7.0 or later",
}
_ANYWHERE: Final[Mapping[type[XoExporterError], str]] = {
    ConfigError: "see whether the file is there, and the user that xo-exporter runs as may read it",
    HostIsSlave: _BY_CODE["HOST_IS_SLAVE"],
    SessionInvalid: "try again; where it stays so, " + _SEE_XAPIS_LOG,
    LoginRefused: "check the user, the password and the role it has on the pool",
    ApiFailure: _SEE_XAPIS_LOG,
    TlsRefused: "see whether it is TLS that is spoken at that port, and which certificate it has",
    TooLate: "see whether it is XAPI that listens there and what keeps the host busy, or give the "
    "pool a longer timeout",
    Unreachable: "see whether the host is up, what firewalls are between, and whether XAPI "
    "listens at that port",
    BadAnswer: "see whether that address is a host's own, with no proxy or other web server before "
    "it; a host whose XAPI is starting answers so, too",
}
_OF_RRDS: Final[Mapping[type[XoExporterError], str]] = {
    TooLate: "see whether that address can be reached from here (if not, name the host in "
    "members), and what keeps the host busy",
    Unreachable: "see whether that address can be reached from here; if not, name the host in "
    "members with one that can",
    BadAnswer: "see on that host whether xcp-rrdd runs (`systemctl status xcp-rrdd`), and what it "
    "says in /var/log/daemon.log",
}
_OF_CREDENTIALS: Final = (
    "systemd has that file only while the service runs, for the service and for root: start it, "
    "then check as root"
)
_OF_US: Final = "that is a mistake in xo-exporter: please report it, with what the log says"


def hint_of(error: XoExporterError, stage: str = "") -> str:
    """What to do about `error`, in plain words; its own hint where it has one.

    stage: where it happened, by the names of `xo_scrape_errors_total`.
    """
    if error.hint:
        return error.hint
    if stage in ("build", "render"):
        return _OF_US
    if isinstance(error, ConfigError) and "/run/credentials/" in error.message:
        return _OF_CREDENTIALS
    if isinstance(error, ApiFailure) and error.code in _BY_CODE:
        return _BY_CODE[error.code]
    kinds = {**_ANYWHERE, **(_OF_RRDS if stage == "rrd" else {})}
    return next((kinds[kind] for kind in type(error).__mro__ if kind in kinds), _SEE_XAPIS_LOG)
