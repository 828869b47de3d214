"""A secret shows itself only when asked."""

import copy
import dataclasses
import json
import logging
import pickle

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.secret import Secret
from xo_exporter.settings import PoolConfig, Url


@given(st.text(min_size=1).filter(lambda text: text not in "**********"))
def test_a_secret_shows_itself_only_when_asked(text: str) -> None:
    """Every way to print a secret gives ten asterisks; `reveal` gives the text."""
    secret = Secret(text)
    ways = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{secret!r:s}"]
    ways += ["%s" % secret, "%r" % secret, "{}".format(secret)]  # noqa: UP031, UP032 - old ways, too
    assert ways == ["**********"] * len(ways)
    assert secret.reveal() == text


def test_a_secret_stays_hidden_in_what_holds_it() -> None:
    """A pool, and its form as a dict, print without the password."""
    pool = PoolConfig(url=Url.parse("https://a"), username="u", password=Secret("hunter2"))
    assert "hunter2" not in f"{pool!r} {pool} {dataclasses.asdict(pool)} {[pool]}"
    assert "**********" in repr(pool)


def test_a_secret_is_not_json() -> None:
    """Neither encoder takes a secret, alone or in a pool."""
    pool = PoolConfig(url=Url.parse("https://a"), username="u", password=Secret("hunter2"))
    for value in (pool.password, pool):
        with pytest.raises(TypeError):
            msgspec.json.encode(value)
    with pytest.raises(TypeError):
        json.dumps(dataclasses.asdict(pool))
    assert "hunter2" not in json.dumps({"a": pool.password}, default=str)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol: int) -> None:
    """Pickling a secret is refused rather than done without its text."""
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(Secret("hunter2"), protocol)


def test_a_secret_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the standard logger nor structlog's renderers write a secret."""
    logging.getLogger("test").warning("the password is %s, %r", Secret("hunter2"), Secret("x"))
    assert caplog.messages == ["the password is **********, **********"]
    event = {"event": "login", "password": Secret("hunter2")}
    lines = [
        structlog.processors.JSONRenderer()(None, "", dict(event)),
        structlog.processors.LogfmtRenderer()(None, "", dict(event)),
    ]
    assert not any("hunter2" in str(line) for line in lines)


def test_secrets_are_equal_by_their_text() -> None:
    """Two secrets of one text are equal and hash alike; a string is no secret's equal."""
    assert Secret("pässwörd\ud800") == Secret("pässwörd\ud800")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_copy_of_a_secret_is_the_secret() -> None:
    """Copying what holds a secret neither fails nor shows it."""
    secret = Secret("hunter2")
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
