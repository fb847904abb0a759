"""URLs that are decided before a name server is asked: a table of notations, each with its reason."""

import socket
import string
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.webhook_addresses import DEFAULT_PORTS, literal_address, may_be_called, parse_ports
from sendoff_domain.webhook_url import callable_webhook_url, checked_webhook_url

#: A host that is loopback, however it is written, and why it is.
LOOPBACK = {
    "plain": "127.0.0.1 127.255.255.254",
    "one number": "2130706433 0x7f000001 0X7F000001 017700000001 0000017700000001 2130706434",
    "two numbers": "127.1 0x7f.1 0177.1 127.0x1 127.16777215",
    "three numbers": "127.0.1 127.0.65535 0x7f.0.0x1",
    "octal": "0177.0.0.1 0177.0.0.01 00177.0000.0.0001",
    "hexadecimal": "0x7f.0.0.1 0x7f.0x0.0x0.0x1 0X7F.0.0.1 0x07f.0.0.1",
    "mixed": "0x7f.0.0.01 127.0.0x0.1 0177.0x0.1",
    "a dot at the end": "127.0.0.1. 127.1. 0x7f000001. 2130706433.",
    "IPv6": "[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0.0.0.1]",
    "v4-mapped": "[::ffff:127.0.0.1] [::FFFF:7F00:1] [0:0:0:0:0:ffff:7f00:0001]",
    "a name of this machine": "localhost LOCALHOST LocalHost. localhost. a.localhost a.b.localhost. x.LOCALHOST",
}
#: Other hosts that no URL may have unless their network is allowed.
FORBIDDEN = {
    "all addresses of this machine": "0 0.0.0.0 0x0 00 0. [::] [::0] 0.1",
    "private": "10.1 167772161 0xa.0.0.1 012.0.0.1 [::ffff:10.0.0.1] [fd00::1] 192.168.257",
    "metadata": "169.254.169.254 169.254.43518 2852039166 0xa9fea9fe 0251.0376.0251.0376 [fd00:ec2::254]"
    " [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::] 100.100.100.200 192.0.0.192",
    "broadcast": "255.255.255.255 4294967295 0xffffffff 037777777777",
    "behind a gateway": "[64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::]"
    " [2606:4700::5efe:127.0.0.1]",
    "v4-compatible": "[::127.0.0.1] [::7f00:1]",
}  # fmt: skip
#: Hosts that may be called, or that only a name server knows.
CALLABLE = {
    "public": "8.8.8.8 134744072 0x08080808 010.8.8.8 8.8.2056 [2606:4700::1] [::ffff:8.8.8.8] [64:ff9b::808:808]"
    " 8.8.8.8.",
    "a name": "example.com EXAMPLE.com example.com. a_b.example.com xn--mnchen-3ya.de sample-webhook a.b.c.d.e.f.g",
    "a name with numbers": "127.0.0.1.example.com 1.2.3.4.nip.io 10.example.com 0x7f.example.com 1a.1b web1 a1.2b"
    " x.0xg 1e5 dead.beef",
    "a name that only resembles localhost": "localhost.example.com notlocalhost localhost1 my-localhost"
    " localhost.localdomain",
    "the longest": f"{'.'.join(['a' * 63] * 3)}.{'b' * 61}",
}  # fmt: skip
#: Not even the form is right: a host that programs read in different ways, or none.
MALFORMED = {
    "a number too large": "256.0.0.1 127.0.0.256 127.0.65536 127.16777216 4294967296 0x100000000 040000000000"
    " 1.2.3.4.5",
    "neither number nor name": "0x 0x. 08 09.1.1.1 127.0.0.08 1.0x example.1 example.0x1 1.2.3.4.5.6 a.127.0.0.1"
    " 127.0.0.1.1",
    "an empty label": ". .. 127..1 127.0.0.1.. .127.0.0.1 example..com .example.com example.com..",
    "percent-encoded": "127%2E0%2E0%2E1 %31%32%37.0.0.1 %6cocalhost 127.0.0.1%00 127.0.0.1%2f 127.0.0.1%20"
    " ex%61mple.com",
    "a user": "good@127.0.0.1 good:secret@127.0.0.1 @127.0.0.1 example.com@127.0.0.1 127.0.0.1@example.com"
    " example.com:80@127.0.0.1"
    " user%40good@127.0.0.1",
    "a backslash": "127.0.0.1\\ example.com\\.evil.test \\\\127.0.0.1 example.com\\@127.0.0.1 127.0.0.1\\@example.com",
    "a part of the URL that looks like another": "127.0.0.1#@example.com example.com#@127.0.0.1 127.0.0.1#.example.com",
    "brackets": "[127.0.0.1] [localhost] [::1 ::1] ::1 [::1]example.com example.com[::1] [[::1]] [] [:] [::g]"
    " [1::2::3] [v1.a]",
    "a zone": "[fe80::1%eth0] [fe80::1%25eth0] [::1%25lo] [::1%lo] [::1%] [ff02::1%251]",
    "a port that is none": "127.0.0.1:80:80 [::1]:x example.com:-1 example.com:+80 example.com:0 example.com:65536"
    " example.com:8o",
    "another sign": "127.0.0.1,example.com 127.0.0.1;example.com 127.0.0.1|example.com exa*mple.com $HOME a!b"
    " 127.0.0.1\"",
    "too long": f"{'a' * 64}.com {'.'.join(['a' * 63] * 4)} {'0' * 64}1",
}  # fmt: skip
#: Signs that IDNA, browsers or splitting would change or drop; a URL is ASCII without blanks.
BEYOND = {
    "digits of full width": "\uff11\uff12\uff17.0.0.1",
    "dots of full width": "127\uff0e0\uff0e0\uff0e1",
    "ideographic dots": "127\u30020\u30020\u30021",
    "half ideographic dots": "127\uff610\uff610\uff611",
    "digits in circles": "\u2460\u2461\u2466.0.0.1",
    "raised digits": "\xb9\xb2\u2077.0.0.1",
    "bold digits": "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1",
    "Arabic digits": "\u0661\u0662\u0667.0.0.1",
    "letters of full width": "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "a letter in a circle": "l\u24de\u24d2alhost",
    "a soft hyphen": "127.0.0\xad.1",
    "a blank without width": "127.0.\u200b0.1",
    "a slash of full width": "127.0.0.1\uff0fexample.com",
    "an at of full width": "example.com\uff20127.0.0.1",
    "a tab": "127.0.0\t.1",
    "a line break": "127.0.0\n.1",
    "a return": "127.0.0\r.1",
    "a blank": "127.0.0.1 .example.com",
    "a blank before": " 127.0.0.1",
    "a null": "127.0.0.1\0.example.com",
    "a delete": "127.0.0.1\x7f",
    "a name in Unicode": "m\xfcnchen.de",
}


