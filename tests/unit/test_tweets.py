"""What names a tweet, and what only looks as if it did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likes.tweets import NotATweet, tweet_id, tweet_id_from_url

ID = "1346889436626259968"


@pytest.mark.parametrize("host", ["x.com", "twitter.com", "fxtwitter.com", "vxtwitter.com", "fixupx.com", "fixvx.com"])
@pytest.mark.parametrize("prefix", ["", "www.", "m.", "mobile."])
@pytest.mark.parametrize("path", ["/XDevelopers/status", "/i/web/status", "/i/status", "/XDevelopers/statuses"])
@pytest.mark.parametrize("tail", ["", "/", "/photo/1", "/video/1", "?s=20&t=abc", "#reply", "/photo/1?s=20#x"])
def test_every_form_of_a_link_is_read(host: str, prefix: str, path: str, tail: str) -> None:
    assert tweet_id_from_url(f"https://{prefix}{host}{path}/{ID}{tail}") == ID


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.example/x.com/a/status/{ID}",
        f"https://x.com.evil.example/a/status/{ID}",
        f"https://evilx.com/a/status/{ID}",
        f"https://x.com@evil.example/a/status/{ID}",
        f"https://user@x.com/a/status/{ID}",
        f"https://x.com:8080/a/status/{ID}",
        f"ftp://x.com/a/status/{ID}",
        f"//x.com/a/status/{ID}",
        f"x.com/a/status/{ID}",
        f"https://x.com/a/status/{ID}0",
        f"https://x.com/a/status/{ID}/likes",
        "https://x.com/a/status/0",
        "https://x.com/a/status/",
        "https://x.com/a",
        f"https://x.com/a b/status/{ID}",
        "https://[x.com/a/status/1",
        "https://x.com:99999999/a/status/1",
        "",
    ],
)
def test_a_look_alike_is_refused(url: str) -> None:
    with pytest.raises(NotATweet):
        tweet_id_from_url(url)


def test_a_shortened_link_is_refused_for_what_it_is() -> None:
    with pytest.raises(NotATweet) as refusal:
        tweet_id_from_url("https://t.co/abc123")
    assert refusal.value.code == "shortened_url"


@given(st.integers(min_value=1, max_value=10**19 - 1))
def test_every_id_has_one_spelling(number: int) -> None:
    assert tweet_id(str(number)) == str(number)
    with pytest.raises(NotATweet):
        tweet_id(f"0{number}")


@given(st.text())
def test_whatever_is_sent_is_an_id_or_refused(text: str) -> None:
    for read in (tweet_id, tweet_id_from_url):
        try:
            result = read(text)
        except NotATweet as refusal:
            assert refusal.code.startswith(("invalid_", "shortened_"))
        else:
            assert result.isascii()
            assert result.isdigit()
