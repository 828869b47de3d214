"""XAPI calls by XML-RPC, for servers that have no JSON-RPC."""

import ssl
import time
from typing import Final

import msgspec
import XenAPI

from xo_exporter.errors import BadAnswer
from xo_exporter.xapi import transport
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.blocking import in_thread
from xo_exporter.xapi.failures import api_failure

_FOREVER: Final = 3600.0  # seconds; whoever calls cancels long before


async def call_xml(
    target: Target,
    method: str,
    params: tuple[object, ...],
    *,
    context: ssl.SSLContext | None,
    certificate_name: str | None,
    limit: int,
) -> bytes:
    """The answer to a call as JSON-RPC has it, so that one decoder reads either dialect's.

    `params` begin with the session's reference; the answer may have `limit` bytes. Raises
    PoolError.
    """
    where = str(target.url)
    http = transport.PoolTransport(
        context,
        certificate_name=certificate_name,
        deadline=time.monotonic() + _FOREVER,
        limit=limit,
    )

    def ask() -> bytes:
        answer = getattr(XenAPI.Session(where, transport=http), method)(*params)
        # XML-RPC has dates of a type of its own.
        return msgspec.json.encode({"result": _value(answer, where)}, enc_hook=str)

    return await in_thread(lambda: transport.call(ask, where), abandon=http.abort)


def _value(answer: object, where: str) -> object:
    match answer:
        case {"Status": "Success", "Value": value}:
            return value
        case {"Status": "Failure", "ErrorDescription": [*details]}:
            raise api_failure(details)
        case _:
            raise BadAnswer(f"{where} gives no XAPI answer")
