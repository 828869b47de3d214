"""The RRDs of a pool's hosts, read beside each other."""

import asyncio
from collections.abc import Iterable
from functools import partial

import structlog

from xo_exporter.config import PoolConfig
from xo_exporter.errors import BadAnswer, PoolError
from xo_exporter.reading.flight import Flight
from xo_exporter.reading.turns import Turns
from xo_exporter.rrd.reader import HostRrdReader
from xo_exporter.rrd.values import HostRrd
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.addresses import Target, target_of
from xo_exporter.xapi.records import Records, Ref
from xo_exporter.xapi.session import Session

log = structlog.get_logger()


class HostReaders:
    """Reads the RRDs of all hosts, and keeps what is known of each from reading to reading."""

    def __init__(self, config: PoolConfig) -> None:
        self._config = config
        self._readers: dict[Ref, HostRrdReader] = {}

    @property
    def known(self) -> set[Ref]:
        """The hosts of which something is kept."""
        return set(self._readers)

    def clear(self) -> None:
        """Forget all hosts."""
        self._readers.clear()

    async def read(
        self, flight: Flight, session: Session, hosts: Iterable[tuple[Ref, xapi.Host]]
    ) -> None:
        """Read the RRDs of these hosts into `flight`; hosts that are not live are forgotten."""
        records = flight.records
        assert records is not None  # noqa: S101  the hosts are out of them
        for gone in self.known - {ref for ref, _ in flight.live}:
            del self._readers[gone]
        turns = Turns()
        reads = [partial(self._read, flight, session, records, ref, host) for ref, host in hosts]
        await asyncio.gather(*map(turns.take, reads))

    async def _read(
        self, flight: Flight, session: Session, records: Records, ref: Ref, host: xapi.Host
    ) -> None:
        try:
            target = self._target(session, records, ref, host)
            async with flight.patiently(f"{target.url} did not answer in time"):
                flight.rrds[ref] = await self._values(flight, session, target, ref)
        except PoolError as error:
            flight.failed_hosts[ref] = error
        except Exception as error:
            log.exception("a host's RRDs can't be read", pool=self._config.key)
            flight.failed_hosts[ref] = BadAnswer(f"unexpected: {type(error).__name__}")
        flight.note_progress()

    async def _values(self, flight: Flight, session: Session, target: Target, ref: Ref) -> HostRrd:
        # Taken out meanwhile: another reading must not share one that waits for an answer.
        reader = self._readers.pop(ref, None) or HostRrdReader(ref)
        try:
            return await reader.read(session, target, flight.patience)
        finally:
            self._readers[ref] = reader

    def _target(self, session: Session, records: Records, ref: Ref, host: xapi.Host) -> Target:
        if any(ref == pool.master for pool in records.pool.values()):
            return session.target
        config = self._config
        target = target_of(config.url, config.members, host.address, host.hostname)
        if target.url.host:
            return target
        if host.address:
            raise BadAnswer(f"the address of this host in XAPI is none ({host.address})")
        raise BadAnswer("XAPI knows no address of this host")
