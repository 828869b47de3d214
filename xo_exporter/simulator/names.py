"""Words and seeded identifiers that a believable estate is made of."""

import random
import uuid

PLANETS = (
    "atlas", "titan", "rhea", "hyperion", "phoebe", "mimas", "dione", "thetys", "calypso", "janus",
    "pandora", "europa", "callisto", "ganymede", "amalthea", "thebe", "oberon", "titania", "ariel",
    "umbriel", "miranda", "triton", "nereid", "larissa", "proteus", "charon", "ceres", "vesta",
    "pallas", "juno", "hygiea", "eris",
)  # fmt: skip

ROLES = (
    ("web", "nginx behind the load balancer", "Debian GNU/Linux 12 (bookworm)", "debian"),
    ("api", "Public API, two replicas per site", "Ubuntu 22.04.4 LTS", "ubuntu"),
    ("db", "PostgreSQL", "Debian GNU/Linux 12 (bookworm)", "debian"),
    ("cache", "Redis", "Alpine Linux v3.19", "alpine"),
    ("mail", "Postfix and Dovecot", "Debian GNU/Linux 11 (bullseye)", "debian"),
    ("files", "Samba shares of the offices", "AlmaLinux 9.4 (Seafoam Ocelot)", "almalinux"),
    ("dc", "Domain controller", "Microsoft Windows Server 2022 Standard", "windows"),
    ("rds", "Remote desktops", "Microsoft Windows Server 2019 Standard", "windows"),
    ("ci", "Build runner", "Ubuntu 24.04 LTS", "ubuntu"),
    ("k8s-node", "Kubernetes worker", "Ubuntu 22.04.4 LTS", "ubuntu"),
    ("log", "Log collector", "Rocky Linux 9.3 (Blue Onyx)", "rocky"),
    ("proxy", "HAProxy", "Debian GNU/Linux 12 (bookworm)", "debian"),
    ("erp", "Odoo", "Ubuntu 20.04.6 LTS", "ubuntu"),
    ("monitor", "Prometheus and Grafana", "Debian GNU/Linux 12 (bookworm)", "debian"),
    ("backup", "Backup proxy", "Debian GNU/Linux 12 (bookworm)", "debian"),
    ("test", "Scratch machine, ask before use", "Fedora Linux 39 (Server Edition)", "fedora"),
)
"""What a VM does: the stem of its name, a description, its system's name and distribution."""

STAGES = ("prod", "staging", "dev")

UNICODE_NAMES = (
    "Büro-Archiv", "база-данных", "会計システム", "παλιός-server", 'Zoë "sandbox"',
    "café ☕ kiosk", "naïve\\path", "🦊 build-farm",
)  # fmt: skip

TAGS = ("production", "critical", "gold", "linux", "windows", "team:web", "pci dss", "été")

TEMPLATES = (
    "AlmaLinux 8", "AlmaLinux 9", "CentOS 7", "CentOS Stream 8", "CentOS Stream 9", "CoreOS",
    "Debian Buster 10", "Debian Bullseye 11", "Debian Bookworm 12", "Generic Linux BIOS",
    "Generic Linux UEFI", "Gooroom 2", "NeoKylin Linux Server 7", "Oracle Linux 7",
    "Oracle Linux 8", "Oracle Linux 9", "Other install media", "Red Hat Enterprise Linux 7",
    "Red Hat Enterprise Linux 8", "Red Hat Enterprise Linux 9", "Rocky Linux 8", "Rocky Linux 9",
    "SUSE Linux Enterprise 12 (64-bit)", "SUSE Linux Enterprise 15 (64-bit)", "Scientific Linux 7",
    "Ubuntu Bionic Beaver 18.04", "Ubuntu Focal Fossa 20.04", "Ubuntu Jammy Jellyfish 22.04",
    "Ubuntu Noble Numbat 24.04", "Windows 10 (32-bit)", "Windows 10 (64-bit)", "Windows 11",
    "Windows Server 2012 R2 (64-bit)", "Windows Server 2016 (64-bit)",
    "Windows Server 2019 (64-bit)", "Windows Server 2022 (64-bit)", "XS Desktop legacy",
    "openSUSE Leap 15", "Fedora 39", "Amazon Linux 2023",
)  # fmt: skip

ISOS = (
    "debian-12.5.0-amd64-netinst.iso", "ubuntu-22.04.4-live-server-amd64.iso", "almalinux-9.4.iso",
    "SW_DVD9_Win_Server_STD_CORE_2022.iso", "virtio-win.iso", "rocky-9.3-minimal.iso", "grml64.iso",
)  # fmt: skip


class Identities:
    """References, UUIDs and MAC addresses that repeat with the seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def uuid(self) -> str:
        """Make the next UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def ref(self) -> str:
        """Make the next opaque reference."""
        return f"OpaqueRef:{self.uuid()}"

    def mac(self) -> str:
        """Make the next locally administered MAC address."""
        tail = self.random.getrandbits(40).to_bytes(5, "big")
        return ":".join(f"{byte:02x}" for byte in (0x0A, *tail))
