"""Metrics of the exporter itself: what it could read, how long it took, what failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from xo_exporter import __version__
from xo_exporter.metrics.host import TABLE as HOST_TABLE
from xo_exporter.metrics.table import Table, each, gauge, info, measured
from xo_exporter.model.objects import Host

Stage = Literal["login", "objects", "rrd", "build", "render"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How a scrape of a pool went; durations in seconds, the counts since the start.

    `messages_up` is None where they are not wanted, or have neither come nor failed yet;
    `dropped` is how many series each family lacks that there was no room for.
    """

    up: bool
    durations: Mapping[Stage, float]
    errors: Mapping[Stage, int]
    logins: int
    resyncs: int
    messages_up: bool | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)


POOL_TABLE: Final = Table[PoolStatus](
    collector="exporter",
    label_names=("pool",),
    labels=lambda _status, pool: (("pool", pool),),
    metrics=(
        gauge(
            "xo_up",
            "Whether a pool's objects were read in this scrape.",
            lambda status: status.up,
        ),
        gauge(
            "xo_messages_up",
            "Whether a pool's messages, which are read beside everything else, could be read the "
            "last time; absent until they were, and where no metric needs them.",
            lambda status: status.messages_up,
        ),
        each(
            "xo_scrape_duration_seconds",
            "Duration of each stage of the scrape of a pool.",
            "stage",
            lambda status: status.durations.items(),
        ),
        each(
            "xo_scrape_errors_total",
            "Errors by stage in the scrapes of a pool.",
            "stage",
            lambda status: ((stage, status.errors.get(stage, 0)) for stage in STAGES),
            counter=True,
        ),
        gauge(
            "xo_xapi_logins_total",
            "Log-ins at a pool.",
            lambda status: status.logins,
            counter=True,
        ),
        gauge(
            "xo_xapi_resyncs_total",
            "Times that a pool's records were read anew because events had been lost.",
            lambda status: status.resyncs,
            counter=True,
        ),
        each(
            "xo_series_dropped",
            "Series of a pool that a family lacks, since it would have more than "
            "max_series_per_family; absent where it lacks none.",
            "family",
            lambda status: status.dropped.items(),
        ),
    ),
)

RRD_TABLE: Final = Table[Host](
    collector="exporter",
    objects=HOST_TABLE.objects,
    label_names=HOST_TABLE.label_names,
    labels=HOST_TABLE.labels,
    metrics=(
        measured(
            gauge(
                "xo_host_rrd_up",
                "Whether the RRDs of a running host were read in this scrape.",
                lambda host: host.rrd_up,
            )
        ),
        measured(
            gauge(
                "xo_host_rrd_age_seconds",
                "Age of the newest row of a host's RRDs, by the host's clock.",
                lambda host: host.rrd_age,
            )
        ),
    ),
)

BUILD_TABLE: Final = Table[None](
    collector="exporter",
    label_names=(),
    labels=lambda _nothing, _pool: (),
    metrics=(
        info(
            "xo_exporter_build_info",
            "The exporter's version.",
            {"version": lambda _nothing: __version__},
        ),
    ),
)
