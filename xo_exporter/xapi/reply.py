"""The answer to a call, as JSON-RPC has it: a result, or an error."""

from typing import Final, TypeVar

import msgspec

from xo_exporter.xapi import json_text
from xo_exporter.xapi.failures import api_failure

T = TypeVar("T")


class _Reply(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _ErrorObject(msgspec.Struct):
    message: str = ""
    data: list[str] | None = None


_REPLY: Final = msgspec.json.Decoder(_Reply)
# JSON-RPC 1.0 puts XAPI's list of code and parameters into `error`; so does 2.0 for errors
# before a call is dispatched (a host that is still booting); otherwise 2.0 has an object.
_ERROR: Final = msgspec.json.Decoder(list[str] | _ErrorObject | None)


def result(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """The result that is in `body`, by `decoder`; `what` names it in messages.

    Raises ApiFailure where XAPI answers an error, BadAnswer for what is none of its answers.
    """
    reply = json_text.decode(_REPLY, body, what)
    error = json_text.decode(_ERROR, reply.error, what)
    if isinstance(error, list):
        raise api_failure(error)
    if error is not None:
        raise api_failure([error.message, *(error.data or [])])
    return json_text.decode(decoder, reply.result, what)
