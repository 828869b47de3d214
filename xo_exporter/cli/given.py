"""The configuration that a command is given."""

import os
from pathlib import Path

from xo_exporter.config import Config, load
from xo_exporter.metrics.selection import choosable_names
from xo_exporter.metrics.tables import COLLECTORS


def load_config(file: Path | None, *, try_passwords: bool = True) -> Config:
    """The configuration of that file, else of the environment. Raises ConfigError."""
    return load(
        file,
        os.environ,
        collectors=COLLECTORS,
        metrics=choosable_names(),
        try_passwords=try_passwords,
    )
