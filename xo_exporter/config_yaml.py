"""A YAML file as places: values that know their line and key path, and what they may hold.

Nothing is converted before it is asked for. So a message can say, in one line, where in which
file what was expected; and what nobody asks for (deep nests, aliases of aliases) costs nothing.
No message holds the text of a YAML error, which may quote a password.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from xo_exporter.errors import ConfigError
from xo_exporter.settings import read_text, shown

T = TypeVar("T")

LONGEST_FILE = 256 * 1024
"""Bytes: room for a thousand pools, and a few seconds of the pure Python parser."""

_DEEPEST = 32
_MOST_PLACES = 100_000
_TAG = "tag:yaml.org,2002:"
_WORDS = {
    f"{_TAG}bool": "boolean",
    f"{_TAG}float": "number",
    f"{_TAG}int": "number",
    f"{_TAG}timestamp": "date",
}
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
# "=" and "<<" are special to YAML 1.1 as keys; as values they are plain text
_TEXT_TAGS = (f"{_TAG}str", f"{_TAG}value", f"{_TAG}merge")
_KINDS: tuple[tuple[type[yaml.Node], tuple[str, ...], str], ...] = (
    (yaml.MappingNode, (f"{_TAG}map",), "a mapping"),
    (yaml.SequenceNode, (f"{_TAG}seq",), "a list"),
    (yaml.ScalarNode, (f"{_TAG}null",), "nothing"),
    (yaml.ScalarNode, _TEXT_TAGS, "text"),
)
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_HARMLESS = re.compile(r"'(?:<[a-z ]+>|[][{},:?-])'")
_EXPLAINED = {
    r"found character '\t' that cannot start any token": "a tab, where YAML takes only spaces",
    "found character": "text that begins with a character special to YAML needs quotes",
    "found undefined alias": "no anchor of this name; text that begins with * needs quotes",
    "found undefined tag handle": "text that begins with ! needs quotes",
    "but found another document": "expected one document, not several",
}


class _Loader(yaml.SafeLoader):
    """PyYAML's parser in Python, which keeps positions, with a bound on nesting."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # no type in its stubs
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


@dataclass(slots=True)
class _Document:
    """What all places of one file share: its name, and how many more of them there may be."""

    name: str
    places_left: int = _MOST_PLACES


