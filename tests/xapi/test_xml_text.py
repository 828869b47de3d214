"""XML as servers really write it: mended where it is none, left alone everywhere else."""

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xo_exporter.xapi.xml_text import has_document_type, mend

_LEGAL = st.text(
    st.characters(exclude_categories=["Cs"]).filter(
        lambda c: c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff")
    )
)
_REFERENCES = st.sampled_from(["&#65;", "&#x1F600;", "&#9;", "&#xd7ff;", "&#xE000;", "&amp;#0;"])
_CONTENT = st.lists(_LEGAL.map(escape) | _REFERENCES).map("".join)


def _text(body: bytes) -> str | None:
    return etree.fromstring(body).text


@given(_CONTENT)
def test_valid_xml_keeps_its_value(content: str) -> None:
    """Whatever is valid XML says the same after mending."""
    body = f'<?xml version="1.0"?><a>{content}</a>'.encode()
    assert _text(mend(body)) == _text(body)


@given(st.binary().map(lambda raw: raw.translate(None, b"<>&")))
def test_any_bytes_in_a_text_can_be_read(raw: bytes) -> None:
    """Whatever bytes stand where a text should be, the rest of the XML can be read."""
    root = etree.fromstring(mend(b"<a><b>" + raw + b"</b><c>here</c></a>"))
    assert root.findtext("c") == "here"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xff", "\ufffd"),
        (b"x\xed\xa0\x80y", "x\ufffdy"),
        (b"\x00\x01\x1f", "\ufffd\ufffd\ufffd"),
        (b"\xef\xbf\xbe", "\ufffd"),
        (b"&#0;&#x1;&#xD800;&#xDFFF;", "\ufffd" * 4),
        (b"&#x110000;&#4294967295;", "\ufffd" * 2),
        (b"\t&#10;&#xD;", "\t\n\r"),
    ],
    ids=["byte", "surrogate", "controls", "noncharacter", "references", "too large", "legal"],
)
def test_what_xml_has_no_place_for_becomes_replacement_characters(
    content: bytes, text: str
) -> None:
    """Each ill-formed byte, encoded surrogate, illegal character or reference becomes U+FFFD."""
    assert _text(mend(b"<a>" + content + b"</a>")) == text


@given(st.binary())
def test_mending_twice_changes_nothing_more(body: bytes) -> None:
    """Mended text is well formed as far as characters go: mending it again leaves it alone."""
    assert mend(mend(body)) == mend(body)


def test_document_types_are_seen() -> None:
    """A document type or an entity is found, and its name in a text is none."""
    assert has_document_type(b'<?xml version="1.0"?><!DOCTYPE a><a/>')
    assert has_document_type(b"<!ENTITY b 'c'>")
    assert not has_document_type(b"<a>&lt;!DOCTYPE a&gt; DOCTYPE</a>")
