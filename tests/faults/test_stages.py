"""Every fault in every stage of a scrape: what it costs, what it says, and that it mends."""

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from tests.metrics.families import describe
from xo_exporter.simulator import (
    Disconnect,
    Endless,
    Failure,
    Garbage,
    Hang,
    Slow,
    Status,
    Truncated,
)
from xo_exporter.simulator.faults import Fault
from xo_exporter.xapi import transport

if TYPE_CHECKING:
    from tests.faults.conftest import Rig, Scraped

LOG_IN = "session.login_with_password"
EVENTS = "event.from"
RRD = "/rrd_updates"
JSON, XML = "application/json", "text/xml"

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (c, b"&%c;" % (c - 1) * 10) for c in b"bcdefghij")
    + b"]><methodResponse><params><param><value>&j;</value></param></params></methodResponse>"
)
DEEP_XML = (
    b"<methodResponse><params><param>"
    + b"<value><array><data>" * 20_000
    + b"</data></array></value>" * 20_000
    + b"</param></params></methodResponse>"
)
PACKED = gzip.compress(b"0" * 50_000_000)


def packed(content_type: str) -> Fault:
    """Answer with a body that grows a thousandfold for who unpacks it."""
    headers = (("Content-Type", content_type), ("Content-Encoding", "gzip"))
    return Status(200, PACKED, headers)


def xml_value(value: str) -> Fault:
    """Answer an XML-RPC call with a value."""
    text = f"<methodResponse><params><param>{value}</param></params></methodResponse>"
    return Garbage(text.encode(), XML)


EVERYWHERE: dict[str, Fault] = {
    "html": Garbage(),
    "empty": Garbage(b"", XML),
    "noise": Garbage(bytes(range(256)) * 64, "application/octet-stream"),
    "truncated": Truncated(0.5),
    "cut off": Truncated(0.5, announced=True),
    "closed": Disconnect(),
    "bomb": Garbage(BOMB, XML),
    "deep xml": Garbage(DEEP_XML, XML),
    "deep tags": Garbage(b"<a>" * 200_000, XML),
    "utf-16": Garbage("<methodResponse/>".encode("utf-16"), XML),
    "status 500": Status(500),
    "status 404": Status(404),
    "redirect": Status(302, headers=(("Location", "http://127.0.0.1:1/"),)),
    "many headers": Status(200, headers=tuple((f"X-{n}", "y" * 1000) for n in range(200))),
    "one long header": Status(200, headers=(("X", "y" * 100_000),)),
    "packed": packed(XML),
    "endless": Endless(content_type=XML),
    "hung": Hang(),
}
AT_LOG_IN: dict[str, Fault] = {
    "still booting": Failure("HOST_STILL_BOOTING", early=True),
    "a fault": xml_value("<value><nil/></value>"),
    "no struct": xml_value("<value><int>7</int></value>"),
    "an integer that is none": xml_value("<value><int>many</int></value>"),
    "no session": xml_value(
        "<value><struct><member><name>Status</name><value>Success</value></member>"
        "<member><name>Value</name><value></value></member></struct></value>"
    ),
}
AT_OBJECTS: dict[str, Fault] = {
    "dripping": Slow(drip=1, pause=0.2),
    "deep json": Garbage(b"[" * 1_000_000, JSON),
    "deep result": Garbage(b'{"jsonrpc":"2.0","id":1,"result":' + b'{"a":' * 500_000, JSON),
    "endless json": Endless(),
    "endless spaces": Endless(b" " * 65536),
    "very large": Garbage(b'{"result":[' + b"0," * 5_000_000 + b"0]}", JSON),
    "slow to mend": Garbage(b'{"result":"' + b"\\n " * 3_000_000, JSON),
    "json in xml": Garbage(b'{"jsonrpc":"2.0","id":1,"result":{}}', XML),
    "xml in json": Garbage(BOMB, JSON),
    "null": Garbage(b'{"jsonrpc":"2.0","id":1,"result":null}', JSON),
    "a list": Garbage(b'{"jsonrpc":"2.0","id":1,"result":[]}', JSON),
    "no token": Garbage(b'{"jsonrpc":"2.0","id":1,"result":{"events":[]}}', JSON),
    "token of another type": Garbage(
        b'{"jsonrpc":"2.0","id":1,"result":{"events":[],"token":[]}}', JSON
    ),
    "an event of nothing": Garbage(
        b'{"jsonrpc":"2.0","id":1,"result":{"events":[{}],"token":""}}', JSON
    ),
    "a huge number": Garbage(
        b'{"jsonrpc":"2.0","id":1,"result":{"events":[],"token":"","valid_ref_counts":{"vm":'
        + b"9" * 100_000
        + b"}}}",
        JSON,
    ),
    "packed json": packed(JSON),
    "booting": Failure("HOST_STILL_BOOTING", early=True),
    "internal error": Failure("INTERNAL_ERROR", ("Not_found",)),
    "forbidden": Failure("RBAC_PERMISSION_DENIED", ("event.from", "no")),
    "unknown": Failure("MESSAGE_METHOD_UNKNOWN", ("event.from",)),
}


def xport(meta: str, data: str) -> Fault:
    """Answer with RRDs of this content."""
    return Garbage(f"<xport><meta>{meta}</meta><data>{data}</data></xport>".encode(), XML)


