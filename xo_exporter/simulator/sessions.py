"""Who is logged in: the pool's sessions, valid on each of its hosts."""

import hmac
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator.database import Database


def wire_time(seconds: float) -> str:
    """Write a Unix time as XAPI writes a datetime."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H:%M:%SZ")


class Sessions:
    """The sessions of one pool; each is a record of the class `session` as well."""

    def __init__(
        self, database: Database, username: str, password: str, clock: Callable[[], float]
    ) -> None:
        self.username = username
        self.password = password
        self.logins = 0
        self.refused = 0
        self.calls_left: int | None = None
        self._database = database
        self._clock = clock

    @property
    def open(self) -> list[str]:
        """The references of the sessions that are open now."""
        return list(self._database.tables["session"])

    def accepts(self, username: str, password: str) -> bool:
        """Say whether this user may log in with this password."""
        right = hmac.compare_digest(self.password.encode(), password.encode("utf-8", "replace"))
        return right and username == self.username

    def login(self, username: str, password: str, originator: str, host: str) -> str:
        """Open a session and give its reference; ApiFailure when the password is wrong."""
        if not self.accepts(username, password):
            self.refused += 1
            raise ApiFailure("SESSION_AUTHENTICATION_FAILED", (username, "Authentication failure"))
        self.logins += 1
        now = wire_time(self._clock())
        return self._database.add(
            "session",
            {
                "uuid": str(uuid.uuid4()),
                "this_host": host,
                "last_active": now,
                "validation_time": now,
                "is_local_superuser": True,
                "originator": originator,
            },
            ref=f"OpaqueRef:{uuid.uuid4()}",
        )

    def check(self, ref: str) -> None:
        """Raise ApiFailure SESSION_INVALID unless this session is open, for one more call.

        `calls_left` says how many calls still pass before every session ends; None is no limit.
        """
        if self.calls_left is not None:
            if self.calls_left <= 0:
                self.calls_left = None
                self.expire()
            else:
                self.calls_left -= 1
        self.require(ref)

    def require(self, ref: str) -> None:
        """Raise ApiFailure SESSION_INVALID unless this session is open; counts for nothing."""
        if ref not in self._database.tables["session"]:
            raise ApiFailure("SESSION_INVALID", (ref,))

    def logout(self, ref: str) -> None:
        """Close a session."""
        self._database.delete("session", ref)

    def expire(self) -> None:
        """Close every session, as a restart of the master's xapi does."""
        for ref in self.open:
            self._database.delete("session", ref)
