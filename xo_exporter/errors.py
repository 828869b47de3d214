"""Every error of this package, in one tree.

    XoExporterError
    ├── ConfigError           the configuration can't be used (exit status 2)
    └── PoolError             one pool can't be read
        ├── Unreachable       no connection: name, route, refused, closed midway
        ├── TlsRefused        the certificate that was presented is not accepted
        ├── TooLate           no answer within the time allowed
        ├── BadAnswer         an answer that is not what XAPI gives
        ├── ApiFailure        XAPI answered with one of its error codes
        │   ├── HostIsSlave   asked a member; its master is named
        │   ├── SessionInvalid  the session has ended
        │   └── LoginRefused  user, password or role are not accepted
        └── DuplicatePool     another entry of the configuration is this pool

An error of a library is turned into one of these where it enters, and chained to it.
"""

from typing import Final

_BEGINNING: Final = 250  # characters of a text that is too long
_END: Final = 150


def bounded(text: str) -> str:
    """A text as one line, without its middle where it is longer than a few hundred characters.

    What a server sends may stand in it, and that has any length.
    """
    if len(text) > _BEGINNING + _END:
        text = f"{text[:_BEGINNING]}…{text[-_END:]}"
    return " ".join(text.split())


def drop_frames(error: BaseException | None) -> None:
    """Let go of where an error and its causes came from.

    A traceback holds all that its frames hold: records, or a password.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


class XoExporterError(Exception):
    """Anything that this package reports to its user.

    The message says what happened; `hint`, where there is one, what to do next.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class ConfigError(XoExporterError):
    """The configuration or the command line can't be used."""


class PoolError(XoExporterError):
    """One pool, or one host of it, can't be read. The message is one line of bounded length."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(bounded(message), hint=hint)


class Unreachable(PoolError):
    """There is no connection, or it was closed before the answer was complete."""


class TlsRefused(PoolError):
    """The certificate that the other side presented is not accepted."""


class TooLate(PoolError):
    """The answer did not come within the time allowed."""


class BadAnswer(PoolError):
    """The answer is not what XAPI gives: wrong status, wrong form, wrong types, too long."""


class ApiFailure(PoolError):
    """XAPI's own failure: an error code and its parameters."""

    def __init__(self, code: str, params: tuple[str, ...] = (), *, hint: str = "") -> None:
        super().__init__(f"XAPI answers {code}", hint=hint)
        self.code = code
        self.params = tuple(bounded(param) for param in params)


class HostIsSlave(ApiFailure):
    """The host asked is a member; `params[0]` is its master's address, an IP as XAPI has it."""

    @property
    def master(self) -> str:
        """The master's address, without brackets; empty where XAPI named none."""
        return self.params[0].strip("[]") if self.params else ""


class SessionInvalid(ApiFailure):
    """The session has ended on the server: idle for too long, logged out, or a new master."""


class LoginRefused(ApiFailure):
    """The server does not accept this user and password, or gives this user no role."""


class DuplicatePool(PoolError):
    """Another entry of the configuration is this same pool, by its UUID."""
