"""Which addresses a webhook may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.webhook_url import LONGEST, checked_webhook_url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com/",
        "https://example.com:8443/hooks/a?b=c&d=%20",
        "http://127.0.0.1:9000/in",
        "http://[::1]:9000/in",
        "https://xn--mnchen-3ya.de/",
        "HTTPS://EXAMPLE.COM/",
        "https://a/" + "x" * (LONGEST - len("https://a/")),
    ],
)
def test_a_webhook_url_is_kept_as_it_is(url: str) -> None:
    assert checked_webhook_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/hooks",
        "ftp://example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://:80/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:x/",
        "http://[::1",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://@example.com/",
        "http://good.example\\@evil.example/",
        "http://example.com/#part",
        "http://example.com/#",
        "http://example.com/a b",
        " http://example.com/",
        "http://example.com/\r\nhost: evil",
        "http://exam\tple.com/",
        "http://example.com/\x7f",
        "http://münchen.de/",
        "http://example.com/grüße",
        "http://example.com/\u2028",
        "https://a/" + "x" * LONGEST,
    ],
)
def test_any_other_url_is_refused_with_what_was_expected(url: str) -> None:
    with pytest.raises(ValueError, match="^expected a URL"):
        checked_webhook_url(url)


@given(st.text() | st.text().map("http://{}".format))
def test_no_text_breaks_the_check(url: str) -> None:
    try:
        assert checked_webhook_url(url) == url
    except ValueError as refusal:
        assert str(refusal).startswith("expected a URL")  # noqa: PT017  both ends are right, depending on the text


@pytest.mark.parametrize("start", ["https://a/", "ftp://a/", "https://[", "https://a:b/"])
def test_a_long_url_is_refused_before_it_is_taken_apart_and_kept(start: str) -> None:
    with pytest.raises(ValueError, match=f"at most {LONGEST} characters"):
        checked_webhook_url(start + "x" * LONGEST)
