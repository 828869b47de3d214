"""Families of prometheus_client that are made as samples come, and what several of them need."""

from typing import Any

from prometheus_client.core import GaugeMetricFamily

Record = dict[str, Any]
Labels = dict[str, str]


class Families:
    """Families by name, made as samples come."""

    def __init__(self) -> None:
        self.by_name: dict[str, GaugeMetricFamily] = {}

    def add(self, name: str, value: Any, labels: Labels) -> None:
        """One sample; None and what is below 0 are left out."""
        if value is None:
            return
        number = float(value)
        if number < 0:
            return
        family = self.by_name.get(name)
        if family is None:
            family = self.by_name[name] = GaugeMetricFamily(name, name, labels=list(labels))
        family.add_metric(list(labels.values()), number)

    def add_tags(self, kind: str, record: Record, labels: Labels) -> None:
        """One sample a tag."""
        for tag in record["tags"]:
            self.add(f"xo_{kind}_tag_info", 1, {**labels, "tag": tag})

    def add_cpus(self, kind: str, labels: Labels, found: dict[str, float]) -> None:
        """Usage by core, and the mean."""
        cores = {name[3:]: value for name, value in found.items() if name[3:].isdecimal()}
        for core, value in cores.items():
            self.add(f"xo_{kind}_cpu_core_usage_ratio", value, {**labels, "core": core})
        self.add(f"xo_{kind}_cpu_usage_ratio", cpu_usage(found, cores), labels)


def cpu_usage(found: dict[str, float], cores: dict[str, float]) -> float | None:
    """The mean usage, as the RRDs say it or of the cores."""
    mean = found.get("cpu_avg", found.get("cpu_usage"))
    if mean is None and cores:
        mean = sum(cores.values()) / len(cores)
    return mean


def used_memory(found: dict[str, float]) -> float | None:
    """What a VM uses of its memory, by its guest agent."""
    if "memory" in found and "memory_internal_free" in found:
        return found["memory"] - found["memory_internal_free"] * 1024
    return None


def name_labels(record: Record, pool: str, container: str) -> Labels:
    """What most series carry."""
    return {
        "uuid": record["uuid"],
        "name_label": record["name_label"],
        "pool": pool,
        "container": container,
    }
