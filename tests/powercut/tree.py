"""A tree of names and bytes that follows a program's changes."""

from dataclasses import dataclass, field

from tests.powercut.changes import Entry, Inode
from tests.powercut.reading import TraceError


@dataclass(slots=True)
class Tree:
    """The names as they are, below the folder `top`, and the bytes of the files."""

    top: str
    root: Inode = field(default_factory=lambda: Inode("folder", 0o700))
    names: dict[Inode, dict[str, Inode]] = field(default_factory=dict)
    data: dict[Inode, bytearray] = field(default_factory=dict)
    last: dict[str, Inode] = field(default_factory=dict)  # by path, also of what is gone

    def __post_init__(self) -> None:
        self.names[self.root] = {}

    def covers(self, path: str | None) -> bool:
        """Whether a path is one of ours."""
        return path is not None and (path == self.top or path.startswith(f"{self.top}/"))

    def entry(self, path: str) -> Entry:
        """Return folder and name for a path of ours."""
        above, _, name = path.rpartition("/")
        return self.at(above), name

    def at(self, path: str) -> Inode:
        """Return what is, or else what was last, at a path; raise TraceError for nothing."""
        inode = self.find(path) or self.last.get(path)
        if inode is None:
            raise TraceError(f"there never was a {path}")
        return inode

    def find(self, path: str) -> Inode | None:
        """Return what is at a path now."""
        inode: Inode | None = self.root
        for part in path[len(self.top) + 1 :].split("/") if path != self.top else ():
            inode = self.names.get(inode, {}).get(part) if inode is not None else None
        return inode

    def put(self, path: str, inode: Inode | None) -> None:
        """Let a path lead to an inode, or to nothing."""
        folder, name = self.entry(path)
        if inode is None:
            if self.names[folder].pop(name, None) is None:
                raise TraceError(f"{path} was removed, but it was never there")
            return
        self.names[folder][name] = self.last[path] = inode
        if inode.kind == "folder":
            self.names.setdefault(inode, {})
        else:
            self.data.setdefault(inode, bytearray())