@dataclass(frozen=True, slots=True)
class Place:
    """One value of a file: its key path (`pools[0].url`) and its node."""

    document: _Document
    path: str
    node: yaml.Node
    secret: bool = False

    def __post_init__(self) -> None:
        self.document.places_left -= 1
        if self.document.places_left < 0:
            raise self.error("too many values, counted with every alias resolved")

    @property
    def line(self) -> int:
        """The line where the value (of an alias: the value it stands for) begins, from 1."""
        return int(self.node.start_mark.line) + 1

    def error(self, message: str, *, hint: str = "") -> ConfigError:
        """Return the error that says `message` of this place."""
        path = f"{self.path}: " if self.path else ""
        return ConfigError(f"{self.document.name}:{self.line}: {path}{message}", hint=hint)

    def wrong(self, expected: str, *, hint: str = "") -> ConfigError:
        """Return the error that something else was expected than what is here."""
        return self.error(f"expected {expected}, not {self._found()}", hint=hint)

    def text(self) -> str:
        """Return the text here. Raises ConfigError for all else, and for lone surrogates."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag not in _TEXT_TAGS:
            hint = "put it in quotes" if self.node.tag in _WORDS else ""
            raise self.wrong("text", hint=hint)
        text = str(self.node.value)
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise self.error("expected Unicode text, without half a surrogate pair")
        return text

    def parsed(self, parse: Callable[[str], T], expected: str = "") -> T:
        """Return what `parse` makes of the text here; its ConfigError is told of this place.

        With `expected`, a number and its like are refused in these words.
        """
        if expected and self.node.tag in _WORDS:
            raise self.wrong(expected)
        text = self.text()
        return self.tried(lambda: parse(text))

    def tried(self, action: Callable[[], T]) -> T:
        """Return what `action` returns; its ConfigError is told of this place."""
        try:
            return action()
        except ConfigError as error:
            raise self.error(error.message, hint=error.hint) from error

    def boolean(self) -> bool:
        """Return the boolean here, as YAML 1.1 spells it. Raises ConfigError for all else."""
        word = str(self.node.value).lower()
        if self.node.tag != f"{_TAG}bool" or word not in _TRUE + _FALSE:
            raise self.wrong("true or false")
        return word in _TRUE

    def integer(self, *, least: int) -> int:
        """Return the decimal number here, `least` or more. Raises ConfigError for all else."""
        text = str(self.node.value).replace("_", "")
        number = text if self.node.tag == f"{_TAG}int" else ""
        if not re.fullmatch(r"0|[1-9][0-9]{0,17}", number) or int(number) < least:
            raise self.wrong(f"a number of at least {least}")
        return int(number)

    @property
    def is_list(self) -> bool:
        """Whether a list is here."""
        return self.node.tag == f"{_TAG}seq" and isinstance(self.node, yaml.SequenceNode)

    def items(self) -> list["Place"]:
        """Return the places of the list here. Raises ConfigError where there is none."""
        if not self.is_list:
            raise self.wrong("a list")
        return [
            Place(self.document, f"{self.path}[{number}]", node, self.secret)
            for number, node in enumerate(self.node.value)
        ]

    def fields(
        self, known: Collection[str], *, required: Collection[str] = (), secret: str = ""
    ) -> Mapping[str, "Place"]:
        """Return the places of the mapping here, by key; `secret` is the key never to be quoted.

        Raises ConfigError for all but a mapping, and for a key that is unknown, missing or there
        twice. YAML's merge key (`<<`) is followed; what stands beside it wins.
        """
        fields = {}
        for name, (key, value) in self._entries(self.node, depth=0).items():
            if name not in known:
                raise self._unknown(key, known)
            fields[name] = Place(self.document, self._below(name), value, name == secret)
        missing = [name for name in required if name not in fields]
        if missing:
            raise self.error(f"expected the key {missing[0]}, which is missing")
        return fields

    def any_fields(self, *, secret: bool = False) -> Mapping[str, "Place"]:
        """Return the places of the mapping here, whatever its keys; none of them twice.

        With `secret` no value is ever quoted.
        """
        return {
            name: Place(self.document, self._below(name), value, secret)
            for name, (_, value) in self._entries(self.node, depth=0).items()
        }

    def _entries(self, node: yaml.Node, depth: int) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        mapping = Place(self.document, self.path, node)
        if node.tag != f"{_TAG}map" or not isinstance(node, yaml.MappingNode):
            raise mapping.wrong("a mapping")
        if depth > _DEEPEST:
            raise mapping.error("nested too deep")
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                sources = Place(self.document, self.path, value)
                for source in sources.items() if sources.is_list else [sources]:
                    merged = self._entries(source.node, depth + 1) | merged
                continue
            name = self._key_text(key)
            if name in own:
                first = int(own[name][0].start_mark.line) + 1
                again = Place(self.document, self._below(name), key)
                raise again.error(f"expected this key once, line {first} has it already")
            own[name] = (key, value)
        return merged | own

    def _key_text(self, key: yaml.Node) -> str:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in _TEXT_TAGS:
            raise Place(self.document, self.path, key).wrong("text as a key")
        return str(key.value)

    def _below(self, key: str) -> str:
        # without a blank after the colon, the key is a whole "password:value"
        key = key if re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", key) else "(a key)"
        return f"{self.path}.{key}" if self.path else key

    def _unknown(self, key: yaml.Node, known: Collection[str]) -> ConfigError:
        place = Place(self.document, self._below(str(key.value)), key)
        return place.error(f"unknown key, expected one of {', '.join(known)}")

    def _found(self) -> str:
        """Say what is here: text never, a number or its like only where it is no secret."""
        for kind, tags, words in _KINDS:
            if isinstance(self.node, kind) and self.node.tag in tags:
                return words
        if isinstance(self.node, yaml.ScalarNode) and self.node.tag in _WORDS:
            return f"a {_WORDS[self.node.tag]}" if self.secret else shown(self.node.value)
        return "a value with a tag (text that begins with ! needs quotes)"


def read_yaml(path: Path) -> Place:
    """Read the one document of a YAML file. Raises ConfigError."""
    name = shown(path)
    text = read_text(path, limit=LONGEST_FILE)
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{name}:{line}: expected text, not the character U+{ord(text[error.position]):04X}"
        ) from None
    node, line, problem = _compose(loader)
    if problem:
        raise ConfigError(f"{name}:{line}: {problem}")
    if node is None:
        raise ConfigError(f"{name}:1: expected a mapping, not an empty file")
    return Place(_Document(name), "", node)


def _compose(loader: _Loader) -> tuple[yaml.Node | None, int, str]:
    """Return the document's node or, in its place, the line and the words of what is wrong.

    The parser's error is not chained but left behind here: it quotes the line it stumbled over.
    """
    try:
        return loader.get_single_node(), 0, ""
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or ""
    except (ValueError, OverflowError):
        mark, problem = loader.get_mark(), "expected \\U and the number of a Unicode character"
    finally:
        loader.dispose()
    for beginning, explanation in _EXPLAINED.items():
        if problem.startswith(beginning):
            problem = explanation
            break
    return None, int(mark.line) + 1 if mark else 1, _without_quotations(problem)


def _without_quotations(problem: str) -> str:
    """Drop what a parser quotes from the file, but for YAML's own signs: it may be a password."""
    return _QUOTED.sub(lambda q: q[0] if _HARMLESS.fullmatch(q[0]) else "…", problem)
