"""Make what Kubernetes and Helm have of the rules, from deploy/prometheus/rules.

    python deploy/kubernetes/rules.py [--rules FOLDER]

With `--rules` from those of a folder that deploy/prometheus/generate.py wrote, with thresholds of
one's own.
"""

import argparse
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
RULES = DEPLOY / "prometheus" / "rules"
HEAD = "# Made by deploy/kubernetes/rules.py from deploy/prometheus/rules.\n"


def groups(rules: Path = RULES) -> list[dict[str, Any]]:
    """Give the groups of all files of rules, which each have a name of their own."""
    found: list[dict[str, Any]] = []
    for file in sorted(rules.glob("*.yml")):
        found += yaml.safe_load(file.read_text("utf-8"))["groups"]
    return found


def generated(rules: Path = RULES) -> Iterator[tuple[Path, str]]:
    """Give each file that is made of a folder of rules, and its text."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "xo-exporter", "labels": {"app.kubernetes.io/name": "xo-exporter"}},
        "spec": {"groups": groups(rules)},
    }
    yield DEPLOY / "kubernetes" / "operator" / "prometheusrule.yml", _text(rule)
    # Not a template: what stands in braces there is for Prometheus.
    yield DEPLOY / "helm" / "xo-exporter" / "files" / "rules.yml", _text(rule["spec"])


def _text(content: object) -> str:
    return HEAD + yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True
    )


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description="Make the rules of Kubernetes and Helm.")
    parser.add_argument("--rules", type=Path, default=RULES, metavar="FOLDER")
    rules: Path = parser.parse_args().rules
    if not groups(rules):
        parser.error(f"there are no rules in {rules}")
    for path, text in generated(rules):
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
