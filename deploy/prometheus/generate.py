"""Make the rules that Prometheus loads from source/ and thresholds.yml.

    python generate.py                                  # rules/ as it is committed
    python generate.py --thresholds my.yml --to /etc/prometheus/xo

A group in source/ is one of Prometheus' own, but for these: `host` names the label that has the
host's name, which becomes the label `host` of its alerts; `summary` and `description` are
annotations; `<name>` stands for what thresholds.yml says of the alert, `<job>` for the job. The
rest is added here: severity, `for`, `keep_firing_for`, `runbook_url`.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

HERE = Path(__file__).parent
PLACE = re.compile(r"<([a-z_]+)>")
OF_ANY_ALERT = {"enabled": True, "keep_firing_for": ""}
NOT_IN_EXPRESSIONS = {"severity", "for", *OF_ANY_ALERT}
HEAD = "# Made by deploy/prometheus/generate.py from source/ and thresholds.yml.\n"

Settings = Mapping[str, Any]


class _Dumper(yaml.SafeDumper):
    """Writes what has several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def settings_of(files: list[Path]) -> dict[str, Any]:
    """Give the settings of thresholds.yml with those of further files over them, name by name."""
    settings: dict[str, Any] = yaml.safe_load((HERE / "thresholds.yml").read_text("utf-8"))
    for file in files:
        own = yaml.safe_load(file.read_text("utf-8")) or {}
        alerts = own.pop("alerts", {})
        _know(own, settings, file.name)
        _know(alerts, settings["alerts"], f"{file.name}, alerts")
        settings |= own
        for name, values in alerts.items():
            _know(values, settings["alerts"][name] | OF_ANY_ALERT, f"{file.name}, {name}")
            settings["alerts"][name] |= values
    return settings


def generated(settings: Settings) -> Iterator[tuple[str, str]]:
    """Give the name and text of each file of rules."""
    unused = set(settings["alerts"])
    for file in sorted((HERE / "source").glob("*.yml")):
        groups = []
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            alerts = {rule["alert"] for rule in group["rules"] if "alert" in rule}
            if unknown := alerts - settings["alerts"].keys():
                _fail(f"{file.name}: thresholds.yml has no {', '.join(sorted(unknown))}")
            unused -= alerts
            rules = [
                _alert(rule, group.get("host"), settings) if "alert" in rule else rule
                for rule in group["rules"]
                if settings["alerts"].get(rule.get("alert"), {}).get("enabled", True)
            ]
            groups.append({"name": group["name"], "rules": rules})
        text = yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=10_000)
        yield f"xo-{file.name}", HEAD + text
    if unused:
        _fail(f"no alert is named {', '.join(sorted(unused))}")


def _alert(rule: Settings, host: str | None, settings: Settings) -> dict[str, Any]:
    name = rule["alert"]
    said = settings["alerts"][name]
    values = {"job": settings["job"], **said}
    used: set[str] = set()

    def fill(text: str) -> str:
        def value(place: re.Match[str]) -> str:
            if place[1] not in values:
                _fail(f"{name}: thresholds.yml does not say {place[1]}")
            used.add(place[1])
            return str(values[place[1]])

        return PLACE.sub(value, text)

    keep = said.get("keep_firing_for", settings["keep_firing_for"])
    own = {"host": f"{{{{ $labels.{host} }}}}"} if host else {}
    alert = {
        "alert": name,
        "expr": fill(rule["expr"]),
        "for": said["for"],
        **({} if keep == "0m" else {"keep_firing_for": keep}),
        "labels": {"severity": said["severity"], **own, **rule.get("labels", {})},
        "annotations": {
            "summary": fill(rule["summary"]),
            "description": fill(rule["description"]),
            "runbook_url": f"{settings['runbooks'].rstrip('/')}/{name}.md",
        },
    }
    if unused := said.keys() - used - NOT_IN_EXPRESSIONS:
        _fail(f"{name} does not use {', '.join(sorted(unused))}")
    return alert


def _know(said: Settings, known: Settings, where: str) -> None:
    if unknown := said.keys() - known.keys():
        _fail(f"{where}: there is no {', '.join(sorted(unknown))}")


def _fail(message: str) -> NoReturn:
    sys.exit(f"generate.py: {message}")


def main() -> None:
    """Write the files, and remove what an earlier run made and this one did not."""
    parser = argparse.ArgumentParser(description="Make the rules from source/ and thresholds.yml.")
    parser.add_argument("--thresholds", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--to", type=Path, default=HERE / "rules", metavar="FOLDER")
    arguments = parser.parse_args()
    files = dict(generated(settings_of(arguments.thresholds)))
    arguments.to.mkdir(parents=True, exist_ok=True)
    for file in arguments.to.glob("xo-*.yml"):
        if file.name not in files and file.read_text("utf-8").startswith(HEAD):
            file.unlink()
    for name, text in files.items():
        (arguments.to / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
