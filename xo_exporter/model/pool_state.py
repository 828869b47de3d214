"""What state a pool is in as a whole: high availability, security, updates."""

from dataclasses import dataclass

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import Pool, PoolModel
from xo_exporter.xapi.records import Records, SoftwareVersion


@dataclass(slots=True, eq=False)
class PoolState:
    """The state of a pool.

    `failures_to_tolerate` and `plan_exists_for` are numbers of hosts, `host_versions` is how many
    different versions of the software the hosts run, `last_update_sync` a Unix time.
    """

    pool: Pool
    failures_to_tolerate: int | None
    plan_exists_for: int | None
    is_overcommitted: bool | None
    allows_overcommit: bool | None
    statefiles: int
    WLB_enabled: bool | None
    redo_log_enabled: bool | None
    TLS_verification_enabled: bool | None
    secret_rotation_pending: bool | None
    rolling_upgrade: bool
    host_versions: int | None
    last_update_sync: int | None

    @property
    def UUID(self) -> str:
        """That of the pool."""
        return self.pool.UUID


def build(model: PoolModel, records: Records, _index: Index) -> PoolState:
    """The state of the pool, by its record and the versions of its hosts."""
    record = next(iter(records.pool.values()))
    versions = {host.software_version for host in records.host.values()} - {SoftwareVersion()}
    return PoolState(
        pool=model.pool,
        failures_to_tolerate=known.count(record.ha_host_failures_to_tolerate),
        plan_exists_for=known.count(record.ha_plan_exists_for),
        is_overcommitted=record.ha_overcommitted,
        allows_overcommit=record.ha_allow_overcommit,
        statefiles=len(record.ha_statefiles),
        WLB_enabled=record.wlb_enabled,
        redo_log_enabled=record.redo_log_enabled,
        TLS_verification_enabled=record.tls_verification_enabled,
        secret_rotation_pending=record.is_psr_pending,
        rolling_upgrade=record.other_config.rolling_upgrade_in_progress is not None,
        host_versions=len(versions) or None,
        last_update_sync=known.timestamp(record.last_update_sync),
    )
