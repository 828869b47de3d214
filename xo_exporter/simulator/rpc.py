"""The envelopes of XAPI's two dialects: XML-RPC and JSON-RPC, versions 1.0 and 2.0."""

import json
import xmlrpc.client
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import encoding
from xo_exporter.simulator.api import Reply

XML_PATHS = frozenset({"/", "/RPC2", "/xmlrpc"})
JSON_PATH = "/jsonrpc"
XML_TYPE = "text/xml"
JSON_TYPE = "application/json"

_XML_HEAD = b'<?xml version="1.0"?><methodResponse><params><param>'
_XML_TAIL = b"</param></params></methodResponse>"


class MalformedCall(Exception):
    """The request is no call in the dialect of its path; XAPI answers these with HTTP 500."""


class Call(NamedTuple):
    """A call as it came: `version` is "1.0" or "2.0" for JSON-RPC and empty for XML-RPC."""

    method: str
    params: list[Any]
    version: str
    id: Any

    @property
    def content_type(self) -> str:
        """The Content-Type of its answer."""
        return JSON_TYPE if self.version else XML_TYPE


def parse(path: str, body: bytes) -> Call:
    """Read a call from the body of a POST to a path; raises MalformedCall."""
    return _parse_json(body) if path == JSON_PATH else _parse_xml(body)


def _parse_xml(body: bytes) -> Call:
    try:
        params, method = xmlrpc.client.loads(body.decode(), use_builtin_types=False)
    except (ExpatError, UnicodeDecodeError, xmlrpc.client.Error, ValueError, TypeError) as error:
        raise MalformedCall("not XML-RPC") from error
    if not method:
        raise MalformedCall("no method name")
    return Call(method, list(params), "", None)


def _parse_json(body: bytes) -> Call:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise MalformedCall("not JSON") from error
    if not isinstance(request, dict):
        raise MalformedCall("not an object")
    method, params, id_ = request.get("method"), request.get("params", []), request.get("id")
    if not isinstance(method, str) or not isinstance(params, list):
        raise MalformedCall("no method or no list of params")
    if not isinstance(id_, int | str) or isinstance(id_, bool):
        raise MalformedCall("id is neither a number nor a string")
    return Call(method, params, "2.0" if request.get("jsonrpc") == "2.0" else "1.0", id_)


def success(call: Call, reply: Reply) -> bytes:
    """Wrap the answer of a call."""
    if not call.version:
        return b"".join(
            (
                _XML_HEAD,
                b"<value><struct><member><name>Status</name><value>Success</value></member>",
                b"<member><name>Value</name>",
                reply.to_xml(),
                b"</member></struct></value>",
                _XML_TAIL,
            )
        )
    id_ = encoding.to_json(call.id)
    if call.version == "2.0":
        return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (reply.to_json(), id_)
    return b'{"result":%b,"error":null,"id":%b}' % (reply.to_json(), id_)


def failure(call: Call, error: ApiFailure) -> bytes:
    """Wrap the error of a call."""
    description = [error.code, *error.params]
    if not call.version:
        value = {"Status": "Failure", "ErrorDescription": description}
        return _XML_HEAD + encoding.to_xml(value) + _XML_TAIL
    if call.version == "2.0":
        detail = {"code": 1, "message": error.code, "data": list(error.params)}
        return encoding.to_json({"jsonrpc": "2.0", "error": detail, "id": call.id})
    return encoding.to_json({"result": None, "error": description, "id": call.id})


def early_failure(call: Call, error: ApiFailure) -> bytes:
    """Wrap an error that comes before XAPI has looked at the call.

    In JSON-RPC that has a shape of its own, whatever version was asked for.
    """
    if not call.version:
        return failure(call, error)
    return encoding.to_json({"jsonrpc": "2.0", "error": [error.code, *error.params], "id": 0})
