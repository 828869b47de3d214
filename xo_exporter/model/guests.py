"""What is known of a VM beside what the specification says: its guest agent, its settings.

Plain facts of one record each, with no link to any other object.
"""

from dataclasses import dataclass
from typing import Final

from xo_exporter.model import known
from xo_exporter.xapi import records as xapi

_TRUE: Final = "true"


@dataclass(slots=True)
class Guest:
    """What the guest agent of a running VM reports; nothing of a VM that doesn't run.

    `has_agent` says whether one has ever spoken since the VM started, `live` whether it still
    does, `last_update` when what it says last changed, in Unix time. `addresses` are the first few
    of all.
    """

    has_agent: bool | None = None
    live: bool | None = None
    drivers_detected: bool | None = None
    drivers_up_to_date: bool | None = None
    version: str = ""
    last_update: int | None = None
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class Settings:
    """How a VM was set up; memory in bytes.

    `ha_restart_priority` is empty where HA leaves the VM alone; `ha_always_run` says whether it is
    meant to run now. `blocked` are operations.
    """

    memory_static_min: int | None = None
    memory_static_max: int | None = None
    memory_dynamic_min: int | None = None
    memory_dynamic_max: int | None = None
    memory_overhead: int | None = None
    vcpus_max: int | None = None
    ha_restart_priority: str | None = None
    ha_always_run: bool | None = None
    auto_poweron: bool = False
    blocked: tuple[str, ...] = ()


def guest_of(record: xapi.VMGuestMetrics, addresses: tuple[str, ...]) -> Guest:
    """What a guest agent reports; `addresses` as read from `networks`."""
    drivers = record.PV_drivers_version
    # An agent of which XAPI knows no more than that has -1 for the numbers that it doesn't say.
    numbers = [text for text in (drivers.major, drivers.minor, drivers.micro) if text != "-1"]
    version = ".".join(text for text in numbers if text)
    build = drivers.build if drivers.build != "-1" else ""
    return Guest(
        has_agent=bool(drivers.major),
        live=record.live,
        drivers_detected=record.PV_drivers_detected,
        drivers_up_to_date=record.PV_drivers_up_to_date,
        version=f"{version}-{build}" if version and build else version,
        last_update=known.timestamp(record.last_updated),
        addresses=addresses,
    )


def settings_of(record: xapi.VM) -> Settings:
    """How a VM is set up."""
    return Settings(
        memory_static_min=known.count(record.memory_static_min),
        memory_static_max=known.count(record.memory_static_max),
        memory_dynamic_min=known.count(record.memory_dynamic_min),
        memory_dynamic_max=known.count(record.memory_dynamic_max),
        memory_overhead=known.count(record.memory_overhead),
        vcpus_max=known.positive(record.VCPUs_max),
        ha_restart_priority=record.ha_restart_priority,
        ha_always_run=record.ha_always_run,
        auto_poweron=is_true(record.other_config.auto_poweron),
        blocked=tuple(sorted(record.blocked_operations)),
    )


def is_true(text: str) -> bool:
    """Whether a text of `other_config` says yes, as Xen Orchestra writes it."""
    return text.strip().lower() == _TRUE