AT_RRD: dict[str, Fault] = {
    "slow": Slow(delay=6.0),
    "dripping": Slow(drip=1, pause=0.2),
    "json": Garbage(b'{"meta":{},"data":[]}', JSON),
    "another root": Garbage(b"<rrd/>", XML),
    "no legend": xport("", ""),
    "a row too short": xport(
        "<legend><entry>AVERAGE:host:u:cpu0</entry></legend>", "<row><t>1</t></row>"
    ),
    "a time that is none": xport("<legend/>", "<row><t>soon</t></row>"),
    "a time without end": xport("<legend/>", f"<row><t>{'9' * 5000}</t></row>"),
    "many elements": Garbage(b"<xport>" + b"<a/>" * 2_000_000 + b"</xport>", XML),
    "a bomb in utf-16": Garbage(BOMB.decode().encode("utf-16"), XML),
    "a lie about its length": Status(200, headers=(("Content-Length", "10000000"),)),
    "forbidden": Status(403),
    "refused": Status(401),
}


def sound_is_whole(struck: "Scraped", whole: "Scraped") -> None:
    """See that the other pool was served in full, whatever became of this one."""
    assert struck.up("sound") == 1
    assert struck.names("sound") == whole.names("sound")
    assert struck.errors("sound") == {}


async def mends(rig: "Rig", whole: "Scraped", logins: int, *, scrapes: int = 1) -> None:
    """See that all is back without the fault, with at most one more log-in."""
    for _ in range(scrapes):
        after = await rig.scrape()
        if after.up("broken") == 1:
            break
    assert after.warnings == []
    assert after.names("broken") == whole.names("broken")
    sound_is_whole(after, whole)
    assert rig.logins - logins <= 1
    told = [line for line in after.lines if line["event"] == "readable again"]
    assert [line["pool"] for line in told] == ["broken"]


def one_line(struck: "Scraped", stage: str, **more: Any) -> str:
    """Give what the log says of the fault, which must be one clear line."""
    (line,) = struck.warnings
    wanted = {"pool": "broken", "stage": stage, **more}
    assert {key: line[key] for key in wanted} == wanted
    assert 10 < len(line["error"]) < 500
    assert "\n" not in line["error"]
    assert "Traceback" not in str(line)
    assert "unexpected" not in line["error"]
    return str(line["error"])


@pytest.mark.parametrize("fault", (EVERYWHERE | AT_LOG_IN).values(), ids=(EVERYWHERE | AT_LOG_IN))
async def test_log_in(fault: Fault, rig: "Rig") -> None:
    """A log-in that fails costs the pool this scrape and nothing else, and is tried again."""
    whole = await rig.scrape()
    logins = rig.logins
    with rig.broken.faults.active(fault, method=LOG_IN):
        rig.broken.sessions.expire()
        struck = await rig.scrape()
        assert rig.broken.traffic.by_host[rig.broken.master][LOG_IN] == 2
    sound_is_whole(struck, whole)
    assert struck.of("broken") == {("xo_up", (("pool", "broken"),)): 0.0}
    assert struck.errors("broken") == {"login": 1.0}
    one_line(struck, "login")
    await mends(rig, whole, logins)


@pytest.mark.parametrize("fault", (EVERYWHERE | AT_OBJECTS).values(), ids=(EVERYWHERE | AT_OBJECTS))
async def test_objects(fault: Fault, rig: "Rig", monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that can't be read cost the pool this scrape and nothing else."""
    monkeypatch.setattr(transport, "MAX_BODY", 1 << 24)
    whole = await rig.scrape()
    logins = rig.logins
    with rig.broken.faults.active(fault, method=EVENTS):
        struck = await rig.scrape()
    sound_is_whole(struck, whole)
    assert struck.of("broken") == {("xo_up", (("pool", "broken"),)): 0.0}
    assert struck.errors("broken") == {"objects": 1.0}
    one_line(struck, "objects")
    await mends(rig, whole, logins)


@pytest.mark.parametrize("fault", (EVERYWHERE | AT_RRD).values(), ids=(EVERYWHERE | AT_RRD))
async def test_rrd(fault: Fault, rig: "Rig") -> None:
    """RRDs that can't be read cost this host's values; the other hosts and all objects stay."""
    whole = await rig.scrape()
    logins = rig.logins
    host = next(ref for ref in rig.broken.database.tables["host"] if ref != rig.broken.master)
    record = rig.broken.database.tables["host"][host]
    with rig.broken.faults.active(fault, path=RRD, host=host):
        struck = await rig.scrape()
    sound_is_whole(struck, whole)
    assert struck.up("broken") == 1
    up = {uuid: float(uuid != record["uuid"]) for uuid in whole.hosts_up("broken")}
    assert struck.hosts_up("broken") == up
    lost = whole.names("broken") - struck.names("broken")
    vms = {vm["uuid"] for vm in rig.broken.database.tables["VM"].values()
           if vm["resident_on"] == host}  # fmt: skip
    assert lost
    assert {dict(labels)["uuid"] for _, labels in lost} <= vms | {record["uuid"]}
    helps = {family.name: family.help for family in describe()}
    from_rrds = {name for name in helps if "usage" in name or "RRD" in helps[name]}
    assert {name for name, _ in lost} - from_rrds <= {"xo_host_clock_offset_seconds"}
    assert struck.errors("broken") == {"rrd": 1.0}
    one_line(struck, "rrd", host=record["name_label"])
    await mends(rig, whole, logins)
