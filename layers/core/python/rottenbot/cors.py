"""What lets pages of other sites use the API: those of CORS_ORIGINS alone, by tokens and never by cookies."""

from collections.abc import Mapping
from typing import Final

from rottenbot import settings

# X-Session is not among them: the page's cookie is for the page alone.
TAKEN: Final = "Authorization, Content-Type, Idempotency-Key"
SHOWN: Final = "Allow, Retry-After, Server-Timing"
PREFLIGHT_SECONDS: Final = 600


def headers(asked: Mapping[str, str], method: str, allowed: list[str]) -> dict[str, list[str]]:
    """The headers to add to an answer, from a request's headers (by names in lower case) and method; `allowed` is what
    the answer's own `Allow` says. Nothing while no other site is let in."""
    origins = settings.cors().origins
    if not origins:
        return {}
    origin = asked.get("origin", "")
    if origin not in origins:
        return {"Vary": ["Origin"]}
    found = {"Vary": ["Origin"], "Access-Control-Allow-Origin": [origin], "Access-Control-Expose-Headers": [SHOWN]}
    if method == "OPTIONS" and "access-control-request-method" in asked:
        found |= {
            "Access-Control-Allow-Methods": allowed,
            "Access-Control-Allow-Headers": [TAKEN],
            "Access-Control-Max-Age": [str(PREFLIGHT_SECONDS)],
        }
    return found
