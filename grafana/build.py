"""Writes the dashboards: `python -m grafana.build [folder]`."""

import json
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import backups, exporter, host, overview, pool, storage, vm
from grafana.pages import dashboard

FOLDER: Final = Path(__file__).parent / "dashboards"
PAGES: Final = (
    overview.PAGE,
    pool.PAGE,
    host.PAGE,
    vm.PAGE,
    storage.PAGE,
    backups.PAGE,
    exporter.PAGE,
)


def built() -> dict[str, str]:
    """Give the text of each dashboard by the name of its file."""
    return {
        f"{page.uid}.json": json.dumps(
            dashboard(page), cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True
        )
        + "\n"
        for page in PAGES
    }


def main(folder: Path = FOLDER) -> None:
    """Write each dashboard into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in built().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
