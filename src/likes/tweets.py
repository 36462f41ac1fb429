"""Which tweet a sender means: an id as X writes it, or a link as people have it."""

import re
from urllib.parse import urlsplit

_ID = re.compile(r"[1-9][0-9]{0,18}")

_SITES = frozenset({"x.com", "twitter.com", "fxtwitter.com", "vxtwitter.com", "fixupx.com", "fixvx.com"})
_PREFIXES = ("www.", "m.", "mobile.")

_PATH = re.compile(r"/(?:i|i/web|[A-Za-z0-9_]{1,20})/status(?:es)?/(?P<id>[0-9]{1,19})(?:/(?:photo|video)/[0-9])?/?")


class NotATweet(ValueError):
    """What was sent names no tweet.

    Attributes:
        code: stable reason, e.g. ``invalid_tweet_id``.
        detail: one sentence for the sender, free of what they sent.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def tweet_id(text: str) -> str:
    """Return `text` if it is the id of a tweet: 1 to 19 digits, the first not 0.

    X's own pattern is ``^[0-9]{1,19}$``; a leading zero would give one tweet two spellings.

    Raises:
        NotATweet: ``invalid_tweet_id``.
    """
    if _ID.fullmatch(text):
        return text
    raise NotATweet("invalid_tweet_id", "A tweet id is 1 to 19 digits, the first of them not 0.")


def tweet_id_from_url(url: str) -> str:
    """Return the id in a link to a tweet on X, Twitter or one of their embed mirrors.

    The link is parsed, never searched: an id in somebody else's address is no link to X.

    Raises:
        NotATweet: ``shortened_url`` for a t.co link, which only the network could resolve, else ``invalid_tweet_url``.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    for prefix in _PREFIXES:
        host = host.removeprefix(prefix)
    if host == "t.co":
        raise NotATweet("shortened_url", "A t.co link hides its tweet. Open it and send the link it leads to.")
    plain = parts.scheme in {"http", "https"} and port in {None, 80, 443} and parts.username is None
    path = _PATH.fullmatch(parts.path)
    if not (plain and host in _SITES and path):
        raise NotATweet(
            "invalid_tweet_url",
            "Not a link to a tweet. One looks like https://x.com/USER/status/1346889436626259968.",
        )
    return tweet_id(path["id"])


def tweet_id_from(text: str) -> str:
    """Return the id in `text`, which is an id or a link.

    Raises:
        NotATweet: as the two functions above.
    """
    text = text.strip()
    return tweet_id_from_url(text) if "/" in text else tweet_id(text)
