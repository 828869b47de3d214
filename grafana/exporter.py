"""The exporter itself: what it could read, how long that took, what it takes of its machine."""

from typing import Final

from grafana import links
from grafana.pages import Page, Section, names
from grafana.panels import (
    ANY_IS_BAD,
    BYTES,
    COUNT,
    NO,
    SECONDS,
    SHARE,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.queries import age, or_zero, top

_SILENT = "Prometheus does not reach the exporter, or the job is another"
_NO_PROCESS = "Prometheus scrapes /probe alone, and /metrics alone has this; or the job is another"

_NOW = Section(
    "Now",
    [
        number(
            Words("Version", "The exporter's version.", _SILENT),
            'max by (version) (xo_exporter_build_info{job=~"$job"})',
            COUNT,
            NO,
            legend="{{version}}",
        ),
        number(
            Words("Pools not read", "Pools that the exporter could not read.", _SILENT),
            or_zero('count(xo_up{job=~"$job",pool=~"$pool"} == 0)'),
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("RRDs not read", "Running hosts whose RRDs were not read.", _SILENT),
            or_zero('count(xo_host_rrd_up{job=~"$job",pool=~"$pool"} == 0)'),
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("Errors", "Errors in the scrapes of pools in the time range.", _SILENT),
            'sum(increase(xo_scrape_errors_total{job=~"$job",pool=~"$pool"}[$__range]))',
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("Slowest scrape", "Longest scrape by Prometheus now.", _SILENT),
            'max(scrape_duration_seconds{job=~"$job"})',
            SECONDS,
            ((None, "green"), (10, "orange")),
        ),
        number(
            Words("Samples", "Samples that Prometheus gets in one round of scrapes.", _SILENT),
            'sum(scrape_samples_scraped{job=~"$job"})',
        ),
        number(
            Words("Memory", "Memory that the exporter takes (resident).", _NO_PROCESS),
            'max(process_resident_memory_bytes{job=~"$job"})',
            BYTES,
        ),
        number(
            Words("Up for", "Time since the exporter was started.", _NO_PROCESS),
            age('max(process_start_time_seconds{job=~"$job"})'),
            SECONDS,
        ),
    ],
)

_POOLS = Section(
    "Pools",
    [
        rows(
            Words(
                "Pools",
                "What became of the last scrape of each pool, and of log-ins in the time range.",
                _SILENT,
            ),
            [
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Read", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
                Column(1, "Messages", mapping={"1": ("yes", "green"), "0": ("no", "orange")}),
                Column(2, "Took", SECONDS),
                Column(3, "Errors", COUNT, ((None, "text"), (1, "orange"))),
                Column(4, "Log-ins"),
                Column(5, "Read anew"),
            ],
            'min by (pool) (xo_up{job=~"$job",pool=~"$pool"})',
            'min by (pool) (xo_messages_up{job=~"$job",pool=~"$pool"})',
            "max by (pool) (sum by (pool, instance)"
            ' (xo_scrape_duration_seconds{job=~"$job",pool=~"$pool"}))',
            'sum by (pool) (increase(xo_scrape_errors_total{job=~"$job",pool=~"$pool"}[$__range]))',
            'sum by (pool) (increase(xo_xapi_logins_total{job=~"$job",pool=~"$pool"}[$__range]))',
            'sum by (pool) (increase(xo_xapi_resyncs_total{job=~"$job",pool=~"$pool"}[$__range]))',
            height=6,
        ),
        lines(
            Words(
                "Duration by stage",
                "How long each stage of a scrape takes, of the pool where it takes longest.",
                _SILENT,
            ),
            SECONDS,
            Query(
                'max by (stage) (xo_scrape_duration_seconds{job=~"$job",pool=~"$pool"})',
                "{{stage}}",
            ),
            stacked=True,
        ),
        lines(
            Words(
                "Slowest pools",
                "All stages of the ten pools that take longest at the end.",
                _SILENT,
            ),
            SECONDS,
            Query(
                top(
                    10,
                    'sum by (pool) ([[xo_scrape_duration_seconds{job=~"$job",pool=~"$pool"}]])',
                ),
                "{{pool}}",
            ),
            link=links.pool_of_line(),
        ),
        lines(
            Words("Errors", "Errors in the scrapes of pools, by stage.", _SILENT),
            "cps",
            Query(
                "sum by (stage)"
                ' (rate(xo_scrape_errors_total{job=~"$job",pool=~"$pool"}[$__rate_interval]))',
                "{{stage}}",
            ),
        ),
        lines(
            Words(
                "Oldest RRDs",
                "Age of the newest row of the RRDs of the ten hosts where it is oldest at the end; "
                "hosts write one every five seconds.",
                "No host's RRDs were read",
            ),
            SECONDS,
            Query(
                top(10, '[[xo_host_rrd_age_seconds{job=~"$job",pool=~"$pool"}]]'),
                "{{name_label}} · {{container}}",
            ),
            link=links.host_of_line(),
        ),
    ],
)

_PROCESS = Section(
    "Process and scrapes",
    [
        lines(
            Words("CPU", "CPUs that the exporter takes; 100 % is one.", _NO_PROCESS),
            SHARE,
            Query(
                "max by (instance)"
                ' (rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval]))',
                "{{instance}}",
            ),
            width=8,
        ),
        lines(
            Words("Memory", "Memory that the exporter takes (resident).", _NO_PROCESS),
            BYTES,
            Query('max by (instance) (process_resident_memory_bytes{job=~"$job"})', "{{instance}}"),
            width=8,
        ),
        lines(
            Words("Open files", "File descriptors that the exporter has open.", _NO_PROCESS),
            COUNT,
            Query('max by (instance) (process_open_fds{job=~"$job"})', "{{instance}}"),
            width=8,
        ),
        lines(
            Words("Duration of scrapes", "How long Prometheus waits for each answer.", _SILENT),
            SECONDS,
            Query(top(10, '[[scrape_duration_seconds{job=~"$job"}]]'), "{{instance}}"),
        ),
        lines(
            Words("Samples", "Samples of each answer.", _SILENT),
            COUNT,
            Query(top(10, '[[scrape_samples_scraped{job=~"$job"}]]'), "{{instance}}"),
        ),
    ],
)

_PLUGINS = Section(
    "Plugins, and what is left out",
    [
        rows(
            Words(
                "Plugins",
                "The hundred answers of hosts' plugins that are oldest.",
                "No plugin is asked: the collectors plugin_… are off by default",
            ),
            [
                Column("name_label", "Host", link=links.host_of_row()),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("plugin", "Plugin"),
                Column(0, "Answers", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
                Column(1, "Age", SECONDS),
            ],
            "max by (pool, name_label, uuid, plugin)"
            ' (xo_host_plugin_up{job=~"$job",pool=~"$pool"})',
            "topk(100, max by (pool, name_label, uuid, plugin)"
            ' (xo_host_plugin_age_seconds{job=~"$job",pool=~"$pool"}))',
            sort="Age",
        ),
        rows(
            Words(
                "Series left out",
                "Series that a family lacks, since it would have more than max_series_per_family.",
                "None is left out",
            ),
            [
                Column("pool", "Pool"),
                Column("family", "Family"),
                Column(0, "Left out", COUNT, ANY_IS_BAD),
            ],
            'topk(50, max by (pool, family) (xo_series_dropped{job=~"$job",pool=~"$pool"}))',
        ),
    ],
    folded=True,
)

PAGE: Final = Page(
    links.EXPORTER,
    "XCP-ng: exporter",
    "The exporter: what it could read, how long that took, what it takes of its machine.",
    [
        names("job", "Job", "label_values(xo_exporter_build_info, job)"),
        names("pool", "Pool", 'label_values(xo_up{job=~"$job"}, pool)'),
    ],
    [_NOW, _POOLS, _PROCESS, _PLUGINS],
)
