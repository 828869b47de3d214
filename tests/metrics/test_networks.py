"""Metrics of networks: what of XAPI's records and of the RRDs becomes which sample."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import table_families
from xo_exporter.metrics import bond, host_network, network, pif, vif, vm_network
from xo_exporter.metrics.lines import PoolLines
from xo_exporter.metrics.selection import Selection
from xo_exporter.metrics.tables import COLLECTORS, AnyTable
from xo_exporter.model.build import build
from xo_exporter.model.kept import KeptModel
from xo_exporter.model.objects import PoolModel
from xo_exporter.rrd.values import HostRrd
from xo_exporter.simulator import Generation, make_estate
from xo_exporter.xapi.records import CLASSES, Records

TABLES: Final[tuple[AnyTable, ...]] = (
    *(host_network.TABLE, vm_network.TABLE, vm_network.SOURCE_TABLE),
    *(network.TABLE, network.POOL_TABLE, pif.TABLE, bond.TABLE, vif.TABLE),
)
NULL: Final = "OpaqueRef:NULL"
LIVE: Final = {"metrics": "hm", "software_version": {"xapi": "25.6"}}

# A host with a NIC, a VLAN on that, and a bond of two NICs; a VM with two VIFs, one unplugged.
POOL: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "pool": {"pool": {"name_label": "Pool"}},
    "host": {"h": {"name_label": "alpha", **LIVE}},
    "host_metrics": {"hm": {"live": True}},
    "network": {
        "n-lan": {
            "name_label": "LAN",
            "name_description": "Offices",
            "bridge": "xenbr0",
            "MTU": "1500",
            "tags": ["blue", "", "blue"],
        },
        "n-dmz": {"name_label": "DMZ"},
        "n-san": {"name_label": "SAN"},
        "n-one": {"name_label": "NIC 1"},
        "n-two": {"name_label": "NIC 2"},
    },
    "pif": {
        # Its UUID comes before that of the NIC, whose device it has.
        "p-a-vlan": {"host": "h", "network": "n-dmz", "device": "eth0", "VLAN": "10"}
        | {"metrics": "m-0", "currently_attached": False, "MAC": "fe:ff:ff:ff:ff:ff"},
        "p-eth0": {"host": "h", "network": "n-lan", "device": "eth0", "physical": True}
        | {"metrics": "m-0", "MAC": "0A:00:00:00:00:01", "MTU": "1500", "IP": "192.0.2.1"}
        | {"management": True, "currently_attached": True},
        "p-eth1": {"host": "h", "network": "n-one", "device": "eth1", "physical": True}
        | {"metrics": "m-1", "bond_slave_of": "b", "currently_attached": False},
        "p-eth2": {"host": "h", "network": "n-two", "device": "eth2", "physical": True}
        | {"metrics": "m-2", "bond_slave_of": "b", "currently_attached": False},
        "p-bond": {"host": "h", "network": "n-san", "device": "bond0", "MTU": "9000"}
        | {"metrics": "m-b", "currently_attached": True},
    },
    "pif_metrics": {
        "m-0": {"carrier": True, "speed": "1000", "duplex": True}
        | {"vendor_name": "Intel", "device_name": "I350"},
        "m-1": {"carrier": True, "speed": "10000", "duplex": True},
        "m-2": {"carrier": False, "speed": "10000", "duplex": False},
        "m-b": {"carrier": True, "speed": "10000", "duplex": True},
    },
    "bond": {"b": {"master": "p-bond", "mode": "lacp", "links_up": "1"}},
    "vm": {"v": {"name_label": "web", "power_state": "Running", "resident_on": "h"}},
    "vif": {
        "i-0": {"VM": "v", "network": "n-lan", "device": "0", "MAC": "0A:00:00:00:00:0F"}
        | {"currently_attached": True},
        "i-1": {"VM": "v", "network": "n-san", "device": "1", "currently_attached": False},
    },
}
PIF_ETH0: Final = {"uuid": "p-eth0", "device": "eth0", "network": "LAN"}
PIF_VLAN: Final = {"uuid": "p-a-vlan", "device": "eth0", "network": "DMZ"}
PIF_ETH1: Final = {"uuid": "p-eth1", "device": "eth1", "network": "NIC 1", "bond": "bond0"}
PIF_ETH2: Final = {"uuid": "p-eth2", "device": "eth2", "network": "NIC 2", "bond": "bond0"}
PIF_BOND: Final = {"uuid": "p-bond", "device": "bond0", "network": "SAN"}
BOND: Final = {"uuid": "b", "device": "bond0", "network": "SAN"}
VIF_0: Final = {"uuid": "i-0", "device": "0", "network": "LAN"}
VIF_1: Final = {"uuid": "i-1", "device": "1", "network": "SAN"}
OF_HOST: Final = {"pool": "Pool", "container": "alpha"}
OF_VM: Final = {"pool": "Pool", "container": "web"}

Sample = tuple[dict[str, str], float]


def records(tables: Mapping[str, Mapping[str, Mapping[str, Any]]] = POOL) -> Records:
    """Make records by class and reference, which is the uuid of each."""
    whole = {
        name: {ref: {"uuid": ref, **fields} for ref, fields in tables.get(name, {}).items()}
        for name in CLASSES
    }
    return msgspec.convert(whole, Records, strict=False)


def measured(
    host: Mapping[str, float] | None = None, vm: Mapping[str, float] | None = None
) -> dict[str, HostRrd | None]:
    """Give the RRDs of the host, with these values of it and of its VM."""
    return {"h": HostRrd.of({"h": host or {}}, {"v": vm or {}}, 3.0)}


def samples(model: PoolModel, name: str) -> list[Sample]:
    """Give the samples of a family, labels and value."""
    return [
        (dict(labels.pairs), float(value))
        for family in table_families(TABLES, model, "Pool")
        if family.name == name
        for labels, value in family.samples
    ]


# --- data sources


@pytest.mark.parametrize(
    ("source", "name", "labels"),
    [
        ("pif_eth0_rx", "receive_bytes", {"device": "eth0", "network": "LAN"}),
        ("pif_eth0_tx", "transmit_bytes", {"device": "eth0", "network": "LAN"}),
        ("pif_eth0_rx_errors", "receive_errors", {"device": "eth0", "network": "LAN"}),
        ("pif_eth0_tx_errors", "transmit_errors", {"device": "eth0", "network": "LAN"}),
        ("pif_bond0_rx", "receive_bytes", {"device": "bond0", "network": "SAN"}),
        (
            "pif_eth1_rx",
            "receive_bytes",
            {"device": "eth1", "network": "NIC 1", "bond": "bond0"},
        ),
        (
            "pif_eth2_tx_errors",
            "transmit_errors",
            {"device": "eth2", "network": "NIC 2", "bond": "bond0"},
        ),
        # A NIC that XAPI was told to forget; one that systemd named.
        ("pif_eth7_tx", "transmit_bytes", {"device": "eth7"}),
        ("pif_enp3s0f1_rx", "receive_bytes", {"device": "enp3s0f1"}),
    ],
)
def test_sources_of_a_host(source: str, name: str, labels: dict[str, str]) -> None:
    """A source of a NIC or bond is one sample, in bytes or packets a second as it is."""
    model = build(records(), measured(host={source: 1234.5}))
    host = {"uuid": "h", "name_label": "alpha", "pool": "Pool", "container": "Pool"}
    found = {
        metric.name: samples(model, metric.name)
        for metric in host_network.TABLE.metrics
        if samples(model, metric.name)
    }
    assert found == {f"xo_host_network_{name}_per_second": [({**host, **labels}, 1234.5)]}


@pytest.mark.parametrize("source", ["pif_aggr_rx", "pif_aggr_tx", "pif_eth0.10_rx"])
def test_what_counts_twice_is_left_out(source: str) -> None:
    """The sums over NICs and their bonds, and a VLAN's part of its NIC, are no samples."""
    model = build(records(), measured(host={source: 1.0}))
    assert not any(samples(model, metric.name) for metric in host_network.TABLE.metrics)


