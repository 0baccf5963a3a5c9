"""Archives that no client should trust, for faults."""

import zipfile
from pathlib import Path

LINK = 0o120777 << 16  # how an archive from Unix says that a member is a link


def none(folder: Path) -> Path:
    """Return a file that is no archive at all."""
    path = folder / "none.zip"
    path.write_bytes(b"<html><body>Bad Gateway</body></html>\n" * 10)
    return path


def hostile(folder: Path) -> Path:
    """Return an archive whose members would lie where they must not."""
    path = folder / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("good.txt", "../escaped", "/absolute", "a/../../b", "CASE.txt", "case.txt"):
            archive.writestr(name, name)
        link = zipfile.ZipInfo("link")
        link.external_attr = LINK
        archive.writestr(link, "/etc/passwd")
        archive.writestr("link/through", "written through the link")
    return path
