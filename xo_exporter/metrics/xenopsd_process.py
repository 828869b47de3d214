"""Metrics of xenopsd's own process on each host, from its RRDs.

The sources begin with the name of the program, which is `xenopsd-xc` on all that is sold today.
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.source import Source, SourceTable
from xo_exporter.model.objects import Host

_KIB: Final = 1024.0


def _source(name: str, help_text: str, source: str, factor: float = 1.0) -> Source[Host]:
    pattern = f"xenopsd[^_]*_{source}"
    return Source(f"xo_host_xenopsd_{name}", help_text, pattern, factor, since="23.0")


TABLE: Final = SourceTable[Host](
    collector="xenopsd",
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.values,
    metrics=(
        _source(
            "virtual_memory_bytes",
            "Memory that a host's xenopsd has mapped, from RRD xenopsd-xc_vmsize.",
            "vmsize",
            _KIB,
        ),
        _source(
            "resident_memory_bytes",
            "Memory that a host's xenopsd takes, from RRD xenopsd-xc_rss; new every few minutes.",
            "rss",
            _KIB,
        ),
        _source(
            "locked_memory_bytes",
            "Memory that a host's xenopsd has locked, from RRD xenopsd-xc_vmlck.",
            "vmlck",
            _KIB,
        ),
        _source(
            "pinned_memory_bytes",
            "Memory that a host's xenopsd has pinned, from RRD xenopsd-xc_vmpin.",
            "vmpin",
            _KIB,
        ),
        _source(
            "data_memory_bytes",
            "Memory of a host's xenopsd that is writable, private and no stack of the first "
            "thread, from RRD xenopsd-xc_vmdata.",
            "vmdata",
            _KIB,
        ),
        _source(
            "stack_memory_bytes",
            "Memory of the stack of the first thread of a host's xenopsd, from RRD "
            "xenopsd-xc_vmstk.",
            "vmstk",
            _KIB,
        ),
        _source(
            "page_table_memory_bytes",
            "Memory of the page tables of a host's xenopsd, from RRD xenopsd-xc_vmpte.",
            "vmpte",
            _KIB,
        ),
        _source(
            "other_memory_bytes",
            "Memory of a host's xenopsd that is neither heap nor stack, from RRD "
            "xenopsd-xc_mem_extra.",
            "mem_extra",
            _KIB,
        ),
        _source(
            "heap_size_bytes",
            "Size of the heap of a host's xenopsd, from RRD xenopsd-xc_ocaml_total.",
            "ocaml_total",
            _KIB,
        ),
        _source(
            "heap_free_bytes",
            "What is free in the heap of a host's xenopsd, from RRD xenopsd-xc_ocaml_free; new "
            "every few minutes.",
            "ocaml_free",
            _KIB,
        ),
        _source(
            "heap_live_bytes",
            "What is in use of the heap of a host's xenopsd, at most, from RRD "
            "xenopsd-xc_ocaml_maybe_live; new every few minutes.",
            "ocaml_maybe_live",
            _KIB,
        ),
        _source(
            "allocation_bytes_per_second",
            "Memory that a host's xenopsd allocates, from RRD xenopsd-xc_ocaml_allocation_rate.",
            "ocaml_allocation_rate",
            _KIB,
        ),
        _source(
            "threads",
            "Threads of a host's xenopsd, from RRD xenopsd-xc_threads.",
            "threads",
        ),
        _source(
            "fd_table_size",
            "File descriptors that a host's xenopsd has room for, which is more than it has open, "
            "from RRD xenopsd-xc_fdsize.",
            "fdsize",
        ),
    ),
)
