"""What must raise no alert does not, and what is unknown ends none."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

Promtool = Callable[..., None]

SILENT: dict[str, dict[str, int]] = yaml.safe_load(
    (Path(__file__).parent / "silent.yml").read_text("utf-8")
)
STEP = 300
LASTS = 24  # steps
ANSWERED = {"series": 'up{job="xo",instance="e"}', "values": f"1x{LASTS}"}
READ = [
    {"series": f'xo_up{{job="xo",instance="e",pool="{pool}"}}', "values": f"1x{LASTS}"}
    for pool in ("Main", "Lab")
]
ANY = "ALERTS"


def _case(series: Mapping[str, str], expected: list[dict[str, Any]]) -> dict[str, Any]:
    """One of promtool's tests: series by the minute, and what queries then find."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": given, "promql_expr_test": expected}


def _at(minutes: int, expression: str, *found: str) -> dict[str, Any]:
    samples = [{"labels": labels, "value": 1} for labels in found]
    return {"eval_time": f"{minutes}m", "expr": expression, "exp_samples": samples}


def test_what_is_in_order_is_silent(promtool_tests: Promtool, tmp_path: Path) -> None:
    """No alert fires or waits for its time: not for a full ISO library, a drive, a thin SR."""
    tests = [
        {
            "name": name,
            "interval": f"{STEP}s",
            "input_series": [
                ANSWERED,
                *READ,
                *({"series": key, "values": f"{value}x{LASTS}"} for key, value in story.items()),
            ],
            "promql_expr_test": [_at(minutes, ANY) for minutes in (1, 30, 120)],
        }
        for name, story in SILENT.items()
    ]
    promtool_tests(tmp_path / "silent.yml", STEP, tests)


def test_the_unknown_is_silent(promtool_tests: Promtool, tmp_path: Path) -> None:
    """A pool that is read and of which nothing else is known raises no alert."""
    looks = [_at(minutes, ANY) for minutes in (5, 120)]
    test = {"interval": f"{STEP}s", "input_series": [ANSWERED, *READ], "promql_expr_test": looks}
    promtool_tests(tmp_path / "unknown.yml", STEP, [test])


def test_alerts_go_on_when_their_pool_is_not_read(promtool_tests: Promtool, tmp_path: Path) -> None:
    """Within 15 minutes after a pool was last read none of its alerts ends."""
    sr = 'uuid="sr-1",name_label="NAS",pool="Main",container="Main"'
    series = {
        'up{job="xo",instance="e"}': "1x120",
        'xo_up{job="xo",instance="e",pool="Main"}': "1x30 0x90",
        f'xo_sr_info{{{sr},sr_type="nfs"}}': "1x30 stale",
        f"xo_sr_size_bytes{{{sr}}}": "1000x30 stale",
        f"xo_sr_physical_usage_bytes{{{sr}}}": "990x30 stale",
    }
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    full = ['{alertname="XoSrAlmostFull"}', '{alertname="XoSrFilling"}']
    unread = '{alertname="XoPoolNotRead"}'
    expected = [
        _at(30, firing, *full),
        _at(31, firing, *full),
        _at(36, firing, *full, unread),
        _at(45, firing, *full, unread),
        _at(46, firing, unread),
    ]
    promtool_tests(tmp_path / "kept.yml", 60, [_case(series, expected)])


def test_a_pool_that_is_read_again_silences_others_for_a_while(
    promtool_tests: Promtool, tmp_path: Path
) -> None:
    """Its alert goes on until another that was there before fires again, and then soon ends."""
    sr = 'uuid="sr-1",name_label="NAS",pool="Main",container="Main"'
    series = {
        'up{job="xo",instance="e"}': "1x100",
        'xo_up{job="xo",instance="e",pool="Main"}': "1x30 0x29 1x40",
        f'xo_sr_info{{{sr},sr_type="nfs"}}': "1x30 stale _x28 1x40",
        f"xo_sr_size_bytes{{{sr}}}": "1000x30 stale _x28 1000x40",
        f"xo_sr_physical_usage_bytes{{{sr}}}": "960x30 stale _x28 960x40",
    }
    firing = 'count by (alertname) (ALERTS{alertstate="firing",severity="critical"})'
    full, unread = '{alertname="XoSrAlmostFull"}', '{alertname="XoPoolNotRead"}'
    expected = [
        _at(30, firing, full),
        _at(60, firing, unread),
        _at(66, firing, full, unread),
        _at(67, firing, full),
    ]
    promtool_tests(tmp_path / "again.yml", 60, [_case(series, expected)])


def test_a_host_stays_down_when_its_pool_can_no_longer_be_read(
    promtool_tests: Promtool, tmp_path: Path
) -> None:
    """Its alert ends after 15 minutes, as all do, when that of the pool has long begun."""
    host = 'uuid="h-1",name_label="xcp1",pool="Main",container="Main"'
    series = {
        'up{job="xo",instance="e"}': "1x120",
        'xo_up{job="xo",instance="e",pool="Main"}': "1x30 0x90",
        f'xo_host_power_state{{{host},power_state="Halted"}}': "1x30 stale",
        f"xo_host_enabled{{{host}}}": "1x30 stale",
    }
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    down, unread = '{alertname="XoHostDown"}', '{alertname="XoPoolNotRead"}'
    expected = [
        _at(30, firing, down),
        _at(35, firing, down),
        _at(36, firing, down, unread),
        _at(45, firing, down, unread),
        _at(46, firing, unread),
    ]
    promtool_tests(tmp_path / "down.yml", 60, [_case(series, expected)])
