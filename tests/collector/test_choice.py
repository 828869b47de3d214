"""What an operator chooses: it takes away its own families alone, and what nobody needs unread."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from xo_exporter.choice import Choice, InfoLabels, KeyLabel, TagLabel, VMFilter
from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import COLLECTORS, OBJECT_TABLES
from xo_exporter.model.parts import PARTS
from xo_exporter.simulator import Database, SimulatedPool, events, make_estate
from xo_exporter.xapi.records import BASE

NOW: Final = 1_700_000_000
RRD: Final = "/rrd_updates"
GUESTS: Final = "vm_guest_metrics"
OWN: Final = (
    *("xo_up", "xo_messages_up", "xo_scrape_", "xo_xapi_logins", "xo_xapi_resyncs"),
    "xo_exporter_",
)
VARYING: Final = ("age_seconds", "clock_offset_seconds")
NOTHING: Final = dict.fromkeys(COLLECTORS, False)
ASKED: Final = [name for name in COLLECTORS if not name.startswith("plugin_")]
"""Collectors whose values are there at the first scrape."""

Scraped = Callable[..., Awaitable[Scrape]]
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]
Samples = Callable[[Scrape], Values]


@pytest.fixture
async def pool() -> AsyncIterator[SimulatedPool]:
    """Run a pool in which everything can be seen, and whose values stand still."""
    estate = make_estate(hosts=3, vms=20, seed=1, now=NOW - 60)
    async with SimulatedPool(estate, event_delay_s=0.0, clock=lambda: NOW + 3) as running:
        yield running


@pytest.fixture
async def scraped(pool: SimulatedPool) -> AsyncIterator[Scraped]:
    """Scrape the pool once with these collectors and this choice; what is made is closed."""
    async with AsyncExitStack() as stack:

        async def scrape(collectors: Mapping[str, bool] = COLLECTORS, **choice: Any) -> Scrape:
            config = PoolConfig(
                url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
            )
            chosen = Config(pools=(config,), collectors={**collectors}, choice=Choice(**choice))
            collector = Collector(chosen)
            stack.push_async_callback(collector.close)
            return await collector.scrape()

        yield scrape


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Collect the classes that are asked for."""
    found: set[str] = set()
    answer = events.wait_for_events

    async def noted(database: Database, classes: list[str], *rest: Any, **more: Any) -> Any:
        found.update(classes)
        return await answer(database, classes, *rest, **more)

    monkeypatch.setattr(events, "wait_for_events", noted)
    return found


def lines(scrape: Scrape) -> dict[str, list[str]]:
    """Give the lines of each family, but those that differ from scrape to scrape."""
    found: dict[str, list[str]] = {}
    for line in scrape.exposition().text().decode().splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if not line.startswith("#") and not name.endswith(VARYING):
            found.setdefault(name, []).append(line)
    return {name: texts for name, texts in found.items() if not name.startswith(OWN)}


def families(scrape: Scrape) -> set[str]:
    """Give the families that are described, but the exporter's own."""
    text = scrape.exposition().text().decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    own = {
        metric.name
        for table in OBJECT_TABLES
        if table.collector == "exporter"
        for metric in table.metrics
    }
    return {name for name in names - own if not name.startswith((*OWN, "xo_series_dropped"))}


# --- collectors


@pytest.mark.parametrize("collector", ASKED)
async def test_a_collector_alone_gives_what_it_gives_beside_all(
    scraped: Scraped, collector: str
) -> None:
    """No value or label depends on which other collectors are on."""
    whole = lines(await scraped(dict.fromkeys(ASKED, True)))
    alone = lines(await scraped({**NOTHING, collector: True}))
    for name, texts in alone.items():
        if not name.startswith("xo_host_rrd_"):
            assert texts == whole[name], name


async def test_messages_that_are_off_are_not_asked_for(scraped: Scraped, asked: set[str]) -> None:
    """The class is in no call, and none of its families is there."""
    found = families(await scraped({**COLLECTORS, "message": False}))
    assert "message" not in asked
    assert "task" in asked
    assert not [name for name in found if "message" in name or "alarm" in name]


@pytest.mark.parametrize("part", [name for name, part in PARTS.items() if part.classes])
async def test_classes_that_nobody_needs_are_not_read(
    scraped: Scraped, asked: set[str], part: str
) -> None:
    """With all collectors off that are of a part, the classes that it alone has are not read."""
    off = {table.collector for table in OBJECT_TABLES if table.part == part}
    await scraped({name: on and name not in off for name, on in COLLECTORS.items()})
    left = {
        table.part
        for table in OBJECT_TABLES
        if table.part and table.collector not in off and COLLECTORS.get(table.collector, True)
    }
    needed = {name for other in left for name in PARTS[other].classes}
    assert asked == {*BASE, *needed}


