"""The ground all HTTP backends stand on: one door, one governor an account, transfers of bytes.

It knows no vendor. Names are imported when they are first asked for: httpx takes a tenth of a
second, and who only checks a job file has no use for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.backends.http.account import Account
    from orchestrator.backends.http.asking import Ask, Reply, Use
    from orchestrator.backends.http.digesting import digest, digested
    from orchestrator.backends.http.door import Door, open_door
    from orchestrator.backends.http.downloading import Stream, download
    from orchestrator.backends.http.governor import Governor, read_budgets, read_standing
    from orchestrator.backends.http.multipart import Field, FilePart
    from orchestrator.backends.http.naming import as_path
    from orchestrator.backends.http.saving import save
    from orchestrator.backends.http.sending import send
    from orchestrator.backends.http.storage import ExpiredError, Storage, storage_of
    from orchestrator.backends.http.uploading import upload

_MODULES = {
    "account": ("Account",),
    "asking": ("Ask", "Reply", "Use"),
    "digesting": ("digest", "digested"),
    "door": ("Door", "open_door"),
    "downloading": ("Stream", "download"),
    "governor": ("Governor", "read_budgets", "read_standing"),
    "multipart": ("Field", "FilePart"),
    "naming": ("as_path",),
    "saving": ("save",),
    "sending": ("send",),
    "storage": ("ExpiredError", "Storage", "storage_of"),
    "uploading": ("upload",),
}

__all__ = [
    "Account",
    "Ask",
    "Door",
    "ExpiredError",
    "Field",
    "FilePart",
    "Governor",
    "Reply",
    "Storage",
    "Stream",
    "Use",
    "as_path",
    "digest",
    "digested",
    "download",
    "open_door",
    "read_budgets",
    "read_standing",
    "save",
    "send",
    "storage_of",
    "upload",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
