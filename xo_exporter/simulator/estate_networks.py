"""The pool's networks, and what each host has on them: NICs, bonds, VLANs."""

from typing import NamedTuple

from xo_exporter.simulator.estate_plan import Plan

VLANS = ((10, "Servers"), (20, "DMZ"))


class Networks(NamedTuple):
    """The pool-wide networks by what they are for; VLANs in the order of `VLANS`."""

    management: str
    storage: str
    first: str
    second: str
    vlans: list[str]


def make_networks(plan: Plan) -> Networks:
    """Make the networks that every host has a PIF on, and the internal one."""

    def network(label: str, bridge: str, description: str = "", mtu: str = "1500") -> str:
        ref = plan.add(
            "network",
            name_label=label,
            name_description=description,
            bridge=bridge,
            MTU=mtu,
            managed=True,
            purpose=["nbd"] if bridge == "xapi1" else [],
            other_config={} if description else {"automatic": "false"},
        )
        plan.networks.append(ref)
        return ref

    management = network("Pool-wide network associated with eth0", "xenbr0", "Management")
    first = network("Pool-wide network associated with eth1", "xenbr1")
    second = network("Pool-wide network associated with eth2", "xenbr2")
    storage = network("Bond 1+2", "xapi0", "Storage and migration", "9000")
    vlans = [
        network(f"{label} (VLAN {tag})", f"xapi{number + 1}", label)
        for number, (tag, label) in enumerate(VLANS)
    ]
    plan.add(
        "network",
        name_label="Host internal management network",
        name_description="Network on which guests will be assigned a private link-local address",
        bridge="xenapi",
        MTU="1500",
        other_config={"is_host_internal_management_network": "true", "ip_begin": "169.254.0.1"},
    )
    return Networks(management, storage, first, second, vlans)


def make_nics(plan: Plan, host: str, number: int, networks: Networks) -> None:
    """Make a host's NICs, the bond over two of them and the VLANs on that."""
    pifs = []
    for nic, network in enumerate((networks.management, networks.first, networks.second)):
        has_carrier = not (number == 1 and nic == 2)
        metrics = _pif_metrics(plan, nic, has_carrier=has_carrier)
        pifs.append(
            plan.add(
                "PIF",
                device=f"eth{nic}",
                network=network,
                host=host,
                MAC=plan.ids.mac(),
                MTU="9000" if nic else "1500",
                metrics=metrics,
                physical=True,
                currently_attached=True,
                ip_configuration_mode="None" if nic else "Static",
                IP="" if nic else f"192.0.2.{number % 250 + 1}",
                netmask="" if nic else "255.255.255.0",
                gateway="" if nic else "192.0.2.254",
                DNS="" if nic else "192.0.2.253",
                management=nic == 0,
                managed=True,
                properties={"gro": "on"},
                capabilities=["sriov"] if nic else [],
                disallow_unplug=nic == 0,
            )
        )
    bond_pif = plan.add(
        "PIF",
        device="bond0",
        network=networks.storage,
        host=host,
        MAC=plan.ids.mac(),
        MTU="9000",
        metrics=_pif_metrics(plan, 1, has_carrier=True),
        currently_attached=True,
        ip_configuration_mode="Static",
        IP=f"198.51.100.{number % 250 + 1}",
        netmask="255.255.255.0",
        managed=True,
    )
    bond = plan.add(
        "Bond",
        master=bond_pif,
        primary_slave=pifs[1],
        mode="lacp",
        links_up="1" if number == 1 else "2",
        properties={"hashing_algorithm": "tcpudp_ports"},
        auto_update_mac=True,
    )
    for slave in pifs[1:]:
        plan.database.modify("PIF", slave, bond_slave_of=bond)
    for (tag, _), network in zip(VLANS, networks.vlans, strict=True):
        plan.add(
            "PIF",
            device="bond0",
            network=network,
            host=host,
            MAC=plan.database.tables["PIF"][bond_pif]["MAC"],
            MTU="1500",
            VLAN=str(tag),
            metrics=_pif_metrics(plan, 1, has_carrier=True),
            currently_attached=True,
            managed=True,
        )


def _pif_metrics(plan: Plan, nic: int, *, has_carrier: bool) -> str:
    return plan.add(
        "PIF_metrics",
        carrier=has_carrier,
        vendor_id="8086",
        vendor_name="Intel Corporation",
        device_id="1521" if nic == 0 else "10fb",
        device_name="I350 Gigabit Network Connection"
        if nic == 0
        else "82599ES 10-Gigabit SFI/SFP+",
        speed=("1000" if nic == 0 else "10000") if has_carrier else "0",
        duplex=has_carrier,
        pci_bus_path=f"0000:{nic + 1:02x}:00.0",
        last_updated=plan.ago(40),
    )
