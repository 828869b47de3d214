"""What the tests of plugins share."""

from collections.abc import Callable

import pytest

from xo_exporter.errors import ApiFailure
from xo_exporter.plugins.plugin import Call
from xo_exporter.xapi.failures import api_failure

Answers = dict[str, str | ApiFailure]


@pytest.fixture
def answering() -> Callable[..., Call]:
    """Call a plugin that answers each function with a text, or fails."""

    def make(**answers: str | ApiFailure) -> Call:
        async def call(function: str) -> str:
            answer = answers[function]
            if isinstance(answer, ApiFailure):
                raise answer
            return answer

        return call

    return make


@pytest.fixture
def own_failure() -> ApiFailure:
    """Give the failure of a plugin, whose code is none of XAPI's."""
    return api_failure(["-1", "Command 'x' failed with code: 8", "", "Traceback …"])