def rows(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(host, reason) for reason, hosts in table.items() for host in hosts.split()]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("host", "reason"), rows(CALLABLE))
def test_a_url_is_refused_for_nothing_that_a_public_host_may_have(scheme: str, host: str, reason: str) -> None:
    for rest in ("", "/", ":8443/in", "/a@b?c=\\@127.0.0.1"):
        assert callable_webhook_url(f"{scheme}://{host}{rest}", (), DEFAULT_PORTS), reason


@pytest.mark.parametrize(("host", "reason"), rows(LOOPBACK) + rows(FORBIDDEN))
def test_a_url_with_a_special_address_is_refused_however_it_is_written(host: str, reason: str) -> None:
    url = f"http://{host}:8080/in"
    assert checked_webhook_url(url) == url, "its form is right"
    with pytest.raises(ValueError, match="^expected a URL with a public address, or one of security.allowedNetworks: "):
        callable_webhook_url(url, (), DEFAULT_PORTS)


@pytest.mark.parametrize(("host", "reason"), rows(LOOPBACK))
def test_a_url_with_an_allowed_address_may_be_called_however_it_is_written(host: str, reason: str) -> None:
    url = f"http://{host}:8080/in"
    allowed = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    assert callable_webhook_url(url, allowed, DEFAULT_PORTS) == url, reason


@pytest.mark.parametrize(("host", "reason"), rows(MALFORMED) + [(host, reason) for reason, host in BEYOND.items()])
def test_a_host_that_could_be_read_in_two_ways_is_refused(host: str, reason: str) -> None:
    for url in (f"http://{host}/", f"https://{host}/in?a=b"):
        with pytest.raises(ValueError, match="^expected a URL"):
            checked_webhook_url(url)


