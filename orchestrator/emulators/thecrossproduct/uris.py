"""Paths at this service: `folder/file` is one's own, `group@folder/file` a group's."""

from dataclasses import dataclass

from orchestrator.emulators.database import Row
from orchestrator.emulators.objects import Objects
from orchestrator.emulators.thecrossproduct.accounts import Accounts
from orchestrator.emulators.thecrossproduct.refusal import RefusalError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a uri leads: a bucket of the object store and a key in it."""

    bucket: str
    key: str

    @property
    def is_folder(self) -> bool:
        """Whether it names a folder."""
        return self.key.endswith("/")


class Uris:
    """The uris of one account."""

    def __init__(self, accounts: Accounts, objects: Objects, account: str) -> None:
        self._objects, self.account = objects, account
        self.groups = {it["name"]: it["id"] for it in accounts.groups()}

    def place(self, uri: str) -> Place:
        """Return where a uri leads. Raises RefusalError for one that leads nowhere."""
        group, at, key = uri.rpartition("@")
        if at and group not in self.groups:
            raise RefusalError(403, f"Not a member of group '{group}'")
        parts = key.removesuffix("/").split("/")
        if any(part in ("", ".", "..") for part in parts) or not key.isprintable():
            raise RefusalError(400, f"Invalid uri '{uri}'")
        return Place(self.groups[group] if at else self.account, key)

    def uri(self, bucket: str, key: str) -> str:
        """Return the uri that leads to a key of one of this account's buckets."""
        names = {id_: name for name, id_ in self.groups.items()}
        return key if bucket == self.account else f"{names[bucket]}@{key}"

    def file(self, uri: str) -> Row:
        """Return the file at a uri. Raises RefusalError where there is none."""
        place = self.place(uri)
        row = self._objects.find(place.bucket, place.key)
        if row is None or row["blob"] is None:
            raise RefusalError(404, f"'{uri}' does not exist")
        return row
