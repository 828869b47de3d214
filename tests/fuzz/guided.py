"""The parsers, fuzzed by what their code is seen to do: `make fuzz` runs it where atheris is.

python tests/fuzz/guided.py -runs=20000
"""

import sys

import atheris

with atheris.instrument_imports(include=["xo_exporter"]):
    from xo_exporter.errors import ApiFailure, BadAnswer
    from xo_exporter.model.guest_address import addresses
    from xo_exporter.rrd.xport import Parser, known_values
    from xo_exporter.web import negotiation
    from xo_exporter.xapi import batch, xml_text

HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<xport><meta><legend>'
    b"<entry>AVERAGE:host:h:cpu0</entry></legend></meta><data>"
)
FAMILIAR = Parser()
FAMILIAR.parse(HEAD + b"<row><t>5</t><v>1</v></row></data></xport>")


def events(data: bytes) -> None:
    """An answer to event.from."""
    batch.read(data, "events", lambda: False)


def many_events(data: bytes) -> None:
    """The same, padded to be read event by event."""
    padding = b'{"result":{"events":[{"ref":"r","class":"' + b"x" * batch.LARGE + b'"},'
    batch.read(padding + data, "events", lambda: False)


def rrds(data: bytes) -> None:
    """RRDs with a legend that was seen before, and without."""
    for body in (HEAD + data, data):
        known_values(FAMILIAR.parse(body), 20.0)


def xml(data: bytes) -> None:
    """XML to be mended."""
    xml_text.mend(data)


def headers(data: bytes) -> None:
    """What a client says, and what a guest does."""
    text = data.decode("latin-1")
    negotiation.wants_openmetrics(text)
    negotiation.takes_gzip(text)
    negotiation.scrape_timeout(text)
    addresses({"0/ip": text, text: "10.0.0.1"})


TARGETS = (events, many_events, rrds, xml, headers)


def one(data: bytes) -> None:
    """One input: the first byte says for which parser. Only an error of ours may come."""
    if data:
        try:
            TARGETS[data[0] % len(TARGETS)](data[1:])
        except (ApiFailure, BadAnswer):
            return


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
