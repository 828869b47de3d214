"""Build what a release has, and try it as its users will.

    python deploy/release/check.py dist [--tag v1.2.3]

dist/packages/ then has the sdist and the wheel that is made from it, dist/ the SBOM of an
environment with the wheel in it. What docs/install.md says of pipx is run in a clean clone. All
programs are those of the environment that this runs in.
"""

import argparse
import email
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import NoReturn

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from prometheus_client.parser import text_string_to_metric_families

from xo_exporter import __version__

ROOT = Path(__file__).parents[2]
NAME = f"xo_exporter-{__version__}"
STARTS_IN = 60.0  # seconds
# What the package is not without, beside its modules.
DATA = ("xo_exporter/py.typed",)


def _fail(message: str) -> NoReturn:
    sys.exit(f"release-check: {message}")


def _run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
    done = subprocess.run(  # noqa: S603  ours
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        _fail(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def _own(program: str) -> Path:
    return Path(sys.executable).with_name(program)


def built(packages: Path, work: Path) -> Path:
    """Build the sdist, and from it the wheel: give the wheel."""
    _run(_own("hatchling"), "build", "--target", "sdist", "--directory", packages)
    with tarfile.open(packages / f"{NAME}.tar.gz") as archive:
        archive.extractall(work, filter="data")
    _run(
        *(_own("hatchling"), "build", "--target", "wheel", "--directory", packages),
        cwd=work / NAME,
    )
    return packages / f"{NAME}-py3-none-any.whl"


def check_contents(wheel: Path) -> None:
    """See that the wheel is the package as it is here, nothing more and nothing less."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = email.message_from_bytes(archive.read(f"{NAME}.dist-info/METADATA"))
    listed = _run("git", "ls-files", "--cached", "--others", "--exclude-standard", "xo_exporter")
    package = {name for name in listed.split() if (ROOT / name).exists()}
    if inside != package:
        _fail(f"the wheel and the package differ: {', '.join(sorted(inside ^ package))}")
    if missing := [name for name in DATA if name not in inside]:
        _fail(f"the wheel lacks {', '.join(missing)}")
    if metadata["Version"] != __version__:
        _fail(f"the wheel is of version {metadata['Version']}, the package of {__version__}")


def check_changelog(tag: str | None) -> None:
    """See that what is released has its tag and its section of the changelog."""
    if tag is None:
        return
    if tag != f"v{__version__}":
        _fail(f"the tag is {tag}, the version {__version__}: see docs/release.md")
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if f"\n## [{__version__}]" not in changes:
        _fail(f"CHANGELOG.md has no section [{__version__}]: see docs/release.md")


def installed(wheel: Path, environment: Path) -> Path:
    """Install the wheel, with what is pinned and no more: give its Python."""
    venv.create(environment, with_pip=False)
    python = environment / "bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--quiet")
    hashes = ("--require-hashes", "--requirement", ROOT / "constraints/runtime.txt")
    _run(*pip, "--disable-pip-version-check", "install", *hashes)
    _run(*pip, "--disable-pip-version-check", "install", "--no-index", "--no-deps", wheel)
    _run(*pip, "check")
    return python


def by_pipx(work: Path) -> Path:
    """Run what docs/install.md says of pipx, in a clone of what is committed: give the program.

    Its dependencies are the newest that there are, as its users get them.
    """
    page = (ROOT / "docs/install.md").read_text("utf-8")
    recipe = re.search(r"^## pip and pipx\n+```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    if recipe is None or "pipx install ." not in recipe[1]:
        _fail("docs/install.md does not begin with pipx where it says so")
    clone = work / "clone"
    _run("git", "clone", "--quiet", ROOT, clone)
    places = {name: str(work / "pipx" / name) for name in ("HOME", "BIN_DIR", "MAN_DIR")}
    _run(
        *("sh", "-euc", recipe[1]),
        cwd=clone,
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **{f"PIPX_{name}": place for name, place in places.items()},
    )
    return Path(places["BIN_DIR"]) / "xo-exporter"


def check_demo(program: Path, work: Path) -> int:
    """Run the demo and scrape it: give how many samples came."""
    if __version__ not in _run(program, "--version", cwd=work):
        _fail("--version says another version")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen([program, "demo", "--listen", listen], cwd=work)  # noqa: S603  ours
    try:
        text = _answer(f"http://{listen}/metrics", process)
        page = _answer(f"http://{listen}/", process)
        process.terminate()
        if process.wait(30) != 0:
            _fail(f"the demo ended with {process.returncode}")
    finally:
        process.kill()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    if samples.get(("xo_up", "demo")) != 1:
        _fail("the demo's pool is not up")
    if "xo_exporter_build_info" not in {key[0] for key in samples} or "demo" not in page:
        _fail("the demo doesn't show itself")
    return len(samples)


def _answer(url: str, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + STARTS_IN
    while True:
        try:
            with urllib.request.urlopen(url, timeout=STARTS_IN) as answer:  # noqa: S310  loopback
                return str(answer.read().decode())
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                _fail(f"{url} does not answer")
            time.sleep(0.1)


def write_sbom(python: Path, path: Path) -> int:
    """Write down what is in the environment: give how many components it has.

    Left out is where each came from: an address of this machine, or of its index.
    """
    document = json.loads(
        _run(
            *(_own("cyclonedx-py"), "environment", "--output-reproducible"),
            *("--pyproject", ROOT / "pyproject.toml", "--spec-version", "1.6", python),
        )
    )
    document["metadata"]["component"]["version"] = __version__
    components: list[dict[str, object]] = document["components"]
    for component in components:
        component.pop("externalReferences", None)
    text = json.dumps(document, indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        _fail(f"the SBOM is not valid: {error}")
    if "file:" in text or str(ROOT) in text:
        _fail("the SBOM names paths of this machine")
    path.write_text(text + "\n", "utf-8")
    return len(components)


def main() -> None:
    """Do all of it, and say what was seen."""
    parser = argparse.ArgumentParser(description="Build what a release has, and try it.")
    parser.add_argument("dist", type=Path)
    parser.add_argument("--tag", help="the tag that is released: is it the version?")
    arguments = parser.parse_args()
    check_changelog(arguments.tag)
    dist = arguments.dist.absolute()
    packages = dist / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel = built(packages, work)
        check_contents(wheel)
        _run(_own("twine"), "check", "--strict", *sorted(packages.iterdir()))
        python = installed(wheel, work / "environment")
        samples = check_demo(python.with_name("xo-exporter"), work)
        check_demo(by_pipx(work), work)
        sbom = dist / f"{NAME}.cdx.json"
        components = write_sbom(python, sbom)
    sys.stdout.write(
        f"{wheel.name}: installs, also by pipx, and its demo has {samples} samples\n"
        f"{sbom.name}: {components} components\n"
    )


if __name__ == "__main__":
    main()
