"""The effective configuration as YAML, which reads back as the same one but for its secrets."""

from collections.abc import Mapping
from typing import Any

import yaml

from xo_exporter.choice import Choice, InfoLabels
from xo_exporter.config import Config, PoolConfig
from xo_exporter.secret import HIDDEN
from xo_exporter.settings import Tls

Yaml = dict[str, Any]


def printed(config: Config) -> str:
    """All that is in force, defaults included, in the keys of the configuration's file.

    A password is not shown; user names and passwords are never part of a URL.
    """
    whole: Yaml = {
        "listen": str(config.listen),
        "pools": [_pool(pool) for pool in config.pools],
        "collectors": dict(config.collectors),
        **_choice(config.choice),
    }
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)


def _pool(pool: PoolConfig) -> Yaml:
    found: Yaml = {"url": str(pool.url)}
    if pool.members:
        found["members"] = [str(member) for member in pool.members]
    found["username"] = pool.username
    if pool.password_file is not None:
        found["password_file"] = str(pool.password_file)
    else:
        found["password"] = HIDDEN
    if pool.name is not None:
        found["name"] = pool.name
    found["tls"] = _tls(pool.tls)
    found["timeout"] = _duration(pool.timeout)
    return found


def _tls(tls: Tls) -> Yaml:
    found: Yaml = {}
    if tls.fingerprint_sha256:
        found["fingerprint_sha256"] = [digest.hex() for digest in tls.fingerprint_sha256]
    else:
        found["verify"] = tls.verify
    if tls.ca_file is not None:
        found["ca_file"] = str(tls.ca_file)
    return found


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _choice(choice: Choice) -> Yaml:
    found: Yaml = {}
    metrics = {"include": list(choice.include), "exclude": list(choice.exclude)}
    if any(metrics.values()):
        found["metrics"] = {name: globs for name, globs in metrics.items() if globs}
    if choice.labels:
        found["labels"] = _labels(choice.labels)
    vms = {
        "tags": list(choice.vms.tags),
        "exclude_tags": list(choice.vms.exclude_tags),
        "power_states": list(choice.vms.power_states),
    }
    if any(vms.values()):
        found["vms"] = {name: listed for name, listed in vms.items() if listed}
    found["max_series_per_family"] = choice.max_series
    return found


def _labels(labels: Mapping[str, InfoLabels]) -> Yaml:
    keys = {name: [label.key for label in info.keys] for name, info in labels.items() if info.keys}
    tags = {
        name: [f"{label.text}{'*' if label.has_rest else ''}" for label in info.tags]
        for name, info in labels.items()
        if info.tags
    }
    found = {"other_config": keys, "tags": tags}
    return {name: entries for name, entries in found.items() if entries}