async def test_without_collectors_the_objects_alone_are_read(
    pool: SimulatedPool, scraped: Scraped, asked: set[str]
) -> None:
    """With everything off the pool is up, no RRD is asked for, and no further class."""
    scrape = await scraped(NOTHING)
    assert scrape.complete
    assert families(scrape) == set()
    assert asked == {*BASE} - {GUESTS}
    assert pool.calls[RRD] == 0
    assert b"xo_up{" in scrape.exposition().text()


@pytest.mark.parametrize(
    ("include", "needed"),
    [("xo_vm_info", True), ("xo_vm_guest_*", True), ("xo_vm_memory_*", False), ("xo_sr_*", False)],
)
async def test_what_guests_tell_is_read_where_it_is_exported(
    scraped: Scraped, asked: set[str], include: str, *, needed: bool
) -> None:
    """VM_guest_metrics are in addresses, systems and agents, and in nothing else."""
    await scraped(COLLECTORS, include=(include,))
    assert (GUESTS in asked) == needed


async def test_without_rrd_families_no_rrd_is_asked_for(
    pool: SimulatedPool, scraped: Scraped
) -> None:
    """Whether by collectors or by names: where nothing comes from RRDs they are not fetched."""
    measured = {table.collector for table in OBJECT_TABLES if table.needs_rrds}
    await scraped({name: on and name not in {*measured, "xo"} for name, on in COLLECTORS.items()})
    await scraped(include=("xo_vm_power_state", "xo_*_info"))
    assert pool.calls[RRD] == 0
    await scraped(include=("xo_memory_usage_bytes",))
    assert pool.calls[RRD] > 0


# --- metrics by name


async def test_included_metrics_are_the_only_ones(scraped: Scraped) -> None:
    """Of what the collectors give, only what is included is there, as it was before."""
    whole = lines(await scraped())
    found = await scraped(include=("xo_pool*", "xo_vm_power_state"))
    wanted = {name for name in whole if name.startswith("xo_pool")} | {"xo_vm_power_state"}
    assert {name: whole[name] for name in wanted} == {
        name: texts for name, texts in lines(found).items() if name != "xo_host_rrd_up"
    }


async def test_excluded_metrics_are_gone(scraped: Scraped) -> None:
    """What is excluded is neither there nor described; all else is as it was."""
    all_families, whole = families(await scraped()), lines(await scraped())
    scrape = await scraped(exclude=("xo_vm_*", "xo_messages_total", "xo_cpus"))
    gone = {
        name
        for name in all_families
        if name.startswith("xo_vm_") or name in ("xo_messages_total", "xo_cpus")
    }
    assert families(scrape) == all_families - gone
    assert lines(scrape) == {name: texts for name, texts in whole.items() if name not in gone}


async def test_exclusion_wins(scraped: Scraped) -> None:
    """A metric that is both included and excluded is not exported; nor is one that is off."""
    found = await scraped(
        {**COLLECTORS, "vdi": False},
        include=("xo_vm_*", "xo_vdi_info"),
        exclude=("xo_vm_[!v]*",),
    )
    assert families(found) == {name for name in families(found) if name.startswith("xo_vm_v")}
    assert "xo_vm_vcpus" in families(found)


async def test_the_exporters_own_are_always_there(scraped: Scraped) -> None:
    """Nothing takes away how the scrape itself went."""
    text = (await scraped(NOTHING, exclude=("*",))).exposition().text()
    for name in (b"xo_up", b"xo_scrape_errors_total", b"xo_exporter_build_info"):
        assert b"\n" + name + b"{" in b"\n" + text


# --- labels of _info


