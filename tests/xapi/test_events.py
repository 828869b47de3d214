"""Records by events: read in groups, kept up to date, and read anew where something was lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import msgspec
import pytest
from aiohttp import web

from xo_exporter.config import PoolConfig, Url
from xo_exporter.errors import ApiFailure, BadAnswer, HostIsSlave, SessionInvalid
from xo_exporter.simulator import GENERATIONS, Database, Failure, Hang, SimulatedPool, make_estate
from xo_exporter.simulator.database import DELETIONS_KEPT
from xo_exporter.simulator.schema import Generation
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.events import RecordReader, groups
from xo_exporter.xapi.records import BASE, CLASSES, Records
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Serve = Callable[..., Awaitable[str]]
Batches = Callable[[list[str], str], dict[str, Any]]
Scripted = Callable[[Batches], Awaitable[RecordReader]]

_EVENTS = "event.from"
_READ_ONLY = {
    "session.login_with_password",
    "session.logout",
    "pool.get_all",
    "event.from",
    "host.get_servertime",
}


@pytest.fixture
def reader(session: Session) -> RecordReader:
    """Read the pool's records."""
    return RecordReader(session)


@pytest.fixture
async def scripted(serve: Serve) -> AsyncIterator[Scripted]:
    """Read records from a server whose event.from answers as told."""
    sessions: list[Session] = []

    async def start(batches: Batches) -> RecordReader:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            _, classes, token, _ = json.loads(await request.read())["params"]
            return web.json_response({"result": batches(classes, token), "error": None, "id": 1})

        target = Target(Url.parse(await serve(handle)))
        session = Session(target, "OpaqueRef:1", context=None, certificate_name=None)
        sessions.append(session)
        return RecordReader(session)

    yield start
    for session in sessions:
        await session.close()


def truth(
    database: Database, classes: Collection[str] = BASE
) -> dict[str, dict[str, msgspec.Struct]]:
    """Give what the database holds of these classes, as our records."""
    return {
        name.lower(): {
            ref: msgspec.convert(record, CLASSES[name.lower()], strict=False)
            for ref, record in table.items()
        }
        for name, table in database.tables.items()
        if name.lower() in classes
    }


def as_read(
    records: Records, classes: Collection[str] = BASE
) -> dict[str, dict[str, msgspec.Struct]]:
    """Give the records of these classes."""
    return {name: dict(getattr(records, name)) for name in classes}


def add(ref: str, name: str = "a", operation: str = "add") -> dict[str, Any]:
    """Make the event of a VM that came or changed."""
    snapshot = {"uuid": ref, "name_label": name}
    return {"class": "vm", "operation": operation, "ref": ref, "snapshot": snapshot}


