"""URLs, listening addresses and durations, as they are read from text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.errors import ConfigError
from xo_exporter.settings import Listen, PoolConfig, Url, parse_duration, parse_listen


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "effective", "netloc"),
    [
        ("https://xcp1", "https", "xcp1", None, 443, "xcp1"),
        ("HTTPS://XCP1.Example.org/", "https", "XCP1.Example.org", None, 443, "XCP1.Example.org"),
        ("http://10.0.0.1", "http", "10.0.0.1", None, 80, "10.0.0.1"),
        ("https://xcp1:443", "https", "xcp1", 443, 443, "xcp1:443"),
        ("https://[2001:DB8::1]:8443/", "https", "2001:DB8::1", 8443, 8443, "[2001:DB8::1]:8443"),
        ("https://[::1]", "https", "::1", None, 443, "[::1]"),
        ("https://xn--bcher-kva.example.:1", "https", "xn--bcher-kva.example.", 1, 1, None),
    ],
)
def test_a_url_is_read_as_written(
    text: str, scheme: str, host: str, port: int | None, effective: int, netloc: str | None
) -> None:
    """Scheme, host and port come as written, and print again without the last slash."""
    url = Url.parse(text)
    assert (url.scheme, url.host, url.port, url.effective_port) == (scheme, host, port, effective)
    assert url.netloc == netloc or netloc is None
    assert str(url) == f"{scheme}://{url.netloc}"
    assert Url.parse(str(url)) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "such as https://"),
        ("xcp1.example.org", "such as https://"),
        ("ftp://xcp1", "such as https://"),
        (" https://xcp1", "such as https://"),
        ("https://root:hunter2@xcp1", "without a user"),
        ("https://xcp1/hunter2", "without a path"),
        ("https://xcp1//", "without a path"),
        ("https://xcp1?hunter2", "without a path"),
        ("https://xcp1#hunter2", "without a path"),
        ("https://", "with a host name"),
        ("https:///", "with a host name"),
        ("https://:443", "with a host name"),
        ("https://xcp 1", "with a host name"),
        ("https://xcp1 ", "with a host name"),
        ("https://xcp1\n", "with a host name"),
        ("https://xcp1..org", "with a host name"),
        ("https://-xcp1", "with a host name"),
        ("https://bücher.example", "xn--"),
        ("https://10.0.0.256", "with a host name"),
        ("https://10.0.1", "with a host name"),
        ("https://[::1", "with a host name"),
        ("https://[::g]", "with a host name"),
        ("https://[10.0.0.1]", "with a host name"),
        ("https://[fe80::1%eth0]", "with a host name"),
        ("https://[::1]443", "with a host name"),
        ("https://::1", "with a host name"),
        ("https://xcp1:", "port from 1 to 65535"),
        ("https://xcp1:0", "port from 1 to 65535"),
        ("https://xcp1:65536", "port from 1 to 65535"),
        ("https://xcp1:-1", "port from 1 to 65535"),
        ("https://xcp1:٤٤٣", "port from 1 to 65535"),
        ("https://xcp1:443:443", "port from 1 to 65535"),
    ],
)
def test_what_is_no_url_of_a_pool_is_refused(text: str, reason: str) -> None:
    """A URL with anything but scheme, host and port is refused, without repeating it."""
    with pytest.raises(ConfigError, match=reason) as caught:
        Url.parse(text)
    assert str(caught.value).startswith("expected a URL")
    assert "hunter2" not in str(caught.value)


@given(st.text(alphabet=st.characters(codec=None), max_size=30))
def test_any_text_after_a_scheme_is_a_url_or_refused(text: str) -> None:
    """Nothing but ConfigError comes out of a URL, and what is accepted reads back the same."""
    try:
        url = Url.parse(f"https://{text}")
    except ConfigError:
        return
    assert Url.parse(str(url)) == url


def test_another_host_of_a_pool_is_at_the_same_scheme_and_port() -> None:
    """`at` changes the host alone; IPv6 gets brackets, whether or not it came with them."""
    url = Url.parse("http://xcp1:8080")
    assert str(url.at("10.0.0.2")) == "http://10.0.0.2:8080"
    assert str(url.at("fe80::2")) == str(url.at("[fe80::2]")) == "http://[fe80::2]:8080"
    assert str(Url.parse("https://xcp1").at("xcp2")) == "https://xcp2"


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        (":19773", Listen("", 19773)),
        ("127.0.0.1:0", Listen("127.0.0.1", 0)),
        ("localhost:65535", Listen("localhost", 65535)),
        ("[::1]:19773", Listen("::1", 19773)),
        ("[::]:19773", Listen("::", 19773)),
    ],
)
def test_a_listening_address_is_read_and_printed_alike(text: str, listen: Listen) -> None:
    """HOST:PORT, also with an empty host, in brackets for IPv6, and with port 0."""
    assert parse_listen(text) == listen
    assert str(listen) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "19773",
        "localhost",
        "localhost:",
        ":65536",
        ":-1",
        ":x",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[]:80",
        "*:80",
        "a b:80",
        "http://a:80",
        ":80 ",
        ":80\n",
        "300.0.0.1:80",
    ],
)
def test_what_is_no_listening_address_is_refused(text: str) -> None:
    """A missing port, an IPv6 address without brackets and the like are refused in one line."""
    with pytest.raises(ConfigError, match=r"^expected HOST:PORT such as :19773") as caught:
        parse_listen(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("500ms", 0.5),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1w", 604800.0),
        ("1y", 31536000.0),
        ("1s1ms", 1.001),
        ("007s", 7.0),
    ],
)
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    """Prometheus' units are understood, from milliseconds to years."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "s",
        "0s",
        "0h0m",
        "-1s",
        "+1s",
        "1.5s",
        "10 s",
        " 10s",
        "10s\n",
        "1s1m",
        "1s1s",
        "10S",
        "1µs",
        "٣s",
        "inf",
        "9" * 5000 + "s",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """No unit, no number, units out of order and nothing at all are refused, in a short line."""
    with pytest.raises(ConfigError, match=r"^expected a duration such as 10s, not ") as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 100
    assert str(caught.value).isprintable()


@given(st.integers(1, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_the_parts_of_a_duration_add_up(hours: int, mins: int, secs: int, millis: int) -> None:
    """A duration is worth the sum of its parts."""
    expected = hours * 3600 + mins * 60 + secs + millis / 1000
    assert parse_duration(f"{hours}h{mins}m{secs}s{millis}ms") == pytest.approx(expected)


@given(st.text())
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """Nothing but ConfigError comes out of a text, and no duration is nothing."""
    try:
        seconds = parse_duration(text)
    except ConfigError:
        return
    assert seconds > 0


@pytest.mark.parametrize(
    ("url", "name", "key"),
    [
        ("https://XCP1.example.org", None, "XCP1.example.org"),
        ("https://xcp1:443/", None, "xcp1:443"),
        ("https://[2001:DB8::1]", None, "[2001:DB8::1]"),
        ("https://[::1]:8443", None, "[::1]:8443"),
        ("https://xcp1", "Main", "Main"),
    ],
)
def test_a_pool_is_known_by_name_or_host(url: str, name: str | None, key: str) -> None:
    """NAME is the configured name, else host and port of the URL as they were written."""
    assert PoolConfig(url=Url.parse(url), username="u", name=name).key == key


def test_a_pool_without_any_password_says_so() -> None:
    """A pool that was made without a password gives none."""
    with pytest.raises(ConfigError, match="pool a: expected password or password_file"):
        PoolConfig(url=Url.parse("https://a"), username="u").read_password()
