"""Wire values to the bytes that XAPI prints: JSON, and XML-RPC with bare strings.

An ill-formed name is written as a str with surrogates: U+DC80 to U+DCFF stand for the raw bytes
0x80 to 0xff, which go out as they are; any other lone surrogate goes out as an escape in JSON and
as its three-byte form in XML.
"""

import json
import math
import re
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from xo_exporter.simulator.schema import Record, datetime_fields, float_fields

_encoder = msgspec.json.Encoder()
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def to_json(value: Any) -> bytes:
    """Encode a value as compact JSON; NaN and infinities appear bare, as XAPI prints them."""
    if isinstance(value, float) and not math.isfinite(value):
        return _odd_json(value)
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _odd_json(value)


def _odd_json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text.encode("utf-8", "surrogateescape")


def record_to_json(cls: str, record: Record) -> bytes:
    """Encode one record of a class as a JSON object."""
    if any(_is_odd(record.get(name)) for name in float_fields(cls)):
        return _odd_json(record)
    return to_json(record)


def _is_odd(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_odd(item) for item in value.values())
    return isinstance(value, float) and not math.isfinite(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.16g}"


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return b"".join(map(_odd_char, text))


def _odd_char(char: str) -> bytes:
    is_raw_byte = "\udc80" <= char <= "\udcff"
    return char.encode("utf-8", "surrogateescape" if is_raw_byte else "surrogatepass")


def to_xml(value: Any) -> bytes:
    """Encode a value as one XML-RPC `<value>` element."""
    return _bytes(_xml(value))


def datetime_to_xml(value: str) -> bytes:
    """Encode a point in time as one XML-RPC `<value>` element."""
    return _bytes(_xml_datetime(value))


def _xml_datetime(value: str) -> str:
    return f"<value><dateTime.iso8601>{escape(value)}</dateTime.iso8601></value>"


def _xml(value: Any) -> str:
    if isinstance(value, str):
        return f"<value>{escape(value)}</value>"
    if isinstance(value, bool):
        return f"<value><boolean>{int(value)}</boolean></value>"
    if isinstance(value, int):
        return f"<value><i4>{value}</i4></value>"
    if isinstance(value, float):
        return f"<value><double>{_float(value)}</double></value>"
    if isinstance(value, dict):
        members = (f"<member><name>{escape(k)}</name>{_xml(v)}</member>" for k, v in value.items())
        return f"<value><struct>{''.join(members)}</struct></value>"
    return f"<value><array><data>{''.join(map(_xml, value))}</data></array></value>"


def record_to_xml(cls: str, record: Record) -> bytes:
    """Encode one record of a class as an XML-RPC struct."""
    dates = datetime_fields(cls)
    members = (
        f"<member><name>{name}</name>{_xml_datetime(v) if name in dates else _xml(v)}</member>"
        for name, v in record.items()
    )
    return _bytes(f"<value><struct>{''.join(members)}</struct></value>")
