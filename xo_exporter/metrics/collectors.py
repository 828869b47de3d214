"""What each collector is for, and what it costs: for the documents and `--help`."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class About(NamedTuple):
    """A collector in two sentences: what it is for, and how many series it makes."""

    purpose: str
    cost: str


ABOUT: Final[Mapping[str, About]] = {
    "exporter": About(
        "Whether each pool and host could be read, and how long that took; it cannot be off.",
        "About fifteen series a pool and two a host, and two for each plugin that is asked.",
    ),
    "xo": About("Totals of all pools.", "Six series in all."),
    "pool": About("Pools: their master, hosts and VMs.", "Eight series a pool, and one a tag."),
    "pool_state": About(
        "What is going on with a pool as a whole: versions that differ, an upgrade, its secret.",
        "Six series a pool.",
    ),
    "ha": About(
        "High availability: whether it would hold now.",
        "Five series a pool with HA in use, and two a host.",
    ),
    "update": About(
        "Updates: what is missing on a host, and what is to be done after one.",
        "One series a pool; up to twenty a host.",
    ),
    "message": About(
        "XAPI's messages, alarms among them; never their text.",
        "A series for each name, priority and class that is there; two an object with alarms.",
    ),
    "task": About(
        "XAPI's tasks, and those that failed.",
        "About six series a pool, and one for each name of a task that failed.",
    ),
    "xapi": About(
        "The process of XAPI, its sessions and tasks.",
        "Four series a pool, five a host, and two for each group of callers.",
    ),
    "host": About(
        "Hosts: usage of CPUs and memory, state, counts of what they hold.",
        "About seventeen series a host, one for each of its CPUs, and one a tag.",
    ),
    "host_state": About(
        "What hosts are and how they stand: start, maintenance, licence, hardware.",
        "About twenty series a host.",
    ),
    "certificate": About("When certificates of hosts end.", "Two series a certificate."),
    "cluster": About(
        "Clusters of hosts (GFS2): quorum and members.",
        "Six series a cluster and four a host in it; none elsewhere.",
    ),
    "host_load": About("How busy hosts are, beside the usage of their CPUs.", "Six series a host."),
    "cpu_states": About(
        "What power management does with each CPU.",
        "Two to fifteen series for each CPU of each host.",
    ),
    "host_controller": About(
        "Control domains, beside what the collector host has of them.",
        "Two series a host, and one for each virtual CPU of its control domain.",
    ),
    "host_storage": About(
        "What VMs ask of storage, by host and SR.", "Ten series for each SR of each host."
    ),
    "host_storage_throughput": About(
        "Bytes read and written by another counter, which stays when a disk is detached.",
        "Two series for each SR of each host, which say nearly what host_storage does.",
    ),
    "host_network": About(
        "Traffic of hosts by interface.", "Two series for each NIC and bond of each host."
    ),
    "host_hardware": About(
        "Power and GPUs of hosts, as XAPI measures them.",
        "One series a host whose board says it, and six a GPU.",
    ),
    "host_ha": About(
        "How quickly high availability answers on each host.",
        "Three series a host while HA is on.",
    ),
    "host_clock": About("How far the clock of a host is off.", "One series a host."),
    "xenopsd": About("The process of xenopsd.", "Fourteen series a host."),
    "plugin_updater": About(
        "Packages with an update, as the plugin updater.py of XCP-ng finds them.",
        "One series a host; the host asks its repositories.",
    ),
    "plugin_ipmi": About(
        "Sensors of hosts, as the plugin ipmitool.py of XCP-ng reads them.",
        "Two series for each sensor of each host; the host asks its BMC.",
    ),
    "plugin_smart": About(
        "Health of hosts' disks, as the plugin smartctl.py of XCP-ng finds it.",
        "One series for each disk of each host; the host asks its disks.",
    ),
    "plugin_xostor": About(
        "SRs on LINSTOR, as the plugin linstor-manager of XCP-ng finds them.",
        "About ten series for each such SR, and three for each node of it.",
    ),
    "vm": About(
        "VMs: usage of CPUs and memory, state, address and system.",
        "About eleven series a VM, one for each virtual CPU, and one a tag.",
    ),
    "vm_state": About(
        "How VMs are set up and what is being done to them: start, HA, affinity, blocked "
        "operations.",
        "Five to seven series a VM.",
    ),
    "vm_guest": About(
        "Guest agents and paravirtual drivers.",
        "Five series a running VM, and one for each of its addresses.",
    ),
    "vm_memory": About("Limits of VMs' memory, and what is free inside.", "Eight series a VM."),
    "vm_disk": About("What each VM asks of each of its disks.", "Ten series a disk in use."),
    "vm_disk_throughput": About(
        "Bytes read and written by another counter, which stays when a disk is detached.",
        "Two series a disk in use, which say nearly what vm_disk does.",
    ),
    "vm_runstate": About(
        "Whether VMs wait for CPUs.",
        "Up to eight series a running VM, where the hosts are told to record them.",
    ),
    "vm_numa": About(
        "Where VMs' memory lies on hosts with several NUMA nodes.",
        "Two series a running VM and one for each node, where the hosts are told to record them.",
    ),
    "vm_pvs_cache": About(
        "PVS-Accelerator of XenServer.", "One series a VM that uses it; none elsewhere."
    ),
    "vm_network": About("Traffic of VMs by VIF.", "Two series a VM, and two a VIF in use."),
    "snapshot": About(
        "Snapshots of VMs, and those that outlived their VM.",
        "Up to three series a VM, two a pool and two an SR.",
    ),
    "backup": About(
        "Backups and replicas by Xen Orchestra, told by what its jobs leave in XAPI.",
        "Up to three series a VM, three for each of its jobs, and three a replica.",
    ),
    "controller_disk": About(
        "Disks that are attached to control domains, as backups that broke leave them.",
        "One series a host, and one for each such disk.",
    ),
    "sr": About("SRs: sizes, and counts of what is on them.", "Six series an SR, and one a tag."),
    "sr_health": About(
        "What is wrong with SRs: detached, unused or lost disks, images to be merged.",
        "About fifteen series an SR.",
    ),
    "pbd": About("Links of hosts and SRs.", "Two series for each SR of each host."),
    "multipath": About(
        "Paths to storage that work now, and how many there were at best.",
        "One series a host; about four for each SR of each host that has several paths.",
    ),
    "vdi": About("Disks: sizes and names.", "Three series a disk."),
    "vdi_health": About("Disks that are lost, and long chains of images.", "Two series a disk."),
    "vdi_details": About(
        "What each disk is: its format, changed block tracking, snapshots.",
        "Six series a disk.",
    ),
    "vbd": About("Links of VMs and disks.", "Two series a disk of a VM."),
    "network": About(
        "Networks, and MAC addresses that are used twice.",
        "Four series a network, one a tag, and one a pool.",
    ),
    "pif": About("Interfaces of hosts: link, speed, address.", "Six series an interface."),
    "bond": About("Bonds of hosts.", "Three series a bond."),
    "vif": About("Links of VMs and networks.", "Two series a VIF."),
}
"""By the name of the collector, in no order."""
