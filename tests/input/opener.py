"""A program that opens every file below some folders for writing, over and over.

python tests/input/opener.py FOLDER …

It writes nothing.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Open and close until killed, or left alone."""
    parent = os.getppid()
    while os.getppid() == parent:
        for folder in sys.argv[1:]:
            for above, _, names in os.walk(folder):
                for name in names:
                    with suppress(OSError):
                        os.close(os.open(Path(above, name), os.O_WRONLY | os.O_APPEND))


if __name__ == "__main__":
    main()