async def test_keys_and_tags_become_labels(
    pool: SimulatedPool, scraped: Scraped, samples: Samples
) -> None:
    """What is asked for stands on the `_info` series of its class, and nothing else does."""
    database = pool.database
    label = InfoLabels((KeyLabel.parse("my folder"),), (TagLabel.parse("env:*"),))
    spelled = {"vm": "VM", "sr": "SR", "vdi": "VDI"}
    uuids: dict[str, str] = {}
    for name in ("pool", "host", "vm", "sr", "network", "vdi"):
        cls = spelled.get(name, name)
        for ref, record in database.tables[cls].items():
            config = {**record["other_config"], "my folder": f"/{name}", "password": "hunter2"}
            database.modify(cls, ref, other_config=config, tags=["env:prod", "gold"])
            uuids.setdefault(name, record["uuid"])
    scrape = await scraped(labels=dict.fromkeys(uuids, label))
    text = scrape.exposition().text().decode()
    assert "hunter2" not in text
    found: Counter[str] = Counter()
    for family, labels in samples(scrape):
        pairs = dict(labels)
        if family in {f"xo_{name}_info" for name in uuids}:
            name = family.split("_")[1]
            assert pairs["other_config_my_folder"] == f"/{name}"
            assert pairs["tag_env"] == "prod"
            found[name] += 1
        else:
            assert not [label for label in pairs if label.startswith(("other_config_", "tag_"))]
    assert found.keys() == uuids.keys()


async def test_a_key_that_is_read_anyway_can_be_a_label(
    pool: SimulatedPool, scraped: Scraped, samples: Samples
) -> None:
    """`auto_poweron` has families of its own, which stay as they are beside the label."""
    vms = pool.database.tables["VM"]
    ref = next(ref for ref, vm in vms.items() if vm["tags"] and not vm["is_control_domain"])
    config = {**vms[ref]["other_config"], "auto_poweron": "true"}
    pool.database.modify("VM", ref, other_config=config)
    key = InfoLabels((KeyLabel.parse("auto_poweron"), KeyLabel.parse("none such")))
    chosen, whole = await scraped(labels={"vm": key}), await scraped()
    labels = [
        dict(labels)
        for family, labels in samples(chosen)
        if family == "xo_vm_info" and dict(labels)["uuid"] == vms[ref]["uuid"]
    ]
    assert [one.get("other_config_auto_poweron") for one in labels] == ["true"]
    assert "other_config_none_such" not in labels[0]
    assert {name: texts for name, texts in lines(chosen).items() if name != "xo_vm_info"} == {
        name: texts for name, texts in lines(whole).items() if name != "xo_vm_info"
    }


async def test_labels_follow_changes(
    pool: SimulatedPool, samples: Samples, make_collector: Callable[..., Collector]
) -> None:
    """Another value of a key is another label at the next scrape; a long one is cut."""
    config = make_collector(pool).config
    key = InfoLabels((KeyLabel.parse("folder"),))
    collector = Collector(
        Config(
            pools=config.pools,
            collectors=config.collectors,
            choice=Choice(labels={"host": key}),
        )
    )

    async def folders() -> set[str]:
        found = samples(await collector.scrape())
        return {
            dict(labels).get("other_config_folder", "")
            for family, labels in found
            if family == "xo_host_info"
        }

    try:
        assert await folders() == {""}
        for ref in pool.database.tables["host"]:
            pool.database.modify("host", ref, other_config={"folder": "/a"})
        assert await folders() == {"/a"}
        pool.database.modify("host", ref, other_config={"folder": "b" * 500})
        assert await folders() == {"/a", "b" * 200 + "…"}
    finally:
        await collector.close()


# --- filters of VMs


def about(values: Values) -> set[str]:
    """Give the UUIDs that series are about."""
    return {dict(labels).get("uuid", "") for _, labels in values}


