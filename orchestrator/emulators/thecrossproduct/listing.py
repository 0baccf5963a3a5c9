"""POST /data: which files and folders of which spaces are listed, and what is told of them."""

from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.objects import Objects
from orchestrator.emulators.thecrossproduct import fields
from orchestrator.emulators.thecrossproduct.refusal import RefusalError
from orchestrator.emulators.thecrossproduct.uris import Uris

FIELDS = {
    "expands_info": fields.flag,
    "group": fields.words,
    "groups": fields.texts,
    "hierarchy": fields.flag,
    "ignores": fields.texts,
    "items_per_page": fields.count,
    "personal": fields.flag,
    "prefix": fields.text_or_texts,
    "since": fields.moment,
    "suffix": fields.text_or_texts,
}


def entries(uris: Uris, objects: Objects, query: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return (sort key, item) of all that a query asks for; an item is (is a folder, answer)."""
    found = []
    for bucket in _buckets(uris, query):
        for row in objects.within(bucket):
            uri = uris.uri(bucket, row["key"])
            if _is_wanted(row, uri, query):
                found.append((f"{row['key']}\n{uri}", _told(row, uri, query)))
    return sorted(found, key=lambda it: it[0])


def _buckets(uris: Uris, query: dict[str, Any]) -> list[str]:
    buckets = [uris.account] if query.get("personal", True) else []
    asked = [*query.get("groups", []), *([query["group"]] if "group" in query else [])]
    for name in asked:
        group = uris.groups.get(name, name)
        if group not in uris.groups.values():
            raise RefusalError(403, f"Not a member of group '{name}'")
        if group not in buckets:
            buckets.append(group)
    return buckets


def _is_wanted(row: Row, uri: str, query: dict[str, Any]) -> bool:
    if row["modified"] < query.get("since", row["modified"]):
        return False
    if "suffix" in query and not any(uri.endswith(it) for it in query["suffix"]):
        return False
    for prefix in query.get("prefix", [""]):
        name = uri if "@" in prefix else row["key"]
        rest = name[len(prefix) :].removesuffix("/")
        if name.startswith(prefix) and not (query.get("hierarchy") and "/" in rest):
            return True
    return False


def _told(row: Row, uri: str, query: dict[str, Any]) -> tuple[bool, Any]:
    if row["blob"] is None:
        return True, uri
    if not query.get("expands_info"):
        return False, uri
    facts = {
        "user_id": row["owner"],
        "path": uri,
        "created": fields.date(row["created"]),
        "last_modified": fields.date(row["modified"]),
        "size": row["size"],
        "md5sum": row["md5sum"] or "",
        "download_count": row["downloads"],
    }
    return False, {name: it for name, it in facts.items() if name not in query.get("ignores", [])}
