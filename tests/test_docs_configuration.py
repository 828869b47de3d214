"""What the documents say of the configuration and the command line is so."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import trustme
import yaml

from xo_exporter import logs
from xo_exporter.cli import cli, reference
from xo_exporter.cli.meanings import KEYS, VARIABLES
from xo_exporter.collector import Collector
from xo_exporter.config import Config, load
from xo_exporter.errors import ConfigError
from xo_exporter.metrics.selection import choosable_names
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.web.application import application
from xo_exporter.web.web_config import read_web_config

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
PINNED = "AB:" * 31 + "CD"
PROGRAM = re.compile(
    r"(?:(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\S*/)?|docker run .* |kubectl .* -- )xo-exporter (\S.*)"
)


def _id(page: Path, text: str) -> str:
    return f"{page.relative_to(ROOT)}: {' '.join(text.split())[:40]}"


def _blocks(page: Path, *languages: str) -> Iterator[str]:
    """Give the text of each block of code in one of these languages."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        if found[2] in languages:
            yield re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE)


def _commands(page: Path) -> Iterator[str]:
    """Give the arguments of each call of our program that a page shows."""
    shell = "\n".join(_blocks(page, "sh", "console")).replace("\\\n", " ").splitlines()
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`(xo-exporter [^`]+)`", prose.replace("\n", " "))
    for line in (*shell, *spans):
        if found := PROGRAM.fullmatch(line.strip()):
            yield re.split(r" [>|&]", found[1])[0]


def _parse(words: list[str]) -> None:
    """Take a command line as the program does, without running it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        if found is None:
            raise click.UsageError(f"there is no command {name}")
        command = found
    command.make_context("xo-exporter", words)


SHOWN = [(page, text) for page in PAGES for text in dict.fromkeys(_commands(page))]


@pytest.mark.parametrize(("page", "text"), SHOWN, ids=[_id(*shown) for shown in SHOWN])
def test_commands_parse(page: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of the program that a page shows has commands and options that exist."""
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    try:
        _parse(shlex.split(text, comments=True))
    except click.exceptions.Exit:  # --version and --help
        return
    except click.UsageError as error:
        pytest.fail(f"{_id(page, text)}: {error.format_message()}")


@pytest.mark.parametrize("words", ["srve", "serve --confg x", "completion tcsh"])
def test_a_wrong_command_would_be_seen(words: str) -> None:
    """What isn't there, or takes something else, is not let through."""
    with pytest.raises(click.UsageError):
        _parse(words.split())
    assert PROGRAM.fullmatch(f"X=1 .venv/bin/xo-exporter {words}")


def test_the_reference_of_the_configuration_is_that_of_the_code() -> None:
    """docs/configure.md is what `make configure-doc` writes."""
    assert (ROOT / "docs" / "configure.md").read_text("utf-8") == reference.document()


def test_every_option_says_what_it_is() -> None:
    """No row of a table has an empty cell at its end."""
    text = (ROOT / "docs" / "configure.md").read_text("utf-8")
    assert not re.findall(r"^\|.*\| *\|$", text, re.MULTILINE)


def _load(path: Path, config: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(config), "utf-8")
    load(path, {}, collectors=COLLECTORS, metrics=choosable_names())


POOL = {"url": "https://xcp1.example.org", "username": "monitor", "password": "x"}


@pytest.mark.parametrize("key", ["", *(key for key, one in KEYS.items() if one.value == "mapping")])
def test_every_key_is_documented(key: str, tmp_path: Path) -> None:
    """A key that nobody knows is answered by those that there are: the documented ones."""
    inner: Any = {"no_such_key": 1}
    top: dict[str, Any] = {"pools": [POOL]}
    if key.startswith("pools[]."):
        top["pools"] = [{**POOL, key.removeprefix("pools[]."): inner}]
    else:
        top |= {key: inner} if key else inner
    with pytest.raises(ConfigError, match="unknown key") as error:
        _load(tmp_path / "xo.yml", top)
    known = str(error.value).rpartition("expected one of ")[2].split(", ")
    before = f"{key}." if key else ""
    documented = [
        name.removeprefix(before)
        for name in KEYS
        if name.startswith(before) and "." not in name.removeprefix(before)
    ]
    assert sorted(documented) == sorted(known)


def test_every_key_of_a_pool_is_documented(tmp_path: Path) -> None:
    """The same for the mappings in the list of pools."""
    with pytest.raises(ConfigError, match="unknown key") as error:
        _load(tmp_path / "xo.yml", {"pools": [{**POOL, "no_such_key": 1}]})
    known = str(error.value).rpartition("expected one of ")[2].split(", ")
    documented = [key.split(".")[1] for key in KEYS if key.count(".") == 1 and key[:5] == "pools"]
    assert sorted(documented) == sorted(known)


class _Asked(dict[str, str]):
    """An environment that remembers which variables were looked up."""

    def __init__(self, **variables: str) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        """Give the variable, and remember its name."""
        self.names.add(key)
        return super().get(key, default)


def test_every_variable_is_documented() -> None:
    """What is looked up in the environment is what is documented."""
    environ = _Asked(
        XO_EXPORTER_URL=POOL["url"], XO_EXPORTER_USERNAME="monitor", XO_EXPORTER_PASSWORD="x"
    )
    load(None, environ, collectors=COLLECTORS)
    assert environ.names == set(VARIABLES)


def test_every_route_is_documented() -> None:
    """The paths in the table are those that the server has."""
    app = application(Collector(Config(pools=(), collectors=dict(COLLECTORS))))
    served = {route.resource.canonical for route in app.router.routes() if route.resource}
    text = (ROOT / "docs" / "configure.md").read_text("utf-8")
    table = text.split("## What it serves", 1)[1].split("## ", 1)[0]
    assert set(re.findall(r"^\| `([^`?]+)", table, re.MULTILINE)) == served


def _with_files(value: Any, folder: Path) -> Any:
    """Give a configuration with files and certificates that exist in place of the examples."""
    stand_ins = {
        "password_file": str(folder / "password"),
        "fingerprint_sha256": [PINNED],
        **dict.fromkeys(("ca_file", "cert_file", "client_ca_file"), str(folder / "crt.pem")),
        "key_file": str(folder / "key.pem"),
    }
    if isinstance(value, dict):
        return {key: stand_ins.get(key) or _with_files(one, folder) for key, one in value.items()}
    return [_with_files(one, folder) for one in value] if isinstance(value, list) else value


SNIPPETS = [(page, text) for page in PAGES for text in _blocks(page, "yaml")]


@pytest.mark.parametrize(("page", "text"), SNIPPETS, ids=[_id(*shown) for shown in SNIPPETS])
def test_configurations_load(page: Path, text: str, tmp_path: Path) -> None:
    """Each piece of a configuration on a page is one; of other programs' files it is YAML."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "crt.pem")
    authority.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "password").write_text("x")
    found = _with_files(yaml.safe_load(text), tmp_path)
    assert isinstance(found, dict), _id(page, text)
    if {"tls_server_config", "basic_auth_users"} & found.keys():
        (tmp_path / "web.yml").write_text(yaml.safe_dump(found), "utf-8")
        assert read_web_config(tmp_path / "web.yml").users
    elif found.keys() <= {key for key in KEYS if "." not in key}:
        _load(tmp_path / "xo.yml", {"pools": [POOL], **found})