@pytest.mark.parametrize(
    "url",
    ["http:127.0.0.1", "http:/127.0.0.1", "http:///127.0.0.1", "http:\\\\127.0.0.1", "//127.0.0.1/", "http//127.0.0.1",
     "https:/\\127.0.0.1", "http://\\127.0.0.1", "http:/\t/127.0.0.1/", "ht\ntp://127.0.0.1/", "\thttp://127.0.0.1/",
     "http://?@127.0.0.1/", "http:////127.0.0.1/", "jar:http://127.0.0.1!/", "unix:///var/run/docker.sock",
     "gopher://127.0.0.1:6379/_", "dict://127.0.0.1:11211/", "data:text/plain,x"],
)  # fmt: skip
def test_what_only_resembles_a_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="^expected a URL"):
        checked_webhook_url(url)


@pytest.mark.parametrize(
    ("url", "ports", "fits"),
    [
        ("http://a.test/", "80", True),
        ("http://a.test:/", "80", True),
        ("https://a.test/", "443", True),
        ("https://a.test:443/", "443", True),
        ("https://a.test/", "80", False),
        ("http://a.test:443/", "80 8000-8999", False),
        ("http://a.test:8000/", "80 8000-8999", True),
        ("http://a.test:8999/", "80 8000-8999", True),
        ("http://a.test:9000/", "80 8000-8999", False),
        ("http://a.test:0080/", "80", True),
    ],
)
def test_a_url_is_refused_for_a_port_that_is_not_allowed(url: str, ports: str, fits: bool) -> None:
    allowed = [parse_ports(text) for text in ports.split()]
    if fits:
        assert callable_webhook_url(url, (), allowed) == url
    else:
        with pytest.raises(ValueError, match=r"^expected a URL with a port of security.allowedPorts \(.+\), not \d+$"):
            callable_webhook_url(url, (), allowed)


def test_localhost_may_be_called_when_one_of_its_addresses_may() -> None:
    for network in ("127.0.0.0/8", "::1/128"):
        assert callable_webhook_url("http://localhost/", [ip_network(network)], DEFAULT_PORTS)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        *(("127.1", "127.0.0.1"), ("1.2.3", "1.2.0.3"), ("1.256", "1.0.1.0"), ("0x7f.0x1", "127.0.0.1")),
        *(("0377.1", "255.0.0.1"), ("\uff11\uff12\uff17\u30020\uff0e0\uff611", "127.0.0.1"), ("::1", "::1")),
        *(("fe80::1%eth0", "fe80::1"), ("example.com", None), ("", None), (".", None), ("1..2", None), (":", None)),
        *(("256.1.1.1", None), ("[::1]", None), ("1.2.3.4.5", None), ("-1", None), ("+1", None), ("1_0", None)),
        *(("0b1", None), ("0o7", None), ("1" * 5000, None), ("example.1", None)),
    ],
)
def test_a_literal_address_is_read_as_a_resolver_does(host: str, address: str | None) -> None:
    found = literal_address(host)
    assert (None if found is None else str(found)) == address


@given(st.text(st.sampled_from("0123456789abcdefxX.")) | st.ip_addresses(v=4).map(str) | st.integers(0, 2**33).map(hex))
def test_ipv4_is_read_like_the_systems_own_inet_aton(host: str) -> None:
    try:
        expected = IPv4Address(socket.inet_aton(host)) if len(host) < 64 else None
    except OSError:
        expected = None
    if not host.endswith("."):  # inet_aton leaves that to whoever asks a name server, who may drop the dot
        assert literal_address(host) == expected


@given(
    st.ip_addresses(v=4),
    st.sampled_from(["{:d}", "0x{:x}", "0X{:08X}", "0{:o}", "000{:o}"]),
    st.sampled_from(["", "."]),
)
def test_every_notation_of_an_ipv4_address_is_that_address(address: IPv4Address, notation: str, end: str) -> None:
    a, b, c, d = address.packed
    number = int(address)
    for parts in ([a, b, c, d], [a, b, number & 0xFFFF], [a, number & 0xFF_FFFF], [number]):
        assert literal_address(".".join(notation.format(part) for part in parts) + end) == address


@given(st.ip_addresses(v=6))
def test_every_notation_of_an_ipv6_address_is_that_address(address: IPv6Address) -> None:
    for host in (str(address), address.exploded, address.exploded.upper()):
        assert literal_address(host) == address
        assert checked_webhook_url(f"http://[{host}]/")


@given(st.text(string.printable) | st.text())
def test_no_host_that_is_accepted_hides_an_address(host: str) -> None:
    url = f"http://{host}/"
    try:
        callable_webhook_url(url, (), DEFAULT_PORTS)
    except ValueError as refusal:
        assert str(refusal).startswith("expected a URL")  # noqa: PT017  both ends are right, depending on the text
        return
    address = literal_address(host)
    assert address is None or may_be_called(address)