def test_a_host_without_bonded_nics_counts_once() -> None:
    """Without the series that have the label `bond`, each byte is counted once."""
    values = {"pif_eth0_rx": 1.0, "pif_eth1_rx": 10.0, "pif_eth2_rx": 100.0, "pif_bond0_rx": 110.0}
    model = build(records(), measured(host={**values, "pif_aggr_rx": 221.0}))
    found = samples(model, "xo_host_network_receive_bytes_per_second")
    assert sum(value for labels, value in found if not labels.get("bond")) == 111.0


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("vif_0_rx", "receive_bytes"),
        ("vif_0_tx", "transmit_bytes"),
        ("vif_0_rx_errors", "receive_errors"),
        ("vif_0_tx_errors", "transmit_errors"),
    ],
)
def test_sources_of_a_vm(source: str, name: str) -> None:
    """A source of a VIF is one sample with the VIF's number and network."""
    model = build(records(), measured(vm={source: 0.25}))
    labels = {"uuid": "v", "name_label": "web", "pool": "Pool", "container": "alpha"}
    found = {
        metric.name: samples(model, metric.name)
        for metric in vm_network.SOURCE_TABLE.metrics
        if samples(model, metric.name)
    }
    assert found == {
        f"xo_vm_network_{name}_per_second": [({**labels, "device": "0", "network": "LAN"}, 0.25)]
    }


