"""Fill the disk under an open queue. Run as `python -m tests.store.full_queue FOLDER`."""

import asyncio
import sys
from pathlib import Path

from tests.store.child import fill_the_disk

asyncio.run(fill_the_disk(Path(sys.argv[1])))
