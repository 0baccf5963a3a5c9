"""URLs that carry their own permission, in the form of S3: who may do what, and until when."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

STAMP = "%Y%m%dT%H%M%SZ"
SIGNATURE = "X-Amz-Signature"


class DeniedError(Exception):
    """The URL permits nothing: `code` is S3's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def presign(
    key: bytes, method: str, path: str, more: Mapping[str, str], *, lifetime: float, now: datetime
) -> str:
    """Return path and query of a URL that permits one method for `lifetime` whole seconds."""
    query = dict(more) | {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": now.strftime(STAMP),
        "X-Amz-Expires": str(int(lifetime)),
        "X-Amz-SignedHeaders": "host",
    }
    signed = query | {SIGNATURE: _sign(key, method, path, query)}
    return f"{quote(path)}?{urlencode(signed)}"


def check(key: bytes, method: str, path: str, query: Mapping[str, str], now: datetime) -> None:
    """Raise DeniedError unless this method of this URL was signed here and is still permitted."""
    unsigned = {name: value for name, value in query.items() if name != SIGNATURE}
    if SIGNATURE not in query:
        raise DeniedError("AccessDenied", "Access Denied")
    if not hmac.compare_digest(_sign(key, method, path, unsigned), query[SIGNATURE]):
        raise DeniedError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    begun = datetime.strptime(query["X-Amz-Date"], STAMP).replace(tzinfo=UTC)
    if now >= begun + timedelta(seconds=int(query["X-Amz-Expires"])):
        raise DeniedError("AccessDenied", "Request has expired")


def _sign(key: bytes, method: str, path: str, query: Mapping[str, str]) -> str:
    text = "\n".join([method, path, urlencode(sorted(query.items()))])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