@pytest.mark.parametrize("source", ["vif_1_rx", "vif_7_rx"])
def test_sources_of_vifs_that_are_not_plugged_in(source: str) -> None:
    """What an RRD still has of a VIF that was unplugged or is gone is no sample."""
    model = build(records(), measured(vm={source: 5.0}))
    assert not any(samples(model, metric.name) for metric in vm_network.SOURCE_TABLE.metrics)


def test_a_vif_is_plugged_in() -> None:
    """When a VIF is plugged in, its traffic is there at the next scrape, under its network."""
    kept, lines = KeptModel(), PoolLines(Selection(COLLECTORS))
    values = measured(vm={"vif_1_rx": 7.0})
    name = "xo_vm_network_receive_bytes_per_second"

    def text(now: Records) -> bytes:
        model, changes = kept.update(now, values)
        return {family.name: text for family, text in lines.of(model, "Pool", changes)}[name]

    before = records()
    assert text(before) == b""
    plugged = msgspec.structs.replace(before.vif["i-1"], currently_attached=True)
    after = msgspec.structs.replace(before, vif={**before.vif, "i-1": plugged})
    assert (
        text(after)
        == (
            f'{name}{{container="alpha",device="1",name_label="web",network="SAN",pool="Pool",uuid="v"}}'
            " 7.0\n"
        ).encode()
    )


# --- records


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("xo_network_mtu_bytes", {"n-lan": 1500}),
        ("xo_network_pifs", {"n-dmz": 1, "n-lan": 1, "n-one": 1, "n-san": 1, "n-two": 1}),
        ("xo_network_vifs", {"n-dmz": 0, "n-lan": 1, "n-one": 0, "n-san": 1, "n-two": 0}),
        ("xo_pool_duplicate_macs", {"pool": 0}),
        (
            "xo_pif_attached",
            {"p-a-vlan": 0, "p-bond": 1, "p-eth0": 1, "p-eth1": 0, "p-eth2": 0},
        ),
        ("xo_pif_carrier", {"p-bond": 1, "p-eth0": 1, "p-eth1": 1, "p-eth2": 0}),
        (
            "xo_pif_speed_bytes_per_second",
            {"p-bond": 1_250_000_000, "p-eth0": 125_000_000, "p-eth1": 1_250_000_000},
        ),
        ("xo_pif_full_duplex", {"p-bond": 1, "p-eth0": 1, "p-eth1": 1}),
        ("xo_pif_mtu_bytes", {"p-bond": 9000, "p-eth0": 1500}),
        ("xo_bond_links", {"b": 2}),
        ("xo_bond_links_up", {"b": 1}),
        ("xo_vif_attached", {"i-0": 1, "i-1": 0}),
        ("xo_vif_duplicate_mac", {}),
        ("xo_vm_vifs", {"v": 2}),
        ("xo_vm_attached_vifs", {"v": 1}),
    ],
)
def test_values(name: str, wanted: dict[str, float]) -> None:
    """Each metric has the value of its field, for the objects that it is known of."""
    found = {labels["uuid"]: value for labels, value in samples(build(records(), {}), name)}
    assert found == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("xo_pif_attached", [PIF_VLAN, PIF_BOND, PIF_ETH0, PIF_ETH1, PIF_ETH2]),
        ("xo_pif_carrier", [PIF_BOND, PIF_ETH0, PIF_ETH1, PIF_ETH2]),
        ("xo_bond_links_up", [BOND]),
    ],
)
def test_labels_of_interfaces_of_a_host(name: str, wanted: list[dict[str, str]]) -> None:
    """Interfaces of hosts have host, device and network as labels; NICs in a bond, that."""
    found = [labels for labels, _ in samples(build(records(), {}), name)]
    assert found == [{**OF_HOST, **labels} for labels in wanted]