# --- the first read


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("jsonrpc", ["works", "missing", "html"])
async def test_all_records_of_every_generation_are_read(
    generation: Generation, jsonrpc: str, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """The first read gives every record as the pool has it, whichever protocol it speaks."""
    estate = make_estate(hosts=2, vms=4, seed=5, generation=generation)
    async with SimulatedPool(estate, event_delay_s=0.0) as pool:
        pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
        reader = RecordReader(await log_in_to(config_of(pool)), [*CLASSES])
        assert as_read(await reader.update(), CLASSES) == truth(pool.database, CLASSES)
        pool.database.modify("VM", pool.database.find("VM")[0], name_label="another")
        assert as_read(await reader.update(), CLASSES) == truth(pool.database, CLASSES)
    assert reader.resyncs == 0
    assert pool.calls["/jsonrpc"] <= 1


async def test_the_first_read_goes_group_by_group(
    pool: SimulatedPool, reader: RecordReader
) -> None:
    """Each group is one call, hosts first; one more brings what has changed meanwhile."""
    await reader.read_first_group()
    assert pool.calls[_EVENTS] == 1
    hosts = pool.database.tables["host"]
    assert reader.records().host.keys() == hosts.keys()
    assert not reader.records().vm
    await reader.read_first_group()
    assert pool.calls[_EVENTS] == 1
    await reader.update()
    assert pool.calls[_EVENTS] == len(groups(BASE)) + 1
    assert reader.groups_read == len(groups(BASE))
    assert {name for group in groups(BASE) for name in group} == set(BASE)


async def test_a_read_that_is_cancelled_goes_on_where_it_was(
    pool: SimulatedPool, reader: RecordReader
) -> None:
    """What was read before a scrape ran out of time is not read again in the next one."""
    await reader.read_first_group()
    await reader._read_group()
    pool.database.modify("host", pool.master, name_label="changed meanwhile")
    with pool.faults.active(Hang(), method=_EVENTS), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.update()
    assert reader.groups_read == 2
    pool.traffic.reset()
    assert as_read(await reader.update()) == truth(pool.database)
    assert pool.calls[_EVENTS] == len(groups(BASE)) - 2 + 1
    assert reader.resyncs == 0


async def test_an_object_that_came_and_went_during_the_first_read_is_gone(
    pool: SimulatedPool, reader: RecordReader
) -> None:
    """XAPI tells nothing of an object made and deleted since a token; its row count does."""
    await reader.read_first_group()
    ref = pool.database.add("VM", name_label="short-lived")
    await reader._read_group()
    assert ref in reader.records().vm
    pool.database.delete("VM", ref)
    assert as_read(await reader.update()) == truth(pool.database)
    assert reader.resyncs == 1


# --- what changes


async def test_one_call_brings_what_has_changed(pool: SimulatedPool, reader: RecordReader) -> None:
    """After the first read, each update is one call, and only what has changed is sent."""
    await reader.update()
    everything = pool.traffic.bytes_sent[_EVENTS]
    vm, other = pool.database.find("VM", is_a_template=False)[:2]
    disk = pool.database.find("VDI")[0]
    pool.traffic.reset()
    pool.database.modify("VM", vm, name_label="renamed")
    pool.database.delete("VM", other)
    pool.database.delete("VDI", disk)
    new = pool.database.add("SR", name_label="new")
    records = await reader.update()
    assert as_read(records) == truth(pool.database)
    assert records.vm[vm].name_label == "renamed"
    assert other not in records.vm
    assert disk not in records.vdi
    assert records.sr[new].name_label == "new"
    assert pool.calls[_EVENTS] == 1
    assert pool.traffic.bytes_sent[_EVENTS] < everything / 10
    assert reader.resyncs == 0


async def test_records_given_out_do_not_change(pool: SimulatedPool, reader: RecordReader) -> None:
    """What a scrape has been given stays as it is while the next update goes on."""
    before = await reader.update()
    copy = as_read(before)
    pool.database.delete("VM", pool.database.find("VM")[0])
    after = await reader.update()
    assert as_read(before) == copy
    assert as_read(after) != copy


async def test_a_change_of_something_unknown_counts_as_new(scripted: Scripted) -> None:
    """A mod may come for an object that was never added, and an add for one that is known."""
    news = [add("OpaqueRef:1", "one", "mod"), add("OpaqueRef:2", "two", "add")]

    def batches(classes: list[str], token: str) -> dict[str, Any]:
        events = news if token else [add("OpaqueRef:2", "old")] if "vm" in classes else []
        return {"events": events, "valid_ref_counts": {"vm": 2}, "token": "1,0"}

    records = await (await scripted(batches)).update()
    assert {ref: vm.name_label for ref, vm in records.vm.items()} == {
        "OpaqueRef:1": "one",
        "OpaqueRef:2": "two",
    }


async def test_deletions_and_classes_that_are_unknown_are_passed_over(scripted: Scripted) -> None:
    """A del of something unknown, and events of classes we never asked for, cost nothing."""

    def batches(classes: list[str], token: str) -> dict[str, Any]:
        events = [
            {"class": "VM", "operation": "del", "ref": "OpaqueRef:9"},
            {"class": "task", "operation": "add", "ref": "OpaqueRef:8", "snapshot": {"a": 1}},
            {"class": "no_such", "operation": "mod", "ref": "OpaqueRef:7"},
            {**add("OpaqueRef:1"), "class": "VM", "id": "1", "timestamp": "0.0", "more": [1]},
        ]
        return {"events": events, "valid_ref_counts": {"VM": 1, "no_such": 4}, "token": "1,0"}

    reader = await scripted(batches)
    records = await reader.update()
    assert list(records.vm) == ["OpaqueRef:1"]
    assert reader.resyncs == 0


# --- what gets lost


async def test_lost_deletions_are_noticed_by_the_row_counts(
    pool: SimulatedPool, reader: RecordReader
) -> None:
    """Where XAPI has forgotten a deletion its group is read anew, and that is counted."""
    await reader.update()
    pool.database.delete("VM", pool.database.find("VM")[0])
    pool.database.forget_deletions()
    pool.traffic.reset()
    assert as_read(await reader.update()) == truth(pool.database)
    assert reader.resyncs == 1
    # What is new, twice; the group of the VMs; what is new since.
    assert pool.calls[_EVENTS] == 4
    pool.traffic.reset()
    await reader.update()
    assert (pool.calls[_EVENTS], reader.resyncs) == (1, 1)


async def test_more_deletions_than_xapi_remembers_are_noticed(
    pool: SimulatedPool, reader: RecordReader
) -> None:
    """After a long pause with very many deletions the records are right all the same."""
    made = [pool.database.add("VBD") for _ in range(DELETIONS_KEPT + 100)]
    await reader.update()
    for ref in made:
        pool.database.delete("VBD", ref)
    assert as_read(await reader.update()) == truth(pool.database)
    assert reader.resyncs == 1


async def test_a_server_that_counts_otherwise_is_not_read_anew_for_ever(
    pool: SimulatedPool, reader: RecordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constant difference in the counts is borne after one new read; another one is not."""
    count = pool.database.counts

    def counts() -> dict[str, int]:
        return {**count(), "vm": count()["vm"] + 3}

    monkeypatch.setattr(pool.database, "counts", counts)
    assert as_read(await reader.update()) == truth(pool.database)
    await reader.update()
    assert reader.resyncs == 1
    pool.database.delete("VM", pool.database.find("VM")[0])
    pool.database.forget_deletions()
    assert as_read(await reader.update()) == truth(pool.database)
    await reader.update()
    assert reader.resyncs == 2


@pytest.mark.parametrize("counts", [{}, {"vm": 1, "task": 12}])
async def test_classes_that_are_not_counted_are_believed(
    counts: dict[str, int], scripted: Scripted
) -> None:
    """A server that doesn't count a class gives no reason to read it anew."""

    def batches(classes: list[str], token: str) -> dict[str, Any]:
        events = [add("OpaqueRef:1")] if "vm" in classes and not token else []
        return {"events": events, "valid_ref_counts": counts, "token": "1,0"}

    reader = await scripted(batches)
    await reader.update()
    assert reader.resyncs == 0


@pytest.mark.parametrize("code", ["EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENTS_LOST"])
async def test_a_token_that_is_no_longer_understood_starts_anew(
    code: str, pool: SimulatedPool, reader: RecordReader
) -> None:
    """Where XAPI can't use our token any more, everything is read anew, in the same update."""
    await reader.update()
    pool.database.delete("VM", pool.database.find("VM")[0])
    pool.faults.add(Failure(code, ("token",)), method=_EVENTS, times=1)
    pool.traffic.reset()
    assert as_read(await reader.update()) == truth(pool.database)
    assert reader.resyncs == 1
    assert pool.calls[_EVENTS] == 1 + len(groups(BASE)) + 1


async def test_a_server_that_understands_no_token_is_read_in_full(serve: Serve) -> None:
    """Where no token is ever understood, each update reads everything."""
    reads = 0

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal reads
        _, classes, token, _ = json.loads(await request.read())["params"]
        if token:
            return web.json_response({"error": ["EVENT_FROM_TOKEN_PARSE_FAILURE", token]})
        reads += "vm" in classes
        events = [add(f"OpaqueRef:{reads}")] if "vm" in classes else []
        return web.json_response({"result": {"events": events, "token": "odd"}, "error": None})

    session = Session(
        Target(Url.parse(await serve(handle))), "OpaqueRef:1", context=None, certificate_name=None
    )
    reader = RecordReader(session)
    for _ in range(3):
        assert list((await reader.update()).vm) == [f"OpaqueRef:{reads}"]
    await session.close()


async def test_a_database_that_was_set_back_is_read_anew(scripted: Scripted) -> None:
    """A token older than ours means an older copy of the database: all is read anew."""
    present = ["OpaqueRef:1", "OpaqueRef:2"]
    generation = 100

    def batches(classes: list[str], token: str) -> dict[str, Any]:
        events = [add(ref) for ref in present] if "vm" in classes and not token else []
        return {"events": events, "token": f"{generation:020d},{0:020d}"}

    reader = await scripted(batches)
    assert list((await reader.update()).vm) == ["OpaqueRef:1", "OpaqueRef:2"]
    present, generation = ["OpaqueRef:3"], 50
    assert list((await reader.update()).vm) == ["OpaqueRef:3"]
    assert reader.resyncs == 1
    generation = 60
    await reader.update()
    assert reader.resyncs == 1


async def test_a_new_master_is_told_by_its_error(
    pool: SimulatedPool, reader: RecordReader, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """After a change of master the old one names it; a new session there starts from nothing."""
    await reader.update()
    old = pool.url
    pool.move_master(next(host for host in pool.database.find("host") if host != pool.master))
    with pytest.raises(HostIsSlave) as caught:
        await reader.update()
    assert caught.value.master == Url.parse(pool.url).host
    anew = RecordReader(await log_in_to(config_of(pool, url=old)))
    assert as_read(await anew.update()) == truth(pool.database)


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_a_session_that_has_ended_is_told_by_its_error(
    jsonrpc: str, pool: SimulatedPool, reader: RecordReader
) -> None:
    """An expired session raises SessionInvalid, in either protocol, and never names itself."""
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    await reader.update()
    pool.sessions.expire()
    with pytest.raises(SessionInvalid) as caught:
        await reader.update()
    assert "OpaqueRef" not in f"{caught.value!r}{caught.value.params}"
    assert caught.value.__cause__ is None


async def test_a_host_that_still_boots_is_told_by_its_error(
    pool: SimulatedPool, reader: RecordReader
) -> None:
    """An error from before a call is looked at, of a shape of its own, is understood as well."""
    pool.faults.booting = True
    with pytest.raises(ApiFailure) as caught:
        await reader.update()
    assert caught.value.code == "HOST_STILL_BOOTING"


async def test_nothing_is_asked_for_that_writes(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """From the log-in to the log-out only calls are made that read."""
    for jsonrpc in ("works", "missing"):
        pool.faults.jsonrpc = jsonrpc
        session = await log_in_to(config_of(pool))
        reader = RecordReader(session)
        await reader.update()
        pool.database.forget_deletions()
        pool.database.delete("VM", pool.database.find("VM")[0])
        pool.database.forget_deletions()
        await reader.update()
        await session.log_out()
    assert set(pool.calls) - {"/jsonrpc"} <= _READ_ONLY


# --- batches of another form


@pytest.mark.parametrize(
    "batch",
    [
        None,
        [],
        "text",
        {},
        {"events": []},
        {"token": "1,0"},
        {"events": {}, "token": "1,0"},
        {"events": [], "token": 1},
        {"events": [7], "token": "1,0"},
        {"events": [{"class": "vm", "operation": "add"}], "token": "1,0"},
        {"events": [{"class": "vm", "operation": "add", "ref": "OpaqueRef:1"}], "token": "1,0"},
        {"events": [{**add("OpaqueRef:1"), "snapshot": None}], "token": "1,0"},
        {"events": [{**add("OpaqueRef:1"), "snapshot": "x"}], "token": "1,0"},
        {"events": [{**add("OpaqueRef:1"), "snapshot": {}}], "token": "1,0"},
        {"events": [{**add("OpaqueRef:1"), "snapshot": {"uuid": []}}], "token": "1,0"},
        {
            "events": [
                {**add("OpaqueRef:1"), "snapshot": {"uuid": "u", "VCPUs_at_startup": "many"}}
            ],
            "token": "1,0",
        },
        {"events": [], "token": "1,0", "valid_ref_counts": []},
        {"events": [], "token": "1,0", "valid_ref_counts": {"vm": "many"}},
    ],
    ids=repr,
)
async def test_batches_of_another_form_are_bad_answers(batch: Any, scripted: Scripted) -> None:
    """Whatever event.from gives in place of a batch of records is a BadAnswer."""
    reader = await scripted(lambda _classes, _token: batch)
    with pytest.raises(BadAnswer):
        await reader.update()


async def test_fields_that_are_missing_take_their_defaults(scripted: Scripted) -> None:
    """A record of an older server lacks newer fields; a token may have any form."""

    def batches(classes: list[str], token: str) -> dict[str, Any]:
        events = [{**add("OpaqueRef:1"), "snapshot": {"uuid": "u"}}] if "vm" in classes else []
        return {"events": events, "token": f"{token}x"}

    reader = await scripted(batches)
    vm = (await reader.update()).vm["OpaqueRef:1"]
    assert vm.uuid == "u"
    assert vm.VCPUs_at_startup is None
    assert vm.tags == []
