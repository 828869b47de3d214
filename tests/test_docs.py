"""What the documents say of the code is so."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.metrics.families import describe

ROOT = Path(__file__).parents[1]
MARKDOWN = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "grafana/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
PAGES = [*MARKDOWN, *ROOT.glob("deploy/prometheus/**/*.yml")]
NAMED = re.findall(
    r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "reliability.md").read_text("utf-8")
)


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Give the language and the text of each block of code."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        yield found[2], re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE)


def _prose(page: Path) -> str:
    """Give the text without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_each_test_that_is_named_exists(file: str, name: str) -> None:
    """A promise in docs/reliability.md names the tests that show it."""
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_promises_have_tests() -> None:
    """Every row of a table names at least one."""
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!---|promise).*\|$", text, re.MULTILINE)
    assert rows
    assert all("::" in row for row in rows)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_each_metric_that_is_named_exists(page: Path) -> None:
    """Each metric that a page names is exported; what others export stands in a table's cells."""
    ours = {family.name for family in describe()}
    text = page.read_text("utf-8")
    if page.name == "migration.md":
        text = re.sub(r"^\| `[^`]*` \|", "", text, flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w/.:])xo_[a-z]+(?:_[a-z]+)*(?![\w/.:])", text))
    assert named - {"xo_exporter"} <= ours


def _anchors(page: Path) -> set[str]:
    """Give the names of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", MARKDOWN, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link within the project leads to a file or a heading that exists."""
    for link in re.findall(r"(?<=\])\(([^)\s]+)\)", _prose(page)):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.is_relative_to(ROOT)
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), f"{target}#{anchor}"


@pytest.mark.parametrize("page", MARKDOWN, ids=_id)
def test_no_repository_is_made_up(page: Path) -> None:
    """Where the project lives is nowhere said, since it may live anywhere."""
    assert not re.search(r"(github|gitlab)\.com/(?!\w+/\w+@)", page.read_text("utf-8"))


@pytest.mark.parametrize("page", MARKDOWN, ids=_id)
def test_each_recipe_exists(page: Path) -> None:
    """What a page says to make is a target of the Makefile."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    shell = (text for language, text in _blocks(page) if language == "sh")
    lines = [*"\n".join(shell).splitlines(), *re.findall(r"`([^`]+)`", _prose(page))]
    named = {found[1] for line in lines if (found := re.match(r"make ([a-z-]+)", line))}
    assert named <= set(targets)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_exist(page: str) -> None:
    """Each file and folder that they name is there, in the project or its package."""
    named = re.findall(r"`([\w*./-]+(?:\.(?:py|md|yml)|/))`", _prose(ROOT / page))
    assert len(named) > 5
    for name in named:
        folders = [ROOT, *(ROOT / part for part in ("xo_exporter", "tests", "docs"))]
        assert any(True for folder in folders for _ in folder.glob(name)), name


def _texts() -> Iterator[str]:
    """Give each text in the code, with `…` for what is put into it."""
    for path in (ROOT / "xo_exporter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                yield "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


TEXTS = "\n".join(text.replace("\n", " ") for text in _texts())
TROUBLES = ROOT / "docs" / "troubleshooting.md"
MESSAGES = [
    message
    for table in re.findall(
        r"^\| it says .*\n((?:\|.*\n)+)", TROUBLES.read_text("utf-8"), re.MULTILINE
    )
    for row in table.splitlines()[1:]
    for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])
]


@pytest.mark.parametrize("message", sorted({*MESSAGES, "readable again", "the pool can't be read"}))
def test_messages_are_those_of_the_program(message: str) -> None:
    """What docs/troubleshooting.md quotes is said by the program, in these words."""
    wanted = ".*".join(re.escape(part) for part in message.split("…"))
    assert re.search(wanted, TEXTS), message


def test_messages_are_found() -> None:
    """There are many of them, and one that nobody says would be missed."""
    assert len(MESSAGES) > 40
    assert "the pool is on holiday" not in TEXTS


INSTALLS = re.compile(
    r"install (?!.* pool[.]password)|systemctl |docker (build|compose)|kubectl |helm |/opt/\S+/pip"
)


def test_ways_to_install_are_said_alike() -> None:
    """What docs/install.md has users run for them stands in deploy/README.md, which is tested."""
    tested = (ROOT / "deploy" / "README.md").read_text("utf-8").splitlines()
    lines = [
        line
        for language, text in _blocks(ROOT / "docs" / "install.md")
        if language == "sh"
        for line in text.splitlines()
        if INSTALLS.match(line)
    ]
    assert len(lines) >= 10
    assert [line for line in lines if line not in tested] == []
