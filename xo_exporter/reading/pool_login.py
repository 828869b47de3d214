"""The way into a pool: which address is tried first, which pool it leads to, and when not to try.

What is learnt of the pool's hosts is kept from one log-in to the next.
"""

import asyncio
import time
from typing import Final

import structlog

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import BadAnswer, LoginRefused, PoolError, TooLate
from xo_exporter.model.build import pool_identity
from xo_exporter.reading.flight import Flight
from xo_exporter.xapi.addresses import target_of
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.records import Records
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

_FIRST_PAUSE: Final = 15.0  # seconds before a refused log-in is tried again; then doubled
_LONGEST_PAUSE: Final = 900.0


class PoolLogin:
    """Logs in to one pool of the configuration.

    `uuid` and `name` are the pool's own, empty while it was never read.
    """

    def __init__(self, config: PoolConfig) -> None:
        self.uuid = ""
        self.name = ""
        self.config = config
        self._hostnames: dict[str, str] = {}  # by address, as last read
        self._hung: set[Url] = set()  # took a connection and did not answer
        self._strangers: set[tuple[Url, str]] = set()  # and the UUIDs of the pools they are of
        self.refused: tuple[Secret, LoginRefused] | None = None
        self.pause = _FIRST_PAUSE
        self.paused_until = 0.0  # of time.monotonic; holds for the password that was refused

    def inherit(self, before: "PoolLogin") -> None:
        """Go on with the pause after a refused log-in, where it would be the same one again."""
        config, other = self.config, before.config
        if (config.url, config.username) == (other.url, other.username):
            self.refused = before.refused
            self.pause, self.paused_until = before.pause, before.paused_until

    async def log_in(self, flight: Flight) -> Session:
        """A session, by the deadline of the last who waits for `flight`; raises PoolError.

        A password that was refused is not tried again before a pause is over, each twice as
        long as the last one.
        """
        password = self.config.read_password()
        refused_before = self.refused is not None and self.refused[0] == password
        if refused_before and self.refused and time.monotonic() < self.paused_until:
            raise self.refused[1]
        try:
            session = await self._log_in(flight)
        except LoginRefused as error:
            self.pause = min(self.pause * 2, _LONGEST_PAUSE) if refused_before else _FIRST_PAUSE
            self.refused = password, error
            self.paused_until = time.monotonic() + self.pause
            raise
        self.refused = None
        self._hung = set()
        self._strangers.clear()
        return session

    async def _log_in(self, flight: Flight) -> Session:
        while True:
            deadline = flight.deadline
            try:
                return await log_in(
                    self.config,
                    deadline=deadline,
                    hostnames=self._hostnames,
                    learnt=tuple(self._hostnames),
                    avoid=self._hung,
                    accept=self._compare if self.uuid else None,
                )
            except (asyncio.CancelledError, TooLate) as error:
                # Somebody took the connection and kept silent: the others first, the next time.
                self._hung = set() if self._hung else {self.config.url}
                # Who came meanwhile may have more time than there was for this.
                if isinstance(error, asyncio.CancelledError) or flight.deadline <= deadline:
                    raise

    def avoid(self, url: Url) -> None:
        """Try this address last at the next log-in: it does not answer."""
        self._hung = {url}

    def note(self, records: Records) -> bool:
        """Keep in mind which pool it is and where its hosts are; gives whether it is a new one.

        Raises BadAnswer where there is no pool.
        """
        uuid, name = _identity(records)
        is_new = uuid != self.uuid
        if is_new and self.uuid:
            log.warning(
                "the configured address leads to another pool than before",
                pool=self.config.key,
                uuid=uuid,
                before=self.uuid,
            )
        self.uuid, self.name = uuid, name
        self._hostnames = {host.address: host.hostname for host in records.host.values()}
        return is_new

    async def _compare(self, session: Session) -> None:
        """See whether a session is of the same pool as before, where there are other addresses.

        A host that was ejected is a pool of its own, and takes the same user and password.
        """
        where = session.target.url
        reader = RecordReader(session)
        try:
            await reader.read_first_group()
            uuid, _ = _identity(reader.records())
        except PoolError:
            if where == self.config.url:
                return  # what ails the pool itself shows when it is read
            raise
        if uuid == self.uuid:
            return
        self._forget(where)
        if (where, uuid) not in self._strangers:
            self._strangers.add((where, uuid))
            log.warning(
                "a host is of another pool now, and is not read in place of this one",
                pool=self.config.key,
                address=str(where),
                uuid=uuid,
                expected=self.uuid,
            )
        hint = "take it out of members if it has left the pool for good"
        if where == self.config.url:
            hint = (
                "give the url of a host that is still of the pool; or restart the exporter, "
                "if this is to be the pool from now on"
            )
        raise BadAnswer(f"{where} is of another pool now ({uuid})", hint=hint)

    def _forget(self, url: Url) -> None:
        config = self.config
        self._hostnames = {
            address: hostname
            for address, hostname in self._hostnames.items()
            if target_of(config.url, config.members, address, hostname).url != url
        }


def _identity(records: Records) -> tuple[str, str]:
    uuid, name = pool_identity(records)
    if not uuid:
        raise BadAnswer("the server has no pool record, as an XAPI server must")
    return uuid, name
