"""The docs name every code that the sources can answer with."""

import re
from pathlib import Path

from likes import aisa

ROOT = Path(__file__).parents[2]

# Every reason is given as a literal, after its kind or as a code's name.
REASONS = re.compile(
    r'(?:Kind\.\w+,\s+|(?:InvalidPayload|NotATweet|Unproven|SourceShut)\(\s*|(?:problem|_refuse)\(\s*\d+, )"([a-z_]+)"'
)


def test_every_code_in_the_sources_is_in_the_docs() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "outcomes.md").read_text()))
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))

    reasons = set(REASONS.findall(sources))

    assert {
        "tweet_not_found",
        "key_not_set",
        "invalid_json",
        "shortened_url",
        "like_not_found",
        "unknown_source",
    } <= reasons
    assert reasons <= documented
    assert {meaning.reason for meaning in aisa._STATUSES.values()} <= documented  # noqa: SLF001 - the table itself
