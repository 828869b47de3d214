"""Records: what of a map that anybody writes to is kept at all."""

import msgspec

from xo_exporter.xapi.records import PBD, Host


def test_paths_are_all_that_is_kept_of_a_pbd() -> None:
    """Of PBD.other_config the keys of storage drivers are kept, of device_config one."""
    record = {
        "uuid": "p",
        "other_config": {
            "multipathed": "true",
            "iscsi_sessions": "2",
            "mpath-36001405": "[2, 2]",
            "chappassword": "S3CRET",
        },
        "device_config": {"provisioning": "thin", "password": "S3CRET"},
    }
    pbd = msgspec.convert(record, PBD)
    assert pbd.other_config == {
        "multipathed": "true",
        "iscsi_sessions": "2",
        "mpath-36001405": "[2, 2]",
    }
    assert "S3CRET" not in repr(pbd)


def test_operations_that_come_and_go_make_no_difference() -> None:
    """A host on which VMs are started is the same record as one where nothing goes on."""
    records = [
        msgspec.convert({"uuid": "h", "current_operations": operations}, Host)
        for operations in ({}, {"t1": "vm_start", "t2": "S3CRET"}, {"t1": "evacuate"})
    ]
    assert records[0] == records[1] != records[2]
    assert records[2].current_operations == {"t1": "evacuate"}
