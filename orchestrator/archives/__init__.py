"""Read archives that others made, safely: tar (plain, gzip, bzip2, xz) and zip, told by content.

An archive is untrusted. The parsers are our own and small: the standard library's would build an
object for each entry before one can object, and its extractors create links. Nothing here writes.
`survey` reads an archive to its last byte and refuses it or tells what it holds; `files` then gives
its files one by one. Memory does not grow with the size of what is read.

What becomes of an entry:

| entry | becomes |
| --- | --- |
| regular file | a file; owner, mode and time are dropped |
| folder | nothing by itself: a folder is made for the files in it |
| link, device, fifo, sparse file, others | left out, and told; where a link leads is not asked |
| name absolute, with `..`, backslash or drive | refused |
| name with control characters, too long, too deep | refused |
| name there already, or one that differs only in case or accents | refused |
| below a file or a link | refused |

Refused means the whole archive. An entry left out takes its name all the same, so that nothing goes
through a link even on paper. Refused are also archives that are damaged, cut off, encrypted, of
overlapping parts, or of more bytes or entries than the limits allow.
"""

from orchestrator.archives.reading import Contents, File, files, survey
from orchestrator.archives.rules import Limits, RefusedError, limits_for, shown

__all__ = [
    "Contents",
    "File",
    "Limits",
    "RefusedError",
    "files",
    "limits_for",
    "shown",
    "survey",
]
