"""The pool and its hosts: metrics, control domains, CPUs, NICs, bonds, VLANs, certificates."""

from xo_exporter.simulator import estate_texts as texts
from xo_exporter.simulator.estate_networks import Networks, make_nics
from xo_exporter.simulator.estate_plan import GIB, MIB, Plan
from xo_exporter.simulator.names import PLANETS
from xo_exporter.simulator.schema import NULL

DOM0_MEMORY = 4 * GIB


def make_pool(plan: Plan, hosts: int) -> None:
    """Make the pool's record; its master and default SR follow."""
    is_named = hosts > 1
    plan.pool = plan.add(
        "pool",
        name_label="Main pool" if is_named else "",
        name_description="Production pool" if is_named else "",
        tags=["production", "site:north"] if is_named else [],
        ha_enabled=hosts >= 3,
        ha_host_failures_to_tolerate="1" if hosts >= 3 else "0",
        ha_plan_exists_for="1" if hosts >= 3 else "0",
        ha_cluster_stack="xhad",
        ha_configuration={"timeout": "60"} if hosts >= 3 else {},
        other_config={
            "auto_poweron": "true",
            "cpuid_feature_mask": "ffffff7f-ffffffff-ffffffff-ffffffff",
            "memory-ratio-hvm": "0.25",
            "memory-ratio-pv": "0.25",
            "xo:autoLoadBalance:balanceVcpus": "false",
        },
        gui_config={"lastvisit": "2024"},
        health_check_config={"Schedule.Enabled": "false"},
        restrictions={f"restrict_{name}": "false" for name in texts.RESTRICTIONS},
        tls_verification_enabled=True,
        migration_compression=False,
        wlb_verify_cert=True,
        policy_no_vendor_device=False,
        local_auth_max_threads="8",
        ext_auth_max_threads="1",
        telemetry_frequency="weekly",
        last_update_sync=plan.ago(9 * 86400),
        uefi_certificates="",
        coordinator_bias=True,
        license_server={"address": "localhost", "port": "27000"},
        ext_auth_cache_size="50",
        ext_auth_cache_expiry="300",
    )


