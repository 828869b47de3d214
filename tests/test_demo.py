"""`demo` as somebody who tries it: nothing to configure, and everything there is to see."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.metrics.families import describe
from tests.programs import eventually, get, serving
from xo_exporter.metrics.tables import COLLECTORS

# Shows where series were dropped, and none is.
WITHOUT: Final = {"xo_series_dropped"}
DEMO: Final = ("xo-exporter", "demo", "--listen", "127.0.0.1:PORT")


def families_of(text: str) -> set[str]:
    """Name the families that have samples."""
    return set(re.findall(r"^(xo_\w+)[{ ]", text, re.MULTILINE))


def test_it_serves_at_once(tmp_path: Path) -> None:
    """`demo` needs no configuration: it serves a pool, ready and up, with what is switched on."""
    arguments = (*DEMO, "--hosts", "2", "--vms", "3", "--no-collector.vbd")
    with serving(*arguments, logs=tmp_path) as address:
        text = get(f"http://{address}/metrics")
        assert re.search(r"^xo_up\{.*\} 1\.0$", text, re.MULTILINE)
        assert len(re.findall(r"^xo_host_info\{", text, re.MULTILINE)) == 2
        assert "xo_vdi_info" in text
        assert "xo_vbd_info" not in text
        assert "demo" in get(f"http://{address}/")


def test_it_exports_what_is_chosen(tmp_path: Path) -> None:
    """Collectors, names and the bound on series can be said on the command line."""
    chosen = ("--collector.vdi_details", "--no-collector.host_load", "--metrics.include", "xo_v*")
    rest = ("--metrics.include", "xo_host*", "--metrics.exclude", "xo_vm_*_bytes")
    bound = ("--hosts", "2", "--vms", "9", "--max-series-per-family", "4")
    with serving(*DEMO, *chosen, *rest, *bound, logs=tmp_path) as address:
        text = get(f"http://{address}/metrics")
    found = families_of(text)
    assert {"xo_vdi_read_only", "xo_host_info", "xo_vm_info", "xo_up"} <= found
    assert not {"xo_host_load_average", "xo_vm_memory_size_bytes", "xo_pool_info"} & found
    assert re.search(r'\nxo_series_dropped\{family="xo_vm_info",pool="[^"]*"\} 5\.0\n', text)


def test_it_shows_every_family(tmp_path: Path) -> None:
    """With all collectors on, there are samples of every family that docs/metrics.md lists."""
    every = {family.name for family in describe()} - WITHOUT
    switches = [f"--collector.{name}" for name in COLLECTORS]

    def all_there(address: str) -> Callable[[], bool]:
        # What nobody waits for, of messages and plugins, comes after the first scrape.
        return lambda: not every - families_of(get(f"http://{address}/metrics"))

    with serving(*DEMO, *switches, logs=tmp_path) as address:
        assert eventually(all_there(address))
