"""Metrics of the power states of a host's CPUs, from its RRDs: many, and off by default."""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.model.objects import Host

_MHZ: Final = 1e6
_CORE: Final = "(0|[1-9][0-9]*)"


def _core_and_state(_host: Host, match: Match) -> tuple[str, str]:
    return match[1], match[2]


TABLE: Final = SourceTable[Host](
    collector="cpu_states",
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.values,
    default=False,
    metrics=(
        Source(
            "xo_host_cpu_core_c_state_ratio",
            "Share of time that a CPU of a host spent in each C-state, of which C0 is at work, "
            "from RRD cpuN-CK.",
            f"cpu{_CORE}-(C[0-9]+)",
            labels=("core", "state"),
            label_values=_core_and_state,
        ),
        Source(
            "xo_host_cpu_core_p_state_ratio",
            "Share of time that a CPU of a host spent in each P-state, of which P0 is the fastest, "
            "from RRD cpuN-PK.",
            f"cpu{_CORE}-(P[0-9]+)",
            labels=("core", "state"),
            label_values=_core_and_state,
        ),
        Source(
            "xo_host_cpu_core_frequency_hertz",
            "Mean frequency of a CPU of a host, from RRD CPUN-avg-freq.",
            f"CPU{_CORE}-avg-freq",
            factor=_MHZ,
            labels=("core",),
            label_values=lambda _host, match: (match[1],),
        ),
    ),
)
