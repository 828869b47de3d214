"""Which address each host of a pool is asked at."""

import pytest

from xo_exporter.config import Url
from xo_exporter.xapi.addresses import Target, hostname_of, target_of

POOL = Url.parse("https://xcp1.example.org")


def _asked(
    address: str, hostname: str = "", *, url: Url = POOL, members: tuple[str, ...] = ()
) -> Target:
    return target_of(url, tuple(map(Url.parse, members)), address, hostname)


@pytest.mark.parametrize(
    ("url", "address", "asked"),
    [
        ("https://xcp1.example.org", "10.0.0.2", "https://10.0.0.2"),
        ("https://xcp1.example.org:8443", "10.0.0.2", "https://10.0.0.2:8443"),
        ("http://127.0.0.1:8080", "127.0.0.2", "http://127.0.0.2:8080"),
        ("https://xcp1.example.org", "2001:db8::2", "https://[2001:db8::2]"),
        ("https://xcp1.example.org:8443", "2001:db8::2", "https://[2001:db8::2]:8443"),
        ("https://xcp1.example.org", "[2001:db8::2]", "https://[2001:db8::2]"),
        ("https://[2001:db8::1]:8443", "10.0.0.2", "https://10.0.0.2:8443"),
        ("https://xcp1.example.org", "xcp2.example.org", "https://xcp2.example.org"),
    ],
)
def test_a_host_is_asked_at_its_address(url: str, address: str, asked: str) -> None:
    """A host is asked at its address in XAPI, with the scheme and the port of the pool's URL."""
    target = _asked(address, "xcp2", url=Url.parse(url))
    assert str(target.url) == asked


def test_a_certificate_for_the_hostname_is_good_for_an_address_of_xapi() -> None:
    """At an address that XAPI gave, a certificate may be for the host's hostname, if it has one."""
    assert _asked("10.0.0.2", "xcp2").hostname == "xcp2"
    assert _asked("10.0.0.2").hostname is None


@pytest.mark.parametrize(
    "hostname", [".", "..", ".xcp2", "xcp2..org", "x" * 64, "xcp 2", "xcp2\0", "\ud800"], ids=ascii
)
def test_a_hostname_that_is_none_is_on_no_certificate(hostname: str) -> None:
    """What is no name is not compared: an empty one would be found on every certificate."""
    assert _asked("10.0.0.2", hostname).hostname is None
    member = "https://10.0.0.2:8443"
    assert _asked("10.0.0.2", hostname, members=(member,)).hostname is None


def test_a_hostname_is_looked_for_without_its_last_dot() -> None:
    """Certificates have names without the dot of the root."""
    assert _asked("10.0.0.2", "xcp2.example.org.").hostname == "xcp2.example.org"


@pytest.mark.parametrize(
    "member",
    [
        "https://10.0.0.2:8443",
        "http://10.0.0.2",
        "https://[2001:db8::2]:444",
        "https://[2001:0DB8:0:0::2]",
    ],
)
def test_a_member_that_names_the_address_says_how_to_ask(member: str) -> None:
    """A members entry with the host's address, however spelled, gives scheme and port."""
    address = "2001:db8::2" if "[" in member else "10.0.0.2"
    target = _asked(address, "xcp2", members=("https://10.0.0.9:1", member))
    assert target == Target(Url.parse(member), "xcp2")


@pytest.mark.parametrize("hostname", ["xcp2.example.org", "XCP2.Example.org", "xcp2.example.org."])
def test_a_member_that_names_the_hostname_says_how_to_ask(hostname: str) -> None:
    """A members entry with the host's hostname is asked in its place, for its own name alone."""
    member = "https://xcp2.example.org:8443"
    target = _asked("10.0.0.2", hostname, members=("https://xcp3.example.org", member))
    assert target == Target(Url.parse(member), None)


def test_a_member_of_another_name_is_not_asked() -> None:
    """Where no members entry names the host, its address in XAPI is asked."""
    members = ("https://xcp3.example.org:8443", "https://10.0.0.3:8443")
    assert str(_asked("10.0.0.2", "xcp2.example.org", members=members).url) == "https://10.0.0.2"
    assert str(_asked("10.0.0.2", "", members=members).url) == "https://10.0.0.2"


@pytest.mark.parametrize(
    "address", ["", "a b", "10.0.0.2/path", "user@10.0.0.2", "10.0.0.2:80", "::1::", "a..b", "é"]
)
def test_an_address_that_is_none_leads_nowhere(address: str) -> None:
    """What XAPI gives is not pasted into a URL: where it is no address the URL has no host."""
    assert _asked(address, "xcp2").url.host == ""


def test_hostnames_are_found_by_any_spelling_of_the_address() -> None:
    """The hostname of an address is known however the address is written."""
    known = {"10.0.0.1": "xcp1", "2001:db8::2": "xcp2"}
    assert hostname_of("2001:DB8:0::2", known) == "xcp2"
    assert hostname_of("10.0.0.1", known) == "xcp1"
    assert hostname_of("10.0.0.3", known) == ""
