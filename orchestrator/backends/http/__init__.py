"""The ground all HTTP backends stand on: one door, one governor an account, transfers of bytes.

It knows no vendor.
"""

from orchestrator.backends.http.account import Account
from orchestrator.backends.http.asking import Ask, Reply, Use
from orchestrator.backends.http.door import Door, open_door
from orchestrator.backends.http.download import Stream, download
from orchestrator.backends.http.governor import Governor, read_standing
from orchestrator.backends.http.storage import ExpiredError, Storage, storage_of
from orchestrator.backends.http.upload import upload

__all__ = [
    "Account",
    "Ask",
    "Door",
    "ExpiredError",
    "Governor",
    "Reply",
    "Storage",
    "Stream",
    "Use",
    "download",
    "open_door",
    "read_standing",
    "storage_of",
    "upload",
]