def make_host(plan: Plan, number: int, networks: Networks) -> str:
    """Make one host with all that belongs to it, but for its memory: that follows its VMs."""
    generation = plan.database.generation
    name = PLANETS[number % len(PLANETS)] + (
        str(number // len(PLANETS) + 1) if number >= 32 else ""
    )
    cpus = plan.random.choice((8, 16, 16, 32))
    boot_age = plan.random.randrange(3, 200) * 86400 + plan.random.randrange(86400)
    metrics = plan.add(
        "host_metrics",
        live=True,
        last_updated=plan.ago(boot_age),
        memory_total="0",
        memory_free="0",
    )
    host = plan.add(
        "host",
        name_label=f"xcp-{name}" if number else "Atlas",
        name_description="Main production host" if number == 0 else f"Rack {number % 8 + 1}",
        hostname=f"xcp-{name}",
        address="",
        memory_overhead=str(420 * MIB + cpus * 2 * MIB),
        enabled=True,
        metrics=metrics,
        API_version_major="2",
        API_version_minor="16" if generation == "g1" else "21",
        API_version_vendor="XenSource",
        allowed_operations=["vm_migrate", "provision", "vm_resume", "evacuate", "vm_start"],
        software_version=texts.software_version(generation, plan.database.release, name),
        other_config={
            "agent_start_time": f"{int(plan.now - boot_age + 60)}.",
            "boot_time": f"{int(plan.now - boot_age)}.",
            "iscsi_iqn": f"iqn.2024-01.org.example:{name}",
            "rpm_patch_installation_time": f"{plan.now - boot_age - 3600:.3f}",
            "multipathing": "false",
        },
        capabilities=["xen-3.0-x86_64", "xen-3.0-x86_32p", "hvm-3.0-x86_32", "hvm-3.0-x86_64", ""],
        sched_policy="credit",
        supported_bootloaders=["pygrub", "eliloader"],
        logging={"syslog_destination": ""},
        cpu_info=texts.cpu_info(cpus),
        license_params=texts.license_params(),
        tags=["rack:" + str(number % 8 + 1)] + (["gpu"] if number == 0 else []),
        edition="xcp-ng",
        editions=["xcp-ng"],
        license_server={"address": "localhost", "port": "27000"},
        bios_strings=texts.bios_strings(f"{plan.random.getrandbits(28):07X}"),
        chipset_info={"iommu": "true"},
        virtual_hardware_platform_versions=["0", "1", "2"],
        iscsi_iqn=f"iqn.2024-01.org.example:{name}",
        tls_verification_enabled=True,
        https_only=False,
        last_software_update=plan.ago(boot_age),
        latest_synced_updates_applied="unknown",
        last_update_hash="",
        ssh_enabled=True,
        secure_boot=number != 1,
        guest_VCPUs_params={},
        power_on_mode="IPMI" if number % 5 == 2 else "",
        power_on_config={"power_on_ip": "192.0.2.7", "power_on_user": "admin"}
        if number % 5 == 2
        else {},
    )
    plan.hosts.append(host)
    plan.database.modify("host", host, control_domain=_control_domain(plan, host, name, boot_age))
    _host_cpus(plan, host, cpus)
    make_nics(plan, host, number, networks)
    _certificates(plan, host, number)
    _features(plan, host)
    if number == 0:
        _devices(plan, host)
    return host


def _control_domain(plan: Plan, host: str, name: str, boot_age: float) -> str:
    memory = str(DOM0_MEMORY)
    metrics = plan.add(
        "VM_metrics",
        memory_actual=memory,
        VCPUs_number="4",
        start_time=plan.ago(boot_age),
        install_time=plan.ago(400 * 86400),
        last_updated=plan.ago(boot_age),
        state=["running"],
        current_domain_type="pv",
    )
    # Old pools show these two references, which lead nowhere, in place of the null one.
    nowhere = "Ref:1" if plan.database.generation == "g1" else NULL
    return plan.add(
        "VM",
        snapshot_of=nowhere,
        parent=nowhere,
        name_label=f"Control domain on host: xcp-{name}",
        name_description="The domain which manages physical devices and manages other domains",
        is_control_domain=True,
        power_state="Running",
        resident_on=host,
        affinity=host,
        memory_overhead=str(11 * MIB),
        memory_target=memory,
        memory_static_max=memory,
        memory_dynamic_max=memory,
        memory_dynamic_min=memory,
        memory_static_min=memory,
        VCPUs_max="4",
        VCPUs_at_startup="4",
        allowed_operations=["changing_dynamic_range", "changing_static_range"],
        actions_after_reboot="destroy",
        actions_after_crash="destroy",
        other_config={"is_system_domain": "true", "storage_driver_domain": "OpaqueRef:0"},
        domid="0",
        version="1",
        user_version="1",
        metrics=metrics,
        domain_type="pv",
    )


def _host_cpus(plan: Plan, host: str, count: int) -> None:
    for number in range(count):
        plan.add(
            "host_cpu",
            host=host,
            number=str(number),
            vendor="GenuineIntel",
            speed="2394",
            modelname="Intel(R) Xeon(R) Silver 4210R CPU @ 2.40GHz",
            family="6",
            model="85",
            stepping="7",
            flags=texts.CPU_FLAGS,
            features="7ffefbff-bfebfbff-00000121-2c100800",
        )


def _certificates(plan: Plan, host: str, number: int) -> None:
    digest = ":".join(f"{plan.random.getrandbits(8):02X}" for _ in range(32))
    left = 20 if number == 1 else plan.random.randrange(200, 3000)
    for kind in ("host", "host_internal"):
        plan.add(
            "Certificate",
            type=kind,
            host=host,
            not_before=plan.ago(365 * 86400),
            not_after=plan.ago(-(left if kind == "host" else 3650) * 86400),
            fingerprint=digest,
            fingerprint_sha256=digest,
            fingerprint_sha1=digest[:59],
        )


def _features(plan: Plan, host: str) -> None:
    for label in ("guefi-secureboot", "nvidia_vgpu_unified_memory"):
        plan.add("Feature", name_label=label, host=host, experimental=False, version="1.0")


def _devices(plan: Plan, host: str) -> None:
    pci = plan.add(
        "PCI",
        class_name="3D controller",
        vendor_name="NVIDIA Corporation",
        device_name="GA107GL [A2 / A16]",
        host=host,
        pci_id="0000:3b:00.0",
        subsystem_vendor_name="NVIDIA Corporation",
        driver_name="nvidia",
    )
    plan.gpu_group = plan.add(
        "GPU_group",
        name_label="Group of NVIDIA Corporation GA107GL [A2 / A16] GPUs",
        GPU_types=["10de/25b6"],
    )
    plan.gpus.append(plan.add("PGPU", PCI=pci, GPU_group=plan.gpu_group, host=host))
    plan.add(
        "PUSB",
        host=host,
        path="1-2",
        vendor_id="0951",
        vendor_desc="Kingston Technology",
        product_id="1666",
        product_desc="DataTraveler 100 G3",
        serial="60A44C413FAEE3A0",
        version="2.10",
        description="Kingston Technology_DataTraveler 100 G3_60A44C413FAEE3A0",
        speed=480.0,
    )


def finish_hosts(plan: Plan) -> None:
    """Give every host memory for the VMs that came to run on it, and settle the pool's fields."""
    database = plan.database
    cpus = sockets = 0
    for host in plan.hosts:
        record = database.tables["host"][host]
        used = int(record["memory_overhead"])
        for vm in record["resident_VMs"]:
            vm_record = database.tables["VM"][vm]
            metrics = database.tables["VM_metrics"][vm_record["metrics"]]
            used += int(metrics["memory_actual"]) + int(vm_record["memory_overhead"])
        # What the BIOS keeps for itself makes a real total no round number.
        total = (
            -(-int(used * 1.35) // (32 * GIB)) * 32 * GIB
            - 97 * MIB
            - plan.random.randrange(999) * 4096
        )
        database.modify(
            "host_metrics",
            record["metrics"],
            memory_total=str(total),
            memory_free=str(total - used),
        )
        cpus += int(record["cpu_info"]["cpu_count"])
        sockets += int(record["cpu_info"]["socket_count"])
    info = {
        **database.tables["host"][plan.hosts[0]]["cpu_info"],
        "cpu_count": str(cpus),
        "socket_count": str(sockets),
    }
    default = plan.shared[0] if plan.shared else plan.local[plan.hosts[0]][0]
    database.modify(
        "pool",
        plan.pool,
        master=plan.hosts[0],
        cpu_info=info,
        default_SR=default.ref,
        suspend_image_SR=default.ref,
        crash_dump_SR=default.ref,
    )
    for host in plan.hosts:
        own = plan.local[host][0].ref
        database.modify("host", host, suspend_image_sr=own, crash_dump_sr=own, local_cache_sr=NULL)
    # The read cache of the first host, on its local storage.
    cached = plan.local[plan.hosts[0]][0].ref
    database.modify("SR", cached, local_cache_enabled=True)
    database.modify("host", plan.hosts[0], local_cache_sr=cached)
    if len(plan.hosts) >= 6:
        database.modify("host", plan.hosts[5], enabled=False)