def test_labels_of_vifs() -> None:
    """VIFs have VM, number and network as labels."""
    found = [labels for labels, _ in samples(build(records(), {}), "xo_vif_attached")]
    assert found == [{**OF_VM, **VIF_0}, {**OF_VM, **VIF_1}]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "xo_network_info",
            {"uuid": "n-lan", "name_label": "LAN", "pool": "Pool", "container": "Pool"}
            | {"name_description": "Offices", "bridge": "xenbr0"},
        ),
        (
            "xo_network_tag_info",
            {"uuid": "n-lan", "name_label": "LAN", "pool": "Pool", "container": "Pool"}
            | {"tag": "blue"},
        ),
        (
            "xo_pif_info",
            {**OF_HOST, **PIF_ETH0, "pif_type": "physical", "mac": "0a:00:00:00:00:01"}
            | {"address": "192.0.2.1", "management": "true", "vendor_name": "Intel"}
            | {"device_name": "I350", "host_uuid": "h", "network_uuid": "n-lan"},
        ),
        (
            "xo_pif_info",
            {**OF_HOST, **PIF_VLAN, "pif_type": "vlan", "vlan": "10"}
            | {"mac": "fe:ff:ff:ff:ff:ff", "host_uuid": "h", "network_uuid": "n-dmz"},
        ),
        (
            "xo_bond_info",
            {**OF_HOST, **BOND, "mode": "lacp", "pif_uuid": "p-bond", "host_uuid": "h"},
        ),
        (
            "xo_vif_info",
            {**OF_VM, **VIF_0, "mac": "0a:00:00:00:00:0f", "vm_uuid": "v"}
            | {"network_uuid": "n-lan"},
        ),
    ],
)
def test_info(name: str, wanted: dict[str, str]) -> None:
    """An `_info` series says what is known of an object and what it is linked to."""
    found = {labels["uuid"]: labels for labels, _ in samples(build(records(), {}), name)}
    assert found[wanted["uuid"]] == wanted


def test_a_mac_address_that_is_used_twice() -> None:
    """Both VIFs that have an address are named, with it; the pool counts the addresses."""
    twice = {
        **POOL["vif"],
        "i-1": {"VM": "v", "device": "1", "MAC": "0a:00:00:00:00:0f", "network": "n-san"},
    }
    model = build(records({**POOL, "vif": twice}), {})
    assert samples(model, "xo_vif_duplicate_mac") == [
        ({**OF_VM, **VIF_0, "mac": "0a:00:00:00:00:0f"}, 1.0),
        ({**OF_VM, **VIF_1, "mac": "0a:00:00:00:00:0f"}, 1.0),
    ]
    assert [value for _, value in samples(model, "xo_pool_duplicate_macs")] == [1.0]


def test_two_networks_of_one_name() -> None:
    """Where networks share a name, series still differ: by interface, VIF and UUID."""
    same = {ref: {"name_label": "LAN"} for ref in POOL["network"]}
    vifs = {ref: {**record, "currently_attached": True} for ref, record in POOL["vif"].items()}
    values = measured(
        host={f"pif_{device}_rx": 1.0 for device in ("eth0", "eth1", "eth2", "bond0")},
        vm={"vif_0_rx": 1.0, "vif_1_rx": 1.0},
    )
    model = build(records({**POOL, "network": same, "vif": vifs}), values)
    for family in table_families(TABLES, model, "Pool"):
        pairs = [labels.pairs for labels, _ in family.samples]
        assert len(pairs) == len({*pairs}), family.name
    assert len(samples(model, "xo_host_network_receive_bytes_per_second")) == 4
    assert len(samples(model, "xo_vm_network_receive_bytes_per_second")) == 2


