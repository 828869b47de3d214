"""Make what Kubernetes and Helm have of the rules, from deploy/prometheus/rules.

python deploy/kubernetes/rules.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes what has several lines as such."""


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _lines)

DEPLOY = Path(__file__).parents[1]
HEAD = "# Made by deploy/kubernetes/rules.py from deploy/prometheus/rules.\n"


def groups() -> list[dict[str, Any]]:
    """Give the groups of all files of rules, which each have a name of their own."""
    found: list[dict[str, Any]] = []
    for file in sorted((DEPLOY / "prometheus" / "rules").glob("*.yml")):
        found += yaml.safe_load(file.read_text("utf-8"))["groups"]
    return found


def generated() -> Iterator[tuple[Path, str]]:
    """Give each file that is made, and its text."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "xo-exporter", "labels": {"app.kubernetes.io/name": "xo-exporter"}},
        "spec": {"groups": groups()},
    }
    yield DEPLOY / "kubernetes" / "operator" / "prometheusrule.yml", _text(rule)
    # Not a template: what stands in braces there is for Prometheus.
    yield DEPLOY / "helm" / "xo-exporter" / "files" / "rules.yml", _text(rule["spec"])


def _text(content: object) -> str:
    return HEAD + yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True
    )


if __name__ == "__main__":
    for path, text in generated():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
