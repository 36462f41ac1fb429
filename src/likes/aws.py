"""How the functions call AWS."""

from botocore.config import Config


def boto_config(*, connect: float, read: float) -> Config:
    """Return a client's timeouts, in seconds; it tries twice.

    What botocore does at each call and nobody here needs is left out: checking parameters that this code made, and
    describing the client in full.
    """
    return Config(
        connect_timeout=connect,
        read_timeout=read,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=16,
        parameter_validation=False,
        user_agent="tweet-likes",
    )
