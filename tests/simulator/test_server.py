"""The pool over sockets: who answers where, in which dialect, and who may ask."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import freezegun
import pytest
import XenAPI

from xo_exporter.simulator import AddressTaken, Database, SimulatedPool, make_estate

LOGIN = "session.login_with_password"


def members(pool: SimulatedPool) -> list[str]:
    """Give the references of the hosts but the master."""
    return [host for host in pool.database.tables["host"] if host != pool.master]


class TestAddresses:
    """Where hosts listen, and what they say of it."""

    async def test_each_host_has_an_address_of_its_own(self, pool: SimulatedPool) -> None:
        """Loopback addresses that follow one another, at one port; host.address says so."""
        hosts = pool.database.tables["host"]
        urls = [urlsplit(pool.url_of(host)) for host in hosts]
        assert [url.hostname for url in urls] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        assert {url.port for url in urls} == {pool.port}
        assert [record["address"] for record in hosts.values()] == [url.hostname for url in urls]
        assert pool.url == f"http://127.0.0.1:{pool.port}"

    async def test_all_at_one_address(
        self, estate: Database, xapi: Any, http: aiohttp.ClientSession
    ) -> None:
        """Advertised, every host has that address, and one listener answers for all of them."""
        async with SimulatedPool(estate, advertise="192.0.2.80") as pool:
            hosts = estate.tables["host"].values()
            assert {record["address"] for record in hosts} == {"192.0.2.80"}
            session = await xapi.login(pool)
            url = f"{pool.url}/rrd_updates?start=-5&host=true"
            async with http.get(url, headers={"Cookie": f"session_id={session}"}) as response:
                legend = (await response.json())["meta"]["legend"]
            owners = {entry.split(":")[2] for entry in legend if ":host:" in entry}
            assert owners == {record["uuid"] for record in hosts}

    async def test_everywhere(self, estate: Database, xapi: Any) -> None:
        """At the wildcard address a pool needs one to advertise, which its URL then shows."""
        with pytest.raises(AddressTaken, match="advertise"):
            await SimulatedPool(estate, listen="0.0.0.0").start()
        async with SimulatedPool(estate, listen="0.0.0.0", advertise="localhost") as pool:
            assert pool.url == f"http://localhost:{pool.port}"
            assert await xapi.login(pool)

    async def test_addresses_can_lie(self, estate: Database) -> None:
        """`addresses` says what host.address holds, reachable or not."""
        host = next(iter(estate.tables["host"]))
        async with SimulatedPool(estate, addresses={host: "2001:db8::1"}) as pool:
            assert estate.tables["host"][host]["address"] == "2001:db8::1"
            assert pool.url_of(host).startswith("http://127.0.0.1:")

    async def test_ipv6(self, xapi: Any) -> None:
        """A pool can listen at an IPv6 address, in brackets in its URL."""
        async with SimulatedPool(make_estate(hosts=1, vms=1), listen="::1") as pool:
            assert pool.url == f"http://[::1]:{pool.port}"
            assert await xapi.login(pool)

    async def test_a_port_that_is_taken(self, pool: SimulatedPool) -> None:
        """A wanted port that somebody has is an error that names it."""
        other = SimulatedPool(make_estate(hosts=1, vms=1), port=pool.port)
        with pytest.raises(AddressTaken, match=str(pool.port)):
            await other.start()


class TestTls:
    """HTTPS."""

    async def test_own_certificate(self, estate: Database, http: aiohttp.ClientSession) -> None:
        """The certificate is valid for the hosts' addresses with the fingerprint that is told."""
        async with SimulatedPool(estate, tls=True) as pool:
            context = ssl.create_default_context(cadata=pool.certificate.decode())
            for host in estate.tables["host"]:
                url = pool.url_of(host)
                assert url.startswith("https://")
                async with http.get(f"{url}/", ssl=context) as response:
                    assert response.status == 200
                pin = aiohttp.Fingerprint(bytes.fromhex(pool.fingerprint.replace(":", "")))
                async with http.get(f"{url}/", ssl=pin) as response:
                    assert response.status == 200

    async def test_contexts_by_host(self, http: aiohttp.ClientSession) -> None:
        """Given contexts are used, each for its host."""
        estate = make_estate(hosts=1, vms=1)
        async with SimulatedPool(make_estate(hosts=1, vms=1), tls=True) as other:
            identity = other._identity
            assert identity is not None
            host = next(iter(estate.tables["host"]))
            async with SimulatedPool(estate, ssl_contexts={host: identity.context}) as pool:
                pin = aiohttp.Fingerprint(bytes.fromhex(other.fingerprint.replace(":", "")))
                async with http.get(f"{pool.url}/", ssl=pin) as response:
                    assert response.status == 200


def test_in_a_thread(threaded_pool: SimulatedPool) -> None:
    """A caller that blocks can talk to the pool and change it from its own thread."""
    session = XenAPI.Session(threaded_pool.url)
    session.login_with_password(threaded_pool.username, threaded_pool.password, "1.0", "tests")
    ref = session.xenapi.pool.get_all()[0]
    threaded_pool.do(lambda: threaded_pool.database.modify("pool", ref, name_label="other"))
    assert session.xenapi.pool.get_name_label(ref) == "other"
    session.xenapi.session.logout()
    session("close")()


def test_a_thread_that_cannot_start(threaded_pool: SimulatedPool) -> None:
    """What keeps a pool from starting is raised where it was asked for."""
    other = SimulatedPool(make_estate(hosts=1, vms=1), port=threaded_pool.port)
    with pytest.raises(AddressTaken), other.run_in_thread():
        pass


class TestOddEstates:
    """Estates that no installer makes."""

    async def test_a_master_that_is_no_host(self, xapi: Any) -> None:
        """Where the pool's master dangles, the first host answers."""
        estate = Database.from_records({"pool": {"p": {"master": "gone"}}, "host": {"h": {}}})
        async with SimulatedPool(estate) as pool:
            session = await xapi.login(pool)
            answer = await xapi.call(pool.url, "pool.get_master", session, "p")
            assert answer["result"] == "gone"

    async def test_a_pool_without_hosts(self, xapi: Any, http: aiohttp.ClientSession) -> None:
        """Somebody answers, and there are no RRDs."""
        async with SimulatedPool(Database.from_records({"pool": {"p": {}}})) as pool:
            session = await xapi.login(pool)
            assert (await xapi.call(pool.url, "host.get_all", session))["result"] == []
            url = f"{pool.url}/rrd_updates?start=-5&host=true&session_id={session}"
            async with http.get(url) as response:
                assert response.status == 500

    async def test_a_host_that_is_gone_from_the_database(
        self, pool: SimulatedPool, xapi: Any, http: aiohttp.ClientSession
    ) -> None:
        """An ejected host has no RRDs to show."""
        host = members(pool)[0]
        url = pool.url_of(host)
        session = await xapi.login(pool)
        pool.database.delete("host", host)
        async with http.get(f"{url}/rrd_updates?start=-5&session_id={session}") as response:
            assert response.status == 500


async def test_the_clock_can_be_frozen(xapi: Any) -> None:
    """The pool's own clock is the system's, frozen or not."""
    async with SimulatedPool(make_estate(hosts=1, vms=1)) as pool:
        with freezegun.freeze_time("2024-05-06 07:08:09", tick=True, ignore=["asyncio"]):
            session = await xapi.login(pool)
            host = pool.master
            answer = await xapi.call(pool.url, "host.get_servertime", session, host)
        assert answer["result"].startswith("20240506T07:08:")