@pytest.mark.parametrize(
    ("wanted", "is_shown"),
    [
        (VMFilter(power_states=("Running",)), lambda vm: vm["power_state"] == "Running"),
        (VMFilter(exclude_tags=("gold", "team:*")), lambda vm: not tagged(vm, "gold", "team:web")),
        (VMFilter(tags=("p*",)), lambda vm: tagged(vm, "production", "pci dss")),
    ],
)
async def test_vms_are_filtered(
    pool: SimulatedPool,
    scraped: Scraped,
    samples: Samples,
    wanted: VMFilter,
    is_shown: Callable[[Mapping[str, Any]], bool],
) -> None:
    """A VM that is left out has no series, nor have its disks, VBDs, VIFs; all else is as it was.

    Counts and sums count it all the same.
    """
    every = dict.fromkeys(ASKED, True)
    tables = pool.database.tables
    guests = {
        ref: vm
        for ref, vm in tables["VM"].items()
        if not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
    }
    hidden = {ref for ref, vm in guests.items() if not is_shown(vm)}
    assert hidden
    assert len(hidden) < len(guests)
    whole, left = samples(await scraped(every)), samples(await scraped(every, vms=wanted))
    uuids = {guests[ref]["uuid"] for ref in hidden}
    for cls in ("VBD", "VIF"):
        uuids |= {record["uuid"] for record in tables[cls].values() if record["VM"] in hidden}
    for ref in hidden:
        for vbd in guests[ref]["VBDs"]:
            record = tables["VBD"][vbd]
            disk = tables["VDI"].get(record["VDI"])
            if record["type"] == "Disk" and disk is not None:
                uuids.add(disk["uuid"])
                uuids |= {tables["VDI"][snapshot]["uuid"] for snapshot in disk["snapshots"]}
    assert not uuids & about(left)
    names = {vm["name_label"] for vm in guests.values()} - {
        vm["name_label"] for ref, vm in guests.items() if ref not in hidden
    }
    assert not names & {dict(labels).get("container") for _, labels in left}
    for key, value in whole.items():
        family, labels = key
        is_own = family.startswith(OWN) or family.endswith(VARYING)
        named = {dict(labels).get("uuid"), dict(labels).get("vdi_uuid")}
        if not named & uuids and not is_own:
            assert left.get(key) == value, key


async def test_a_snapshot_that_is_being_exported_is_left_out_with_its_vm(
    pool: SimulatedPool, scraped: Scraped
) -> None:
    """What is attached to a control domain is named unless its VM is left out; it counts always."""
    database = pool.database
    vm = database.find("VM", power_state="Running", is_control_domain=False)[0]
    controller = database.find("VM", is_control_domain=True)[0]
    disk = next(
        record["VDI"]
        for record in map(database.tables["VBD"].get, database.tables["VM"][vm]["VBDs"])
        if record and record["type"] == "Disk"
    )
    sr = database.tables["VDI"][disk]["SR"]
    snapshot = database.add(
        "VDI", name_label="snapshot", SR=sr, snapshot_of=disk, is_a_snapshot=True, managed=True
    )
    database.add("VBD", VM=controller, VDI=snapshot, device="sm", currently_attached=True)
    database.modify("VM", vm, tags=["hidden"])
    on = {"controller_disk": True}
    whole = lines(await scraped(on))
    left = lines(await scraped(on, vms=VMFilter(exclude_tags=("hidden",))))
    named = [text for text in whole["xo_host_controller_disk_info"] if 'vdi="snapshot"' in text]
    assert len(named) == 1
    assert not [text for text in left.get("xo_host_controller_disk_info", ()) if text in named]
    assert left["xo_host_controller_disks"] == whole["xo_host_controller_disks"]


def tagged(vm: Mapping[str, Any], *tags: str) -> bool:
    """Say whether a VM has one of these tags."""
    return any(tag in vm["tags"] for tag in tags)


# --- how many series


def uuids(texts: list[str]) -> set[str]:
    """Give what these lines are about."""
    return set(re.findall(r'[{,]uuid="([^"]*)"', "".join(texts)))


async def test_a_family_is_cut_visibly(
    pool: SimulatedPool, scraped: Scraped, samples: Samples
) -> None:
    """What there is no room for is counted; the objects that stay are the first by UUID."""
    whole = lines(await scraped())
    most = 7
    cut = await scraped(max_series=most)
    name = pool.database.only("pool")[1]["name_label"]
    dropped = {
        dict(labels)["family"]: value
        for (family, labels), value in samples(cut).items()
        if family == "xo_series_dropped"
    }
    kept = lines(cut)
    assert dropped.keys() == {
        family
        for family, texts in whole.items()
        if len(texts) > most and family != "xo_host_rrd_up"
    }
    for family, texts in whole.items():
        assert kept.get(family, []) == texts[: len(kept.get(family, []))]
        assert len(kept.get(family, [])) + dropped.get(family, 0) == len(texts), family
        if family in dropped:
            left_out = texts[len(kept.get(family, [])) :]
            assert not uuids(kept.get(family, [])) & uuids(left_out), "an object has all or none"
    assert 'xo_series_dropped{family="xo_vdi_info",pool="' + name in (
        cut.exposition().text().decode()
    )
    assert len(kept["xo_vm_power_state"]) == 4
    assert lines(await scraped(max_series=most)) == kept


async def test_without_a_cut_nothing_is_said(scraped: Scraped, samples: Samples) -> None:
    """A family that has room for all has no series about what it lacks."""
    values = samples(await scraped())
    assert not [family for family, _ in values if family == "xo_series_dropped"]
