"""Metrics of pools."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info, name_of, tags, uuid_of
from xo_exporter.model.objects import Pool

TABLE: Final = Table[Pool](
    collector="pool",
    objects=lambda model: [model.pool],
    label_names=("uuid", "name_label", "pool"),
    labels=lambda thing, pool: (
        ("uuid", thing.UUID),
        ("name_label", thing.name_label),
        ("pool", pool),
    ),
    metrics=(
        info(
            "xo_pool_info",
            "A pool: description, master (pool.master) and default SR (pool.default_SR).",
            {
                "name_description": lambda pool: pool.name_description,
                "master": lambda pool: name_of(pool.master),
                "master_uuid": lambda pool: uuid_of(pool.master),
                "default_sr": lambda pool: name_of(pool.default_SR),
                "default_sr_uuid": lambda pool: uuid_of(pool.default_SR),
            },
        ),
        tags("xo_pool_tag_info", "A tag of a pool, from pool.tags.", lambda pool: pool.tags),
        gauge(
            "xo_pool_shared_srs", "Shared SRs, those with SR.shared.", lambda pool: len(pool.SRs)
        ),
        gauge(
            "xo_pool_ha_enabled",
            "Whether high availability is on, from pool.ha_enabled.",
            lambda pool: pool.HA_enabled,
        ),
        gauge("xo_pool_hosts", "Hosts of the pool, by host.uuid.", lambda pool: len(pool.hosts)),
        gauge(
            "xo_pool_running_hosts",
            "Hosts of the pool that run, by host_metrics.live.",
            lambda pool: len(pool.running_hosts),
        ),
        gauge(
            "xo_pool_global_vms",
            "VMs that are on no host, by VM.resident_on, and tied to none by a disk on an SR that "
            "is not shared.",
            lambda pool: len(pool.VMs),
        ),
        gauge(
            "xo_pool_running_vms",
            "VMs of the pool whose VM.power_state is Running.",
            lambda pool: len(pool.running_VMs),
        ),
        gauge(
            "xo_pool_vms",
            "All VMs of the pool, by VM.uuid; no control domains, snapshots or templates.",
            lambda pool: len(pool.all_VMs),
        ),
    ),
)