# --- what is absent


def test_a_pool_without_networks_has_no_samples() -> None:
    """A pool of which XAPI tells of no network has a count of 0, and nothing else."""
    tables = {name: POOL[name] for name in ("pool", "host", "host_metrics")}
    model = build(records(tables), {"h": None})
    found = {
        family.name: [float(value) for _, value in family.samples]
        for family in table_families(TABLES, model, "Pool")
        if family.samples
    }
    assert found == {"xo_pool_duplicate_macs": [0.0]}


def test_next_to_nothing_is_known() -> None:
    """Records that have a UUID alone, and links to nothing, cost no more than their labels."""
    tables = {
        "pool": POOL["pool"],
        "vm": {"v": {"power_state": "Halted"}},
        "network": {"n": {}},
        "pif": {"p": {"host": "gone", "network": "gone", "bond_slave_of": "gone"}},
        "pif_metrics": {"m": {}},
        "bond": {"b": {"master": "gone"}},
        "vif": {"i": {"VM": "v", "network": "gone"}},
    }
    model = build(records(tables), {})
    found = {
        family.name: [labels.pairs for labels, _ in family.samples]
        for family in table_families(TABLES, model, "Pool")
        if family.samples
    }
    network_labels = (("container", "Pool"), ("pool", "Pool"), ("uuid", "n"))
    vm_labels = (("container", "Pool"), ("pool", "Pool"), ("uuid", "v"))
    assert found == {
        "xo_network_info": [network_labels],
        "xo_network_pifs": [network_labels],
        "xo_network_vifs": [network_labels],
        "xo_pool_duplicate_macs": [(("name_label", "Pool"), ("pool", "Pool"), ("uuid", "pool"))],
        "xo_pif_info": [(("pool", "Pool"), ("uuid", "p"))],
        "xo_bond_info": [(("pool", "Pool"), ("uuid", "b"))],
        "xo_bond_links": [(("pool", "Pool"), ("uuid", "b"))],
        "xo_vif_info": [(("pool", "Pool"), ("uuid", "i"), ("vm_uuid", "v"))],
        "xo_vm_vifs": [vm_labels],
        "xo_vm_attached_vifs": [vm_labels],
    }


@pytest.mark.parametrize("generation", ["g1", "g4"])
def test_an_estate(generation: Generation) -> None:
    """Of an old pool as of a new one there are all interfaces, with what is wrong with some."""
    database = make_estate(hosts=3, vms=20, seed=1, generation=generation)
    spelled = {name.lower(): name for name in database.tables}
    tables = {name: database.tables[spelled[name]] for name in CLASSES}
    model = build(msgspec.convert(tables, Records, strict=False), {})
    assert len(samples(model, "xo_pif_info")) == len(database.tables["PIF"])
    assert len(samples(model, "xo_network_info")) == len(database.tables["network"])
    assert 0 < len(samples(model, "xo_vif_info")) <= len(database.tables["VIF"])
    assert sorted(value for _, value in samples(model, "xo_bond_links_up")) == [1.0, 2.0, 2.0]
    assert [value for _, value in samples(model, "xo_bond_links")] == [2.0] * 3
    without_carrier = [labels for labels, value in samples(model, "xo_pif_carrier") if not value]
    assert [labels["device"] for labels in without_carrier] == ["eth2"]
    down = [labels for labels, value in samples(model, "xo_pif_attached") if not value]
    assert [labels["network"] for labels in down if "bond" not in labels] == ["DMZ (VLAN 20)"]
    assert [value for _, value in samples(model, "xo_pool_duplicate_macs")] == [1.0]
    assert len(samples(model, "xo_vif_duplicate_mac")) == 2
