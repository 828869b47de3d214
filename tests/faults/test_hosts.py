"""Hosts that die, hang or are slow, masters that change, sessions that end."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from xo_exporter.config import Secret, Url
from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import Hang, SimulatedPool, Slow, make_estate

if TYPE_CHECKING:
    from tests.faults.conftest import Rig, Scraped

UP_0 = {("xo_up", (("pool", "broken"),)): 0.0}


def members_of(pool: SimulatedPool) -> list[str]:
    """Give the references of the hosts that are not the master."""
    return [host for host in pool.database.tables["host"] if host != pool.master]


def declare_dead(pool: SimulatedPool, host: str) -> None:
    """Let the pool know that a host is not there any more."""
    metrics = pool.database.tables["host"][host]["metrics"]
    pool.database.modify("host_metrics", metrics, live=False)


def sound_is_whole(struck: "Scraped", whole: "Scraped") -> None:
    """See that the other pool was served in full, whatever became of this one."""
    assert struck.up("sound") == 1
    assert struck.names("sound") == whole.names("sound")
    assert struck.errors("sound") == {}


@pytest.mark.parametrize("how", ["dead", "hung", "slow"])
async def test_a_member_that_fails(how: str, rig: "Rig") -> None:
    """Its own values are missing, all else is there, and it comes back without a log-in."""
    whole = await rig.scrape()
    pool = rig.broken
    host = members_of(pool)[0]
    record = pool.database.tables["host"][host]
    if how == "dead":
        await pool.stop_host(host)
    else:
        pool.faults.add(Hang() if how == "hung" else Slow(delay=5.0), host=host)
    struck = await rig.scrape()
    sound_is_whole(struck, whole)
    assert struck.up("broken") == 1
    assert struck.hosts_up("broken") == {
        uuid: float(uuid != record["uuid"]) for uuid in whole.hosts_up("broken")
    }
    infos = {series for series in whole.names("broken") if series[0].endswith("_info")}
    assert infos <= struck.names("broken")
    assert struck.errors("broken") == {"rrd": 1.0}
    (line,) = struck.warnings
    assert (line["pool"], line["host"]) == ("broken", record["name_label"])
    pool.faults.clear()
    await pool.start_host(host)
    after = await rig.scrape()
    assert after.names("broken") == whole.names("broken")
    assert [line["host"] for line in after.lines] == [record["name_label"]]
    assert rig.logins == 1


async def test_a_host_that_the_pool_knows_to_be_dead(rig: "Rig") -> None:
    """A host that is not live is asked for nothing, is Halted, and is no failure."""
    whole = await rig.scrape()
    pool = rig.broken
    host = members_of(pool)[0]
    uuid = pool.database.tables["host"][host]["uuid"]
    await pool.stop_host(host)
    declare_dead(pool, host)
    struck = await rig.scrape()
    assert struck.warnings == []
    assert struck.errors("broken") == {}
    assert set(struck.hosts_up("broken")) == set(whole.hosts_up("broken")) - {uuid}
    halted = [
        dict(labels)["uuid"]
        for (name, labels), value in struck.of("broken").items()
        if name == "xo_host_power_state" and ("power_state", "Halted") in labels and value
    ]
    assert halted == [uuid]


@pytest.mark.parametrize("how", ["dead", "hung"])
@pytest.mark.parametrize("configured", [True, False], ids=["members", "learnt"])
async def test_a_master_that_fails_beside_members(
    how: str, unserved: "Rig", stack: AsyncExitStack, *, configured: bool
) -> None:
    """The new master is found by way of the others; events start anew, with one log-in.

    A dead master costs no scrape, a hung one at most the two in which it shows that it hangs.
    """
    rig, pool = unserved, unserved.broken
    old, (new, _) = pool.master, members_of(pool)
    members = [Url.parse(pool.url_of(host)) for host in members_of(pool)] if configured else []
    await rig.serve(stack, members=tuple(members), timeout=2.0)
    whole = await rig.scrape()
    if how == "dead":
        await pool.stop_host(old)
    else:
        pool.faults.add(Hang(), host=old)
    pool.move_master(new)
    declare_dead(pool, old)
    scrapes = []
    for _ in range(3):
        scrapes.append(await rig.scrape())
        sound_is_whole(scrapes[-1], whole)
        if scrapes[-1].up("broken"):
            break
    assert len(scrapes) <= (1 if how == "dead" else 3)
    assert scrapes[-1].up("broken") == 1
    infos = {series for series in whole.names("broken") if series[0] == "xo_vm_info"}
    assert infos <= scrapes[-1].names("broken")
    assert rig.logins == 2
    again = await rig.scrape()
    assert again.names("broken") == scrapes[-1].names("broken")
    assert rig.logins == 2


async def test_a_url_that_hangs_from_the_start(unserved: "Rig", stack: AsyncExitStack) -> None:
    """A member leads to the new master within the first scrape, whatever the url does."""
    rig, pool = unserved, unserved.broken
    old, (new, third) = pool.master, members_of(pool)
    pool.faults.add(Hang(), host=old)
    pool.move_master(new)
    declare_dead(pool, old)
    url, member = Url.parse(pool.url_of(old)), Url.parse(pool.url_of(third))
    await rig.serve(stack, url=url, members=(member,), timeout=2.0)
    first = await rig.scrape()
    assert first.up("broken") == first.up("sound") == 1
    assert first.warnings == []
    assert rig.logins == 1


async def test_a_dead_master_without_a_new_one(rig: "Rig") -> None:
    """While no host is master the pool is down in one line; when the master is back, it is up."""
    whole = await rig.scrape()
    pool = rig.broken
    await pool.stop_host(pool.master)
    pool.sessions.expire()
    struck = await rig.scrape()
    sound_is_whole(struck, whole)
    assert struck.of("broken") == UP_0
    assert struck.errors("broken") == {"login": 1.0}
    (line,) = struck.warnings
    assert "no connection" in line["error"]
    assert (await rig.scrape()).warnings == []
    await pool.start_host(pool.master)
    after = await rig.scrape()
    assert after.names("broken") == whole.names("broken")
    assert rig.logins == 2


async def test_a_moved_master(rig: "Rig") -> None:
    """A new master costs no scrape: one log-in there, and the events from their beginning."""
    whole = await rig.scrape()
    pool = rig.broken
    pool.move_master(members_of(pool)[0])
    pool.database.forget_deletions()
    gone = next(ref for ref, vbd in pool.database.tables["VBD"].items())
    pool.database.delete("VBD", gone)
    after = await rig.scrape()
    assert after.up("broken") == 1
    assert after.warnings == []
    sound_is_whole(after, whole)
    assert rig.logins == 2
    assert len(pool.sessions.open) == 1


@pytest.mark.parametrize("calls", range(7))
async def test_a_session_that_ends(calls: int, unserved: "Rig", stack: AsyncExitStack) -> None:
    """Whichever call of a scrape meets the end of the session, one log-in mends it in there."""
    rig, pool = unserved, unserved.broken
    await rig.serve(stack)
    first = calls >= 4  # in the middle of the first reading, with its several calls
    if first:
        pool.sessions.calls_left = calls - 3
    else:
        await rig.scrape()
        pool.sessions.calls_left = calls
    struck = await rig.scrape()
    assert struck.warnings == []
    assert struck.up("broken") == 1
    assert set(struck.hosts_up("broken").values()) == {1.0}
    assert struck.errors("broken") == {}
    assert rig.logins <= 2
    pool.sessions.calls_left = None
    after = await rig.scrape()
    assert after.names("broken") == struck.names("broken")
    assert len(pool.sessions.open) == 1


async def test_a_session_that_always_ends(rig: "Rig") -> None:
    """A pool that ends each session at once is down, with one more log-in a scrape, no more."""
    whole = await rig.scrape()
    pool = rig.broken
    for scrapes in (1, 2):
        pool.sessions.expire()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool.sessions, "check", _ended)
            struck = await rig.scrape()
        sound_is_whole(struck, whole)
        assert struck.of("broken") == UP_0
        assert rig.logins == 1 + scrapes
    assert (await rig.scrape()).up("broken") == 1


def _ended(ref: str) -> None:
    raise ApiFailure("SESSION_INVALID", (ref,))


async def test_a_wrong_password(unserved: "Rig", stack: AsyncExitStack) -> None:
    """It is tried once in many scrapes, by whatever address, and told apart from a dead pool."""
    rig, pool = unserved, unserved.broken
    members = tuple(Url.parse(pool.url_of(host)) for host in members_of(pool))
    await rig.serve(stack, password=Secret("wrong"), members=members)
    lines = []
    for _ in range(5):
        struck = await rig.scrape()
        assert struck.of("broken") == UP_0
        assert struck.up("sound") == 1
        lines += struck.warnings
    assert pool.sessions.refused == 1
    (line,) = lines
    assert line["stage"] == "login"
    assert "SESSION_AUTHENTICATION_FAILED" in line["error"]
    assert "password" in line["error"]
    assert "wrong" not in str(line)


async def test_an_ejected_host(rig: "Rig", stack: AsyncExitStack) -> None:
    """A host that was ejected into a pool of its own is not served in place of the pool."""
    whole = await rig.scrape()
    pool = rig.broken
    master, (ejected, third) = pool.master, members_of(pool)
    pool.sessions.expire()
    url = Url.parse(pool.url_of(ejected))
    for host in (master, ejected, third):
        await pool.stop_host(host)
    estate = make_estate(hosts=1, vms=3, seed=9)
    other = SimulatedPool(
        estate, listen=url.host, port=url.effective_port, password=pool.password, event_delay_s=0.0
    )
    await stack.enter_async_context(other)
    struck = await rig.scrape()
    sound_is_whole(struck, whole)
    assert struck.of("broken") == UP_0
    told = {line["event"]: line for line in struck.warnings}
    assert len(told) == 2
    assert told["the pool can't be read"]["stage"] == "login"
    stranger = told["a host is of another pool now, and is not read in place of this one"]
    assert stranger["address"] == other.url
    assert other.sessions.open == []
    pool.database.delete("host", ejected)
    for host in (master, third):
        await pool.start_host(host)
    after = await rig.scrape()
    assert after.up("broken") == 1
    assert len(after.hosts_up("broken")) == 2
    assert rig.logins == 2


async def test_a_hung_pool_does_not_hang_the_exporter(rig: "Rig") -> None:
    """While every call hangs, scrape after scrape is in time; then the pool is back."""
    whole = await rig.scrape()
    with rig.broken.faults.active(Hang()):
        for _ in range(3):
            struck = await rig.scrape(1.5)
            sound_is_whole(struck, whole)
            assert struck.of("broken") == UP_0
    for _ in range(2):
        after = await rig.scrape(10)
        if after.up("broken"):
            break
    assert after.names("broken") == whole.names("broken")
    assert rig.logins <= 2
