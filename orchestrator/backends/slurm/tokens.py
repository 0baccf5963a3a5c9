"""When a token ends: slurmrestd says of one that has expired only that something failed. Pure."""

import base64
import binascii
import json


def expires(token: str) -> float | None:
    """Return when a token ends, in seconds since 1970; None where it does not say so."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    end = claims.get("exp") if isinstance(claims, dict) else None
    return float(end) if isinstance(end, int | float) else None


def expired(token: str, now: float) -> bool:
    """Whether a token has ended; `now` is in seconds since 1970."""
    end = expires(token)
    return end is not None and end <= now
