"""HTTP as an operator's machine speaks it: the environment's proxies, and nothing else of the environment."""

from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from likes.transport import GatewayAdapter


def session(url: str) -> requests.Session:
    """Return a session for `url`. It reads no netrc, which would replace the Authorization header."""
    made = requests.Session()
    made.trust_env = False
    made.proxies.update(get_environ_proxies(url))
    made.mount(f"{urlsplit(url).scheme}://", GatewayAdapter())
    return made
