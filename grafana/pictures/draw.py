"""Draws pictures of the dashboards: `make pictures`, or with ARGS="--prometheus URL".

Perses draws them, not Grafana, from the same queries, in a Chromium without a window. Without a
Prometheus given it runs the demo and one that scrapes it each second for some minutes. A picture
is of the upper part of a dashboard: what fits into its height.
"""

import argparse
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from grafana.build import FOLDER
from grafana.pictures.perses import drawn

HERE: Final = Path(__file__).parent
RULES: Final = HERE.parents[1] / "deploy/prometheus/rules"
WIDTH, ROW, MARGIN = 1400, 30, 8  # pixels: of a picture, of a row of the grid, around all
HEIGHT: Final = 34  # rows of the grid at most
EXPORTER, PROMETHEUS, PAGE = "127.0.0.1:19975", "127.0.0.1:19976", 19977


def bundle(folder: Path) -> None:
    """Install the components where they are missing, and make one script of page.jsx."""
    if not (HERE / "node_modules").is_dir():
        install = ["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund"]
        subprocess.run([*install, "--ignore-scripts", "--legacy-peer-deps"], cwd=HERE, check=True)
    query = HERE / "node_modules/@tanstack/react-query/build/lib/index.mjs"
    subprocess.run(
        [
            *("npx", "esbuild", "page.jsx", "--bundle", "--minify", "--log-level=error"),
            f"--outfile={folder / 'page.js'}",
            '--define:process.env.NODE_ENV="production"',
            "--define:global=window",
            *("--loader:.woff=dataurl", "--loader:.woff2=dataurl"),
            # Without it there are two copies of this library, and neither finds the other's client.
            f"--alias:@tanstack/react-query={query}",
        ],
        cwd=HERE,
        check=True,
    )
    (folder / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
        f'<body style="margin:{MARGIN}px"><div id="root"></div><script src="page.js"></script>'
    )


@contextmanager
def site(folder: Path, prometheus: str) -> Iterator[None]:
    """Serve the page, and beside it Prometheus' API, which a browser asks at one address only."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = prometheus + self.path.removeprefix("/prometheus")
            kind = {"Content-Type": self.headers.get("Content-Type", "")}
            try:
                with urllib.request.urlopen(urllib.request.Request(url, body, kind)) as answer:
                    status, text = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, text = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", PAGE), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextmanager
def demo(folder: Path, minutes: int) -> Iterator[str]:
    """Run the demo and a Prometheus for as long as the pictures are to show."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{RULES}/*.yml']\n"
        "scrape_configs:\n  - {job_name: xo, honor_labels: true, "
        f'static_configs: [{{targets: ["{EXPORTER}"]}}]}}\n'
    )
    commands = [
        [sys.executable, "-m", "xo_exporter", "demo", "--listen", EXPORTER],
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={PROMETHEUS}",
        ],
    ]
    silent = subprocess.DEVNULL
    running = [subprocess.Popen(command, stdout=silent, stderr=silent) for command in commands]
    try:
        print(f"scraping the demo for {minutes} minutes")
        time.sleep(minutes * 60)
        yield f"http://{PROMETHEUS}"
    finally:
        for process in running:
            process.terminate()
            process.wait(20)


def variables(prometheus: str, minutes: int) -> dict[str, str]:
    """Give what is selected: everything, and one host and VM with something to show."""

    def first(query: str, label: str = "uuid") -> str:
        url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url) as answer:
            return str(json.load(answer)["data"]["result"][0]["metric"][label])

    steady = f"topk(1, count_over_time(xo_vm_memory_usage_bytes[{minutes}m]))"
    return {
        "pool": ".*",
        "container": ".*",
        "sr": ".*",
        "job": "xo",
        "growth": "1d",
        "__range": f"{minutes}m",
        "__rate_interval": "20s",
        "host": first("topk(1, xo_host_running_vms)"),
        "host_name": first("topk(1, xo_host_running_vms)", "name_label"),
        "vm": first(steady),
    }


def draw(prometheus: str, target: Path, uids: list[str], minutes: int) -> None:
    """Draw the dashboards into a folder."""
    chosen = variables(prometheus, minutes)
    now = int(time.time() * 1000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle(folder)
        with site(folder, prometheus):
            for path in sorted(FOLDER.glob("*.json")):
                if uids and path.stem not in uids:
                    continue
                panels = [drawn(panel, chosen) for panel in _upper(path)]
                page = {"start": now - minutes * 60_000, "end": now, "panels": panels}
                (folder / "page.json").write_text(json.dumps(page))
                rows = max(panel["y"] + panel["h"] for panel in panels)
                _photograph(folder, target / f"{path.stem}.png", rows * ROW + 2 * MARGIN)


def _upper(path: Path) -> list[dict[str, Any]]:
    """Give the panels of a dashboard that fit into a picture, and rows that have any."""
    panels = json.loads(path.read_text("utf-8"))["panels"]
    fitting = [p for p in panels if p["gridPos"]["y"] + p["gridPos"]["h"] <= HEIGHT]
    while fitting[-1]["type"] == "row":
        fitting.pop()
    return fitting


def _photograph(folder: Path, picture: Path, height: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--hide-scrollbars", *quiet),
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={WIDTH},{height}",
            "--virtual-time-budget=20000",
            f"--screenshot={picture}",
            f"http://127.0.0.1:{PAGE}/index.html",
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    print(f"{picture.name}: {picture.stat().st_size // 1024} KiB")


def main() -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", help="one that has scraped the demo, as http://…")
    parser.add_argument("--minutes", type=int, default=15, help="how much of the past is shown")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder of the pictures")
    parser.add_argument("dashboards", nargs="*", help="their UIDs, such as xo-vm; default: all")
    asked = parser.parse_args()
    if asked.prometheus:
        draw(asked.prometheus, asked.into, asked.dashboards, asked.minutes)
        return
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder), asked.minutes) as prometheus:
        draw(prometheus, asked.into, asked.dashboards, asked.minutes)


if __name__ == "__main__":
    main()
