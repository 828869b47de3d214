"""Each alert fires, doesn't just below its threshold or before its time, and ends: by promtool.

The alert is looked at in the story of cases.yml: while what fires it holds, right before it has
held for as long as the rule says, and when it is over for as long as `keep_firing_for` says.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Alerts = Mapping[str, Mapping[str, Any]]
Promtool = Callable[..., None]

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases.yml").read_text("utf-8")
)
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
STEPS = ((900, 60), (3600, 300), (86400, 900))  # what lasts so long is looked at so often


def _seconds(duration: str) -> int:
    parts = re.findall(r"(\d+)([dhms])", duration)
    return sum(int(number) * SECONDS[unit] for number, unit in parts)


def _series(name: str, labels: Mapping[str, str]) -> str:
    """Give a series with the labels of the case and its own."""
    name, _, own = name.rstrip("}").partition("{")
    merged = {**labels, **dict(re.findall(r'(\w+)="(.*?)"', own))}
    pairs = ",".join(f'{label}="{text}"' for label, text in merged.items() if text)
    return f"{name}{{{pairs}}}"


def _input(values: Mapping[str, object], labels: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"series": _series(name, labels), "values": text} for name, text in values.items()]


def _of(case: Mapping[str, Any], which: int) -> dict[str, Any]:
    """Give the value of each series: of which the alert fires (0), or which is near that (1)."""
    return {
        name: value[which] if isinstance(value, list) else value
        for name, value in case["series"].items()
    }


def _fires(
    name: str, rule: Mapping[str, Any], case: Mapping[str, Any], time: str
) -> dict[str, Any]:
    labels = {**case["labels"], **case.get("also", {}), "severity": rule["labels"]["severity"]}
    annotations = {
        "summary": case["summary"],
        "description": case["description"],
        "runbook_url": f"docs/runbooks/{name}.md",
    }
    expected = [{"exp_labels": labels, "exp_annotations": annotations}]
    return {"eval_time": time, "alertname": name, "exp_alerts": expected}


def _still_fires(name: str, time: str) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{name}", alertstate="firing"}})'
    return {"expr": firing, "eval_time": time, "exp_samples": [{"labels": "{}", "value": 1}]}


def _quiet(name: str, *times: str) -> list[dict[str, Any]]:
    return [{"eval_time": time, "alertname": name, "exp_alerts": []} for time in times]


def _tests(
    name: str, rule: Mapping[str, Any], case: Mapping[str, Any]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the two tests of an alert, each with the seconds between evaluations."""
    if "at" in case:
        step, at = _seconds(case.get("step", "1m")), case["at"]
        stories = case["series"], case["near"]
        before, fires, over = at["quiet"], at["fires"], at["over"]
        still = fires
    else:
        lasts = _seconds(rule["for"])
        keep = _seconds(rule.get("keep_firing_for", "0m"))
        step = next(step for longest, step in STEPS if lasts <= longest)
        bad = lasts // step + 2  # steps after the first
        ends = (bad + 1) * step  # the first look at what fires no more
        rest = keep // step + 4
        firing, short = _of(case, 0), _of(case, 1)
        stories = (
            {
                series: f"{_times(firing[series], bad)} {_times(short[series], rest)}"
                for series in firing
            },
            {series: _times(value, bad + rest) for series, value in short.items()},
        )
        before, fires = f"{max(lasts - step, 0)}s", f"{lasts}s"
        still, over = f"{ends - step + keep}s", f"{ends - -keep // step * step}s"
    first, second = (
        {"interval": f"{step}s", "input_series": _input(story, case["labels"])} for story in stories
    )
    early = _quiet(name, before) if before != fires else []
    looks = [*early, _fires(name, rule, case, fires), *_quiet(name, over)]
    lasting = [_still_fires(name, still)]
    yield step, {**first, "alert_rule_test": looks, "promql_expr_test": lasting}
    yield step, {**second, "alert_rule_test": _quiet(name, before, fires, still, over)}


def _times(value: object, steps: int) -> str:
    # A number is there once more than it is repeated, a gap is not.
    return f"{value}x{steps + (value == '_')}"


def test_every_alert_has_its_case(alerts: Alerts) -> None:
    """cases.yml has each alert, with what fires it and what does not, and nothing else."""
    assert CASES.keys() == alerts.keys()
    for case in CASES.values():
        varies = any(isinstance(value, list) for value in case["series"].values())
        assert varies or (case["near"] and {"quiet", "fires", "over"} == case["at"].keys())


def test_each_alert_fires_in_time_and_ends(
    alerts: Alerts, file_of: Mapping[str, Path], promtool_tests: Promtool, tmp_path: Path
) -> None:
    """Beyond its threshold, not below; after its time, not before; and then it is over."""
    tests: dict[tuple[int, Path], list[dict[str, Any]]] = {}
    for name, case in CASES.items():
        for step, test in _tests(name, alerts[name], case):
            tests.setdefault((step, file_of[name]), []).append(test)
    for (step, rules), some in tests.items():
        promtool_tests(tmp_path / f"{step}-{rules.name}", step, some, [rules])
