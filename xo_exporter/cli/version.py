"""What `--version` says."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from xo_exporter import __version__

_NAMED: Final = ("XenAPI", "aiohttp", "msgspec", "lxml", "prometheus-client")


def version_text() -> str:
    """The version, then what it runs on and with: what a report of a bug needs."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    built = f"{python}, {platform.system()} {platform.machine()}"
    libraries = ", ".join(f"{name} {_version_of(name)}" for name in _NAMED)
    return f"xo-exporter, version {__version__}\n{built}\n{libraries}"


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"
