"""URLs that carry their own permission, in the forms of two stores: who may do what, until when."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

STAMP = "%Y%m%dT%H%M%SZ"


class DeniedError(Exception):
    """The URL permits nothing: `code` is the store's word for why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between stores.

    `mark` begins the names in a query. `expired` is how a URL is denied that was good once.
    `digest` is the header that tells the MD5 of an object; "" where there is none.
    """

    mark: str
    algorithm: str
    expired: tuple[int, str, str]
    digest: str
    needs_length: bool

    @property
    def signature(self) -> str:
        """The name of the signature in a query."""
        return f"{self.mark}-Signature"


S3 = Dialect(
    "X-Amz",
    "AWS4-HMAC-SHA256",
    (403, "AccessDenied", "Request has expired"),
    digest="",
    needs_length=True,
)
GOOGLE = Dialect(
    "X-Goog",
    "GOOG4-HMAC-SHA256",
    (400, "ExpiredToken", "The provided token has expired."),
    digest="x-goog-hash",
    needs_length=False,
)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs URLs, and knows its own again."""

    key: bytes
    dialect: Dialect

    def url(
        self,
        method: str,
        path: str,
        more: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        lifetime: float,
        now: datetime,
    ) -> str:
        """Return path and query of a URL that permits one method for `lifetime` whole seconds.

        A request must then have the `headers` (names in small letters) with just these values.
        """
        mark = self.dialect.mark
        query = dict(more) | {
            f"{mark}-Algorithm": self.dialect.algorithm,
            f"{mark}-Date": now.strftime(STAMP),
            f"{mark}-Expires": str(int(lifetime)),
            f"{mark}-SignedHeaders": ";".join(sorted([*headers, "host"])),
        }
        signed = query | {self.dialect.signature: self._sign(method, path, query, headers)}
        return f"{quote(path)}?{urlencode(signed)}"

    def check(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        now: datetime,
    ) -> None:
        """Raise DeniedError unless this request was signed here and is still permitted."""
        mark, signature = self.dialect.mark, self.dialect.signature
        unsigned = {name: value for name, value in query.items() if name != signature}
        if signature not in query:
            raise DeniedError(403, "AccessDenied", "Access Denied")
        names = set(query.get(f"{mark}-SignedHeaders", "").split(";")) - {"host"}
        signed = {name: headers.get(name, "") for name in names}
        if not hmac.compare_digest(self._sign(method, path, unsigned, signed), query[signature]):
            raise DeniedError(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            )
        begun = datetime.strptime(query[f"{mark}-Date"], STAMP).replace(tzinfo=UTC)
        if now >= begun + timedelta(seconds=int(query[f"{mark}-Expires"])):
            raise DeniedError(*self.dialect.expired)

    def _sign(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> str:
        pairs = [sorted(query.items()), sorted(headers.items())]
        text = "\n".join([method, path, *(urlencode(it) for it in pairs)])
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
