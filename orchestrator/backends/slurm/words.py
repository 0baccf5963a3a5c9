"""Numbers, sizes, times and arrays as Slurm writes them. Pure."""

import re

MOST_TASKS = 10_000  # of one array
UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}  # mebibytes
_SIZE = re.compile(r"(\d{1,12})([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_TIME = re.compile(
    r"(?:(?P<d>\d{1,4})-(?P<h>\d{1,3})(?::(?P<m>\d{1,2})(?::(?P<s>\d{1,2}))?)?)"
    r"|(?:(?P<H>\d{1,5}):(?P<M>\d{1,2}):(?P<S>\d{1,2}))"
    r"|(?:(?P<mm>\d{1,7})(?::(?P<ss>\d{1,2}))?)",
    re.ASCII,
)
_RANGE = re.compile(r"(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?", re.ASCII)
_NODES = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


def mebibytes(text: str) -> int:
    """Return a size in MiB, rounded up: 16G is 16 GiB, and a bare number is in MiB.

    Raises ValueError, saying what was expected, for other text.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError('expected a size as Slurm writes it, such as "16G" or "500M"')
    return -int(-int(found[1]) * UNITS[found[2].upper() or "M"] // 1)


def minutes(text: str) -> int:
    """Return a time limit in minutes, rounded up; "90" are minutes, "1:30" minutes and seconds.

    Raises ValueError, saying what was expected, for other text, and for no time at all.
    """
    found = _TIME.fullmatch(text.strip())
    given = {name: int(part) for name, part in found.groupdict(default=0).items()} if found else {}
    seconds = (
        given.get("d", 0) * 86400
        + (given.get("h", 0) + given.get("H", 0)) * 3600
        + (given.get("m", 0) + given.get("M", 0) + given.get("mm", 0)) * 60
        + sum(given.get(name, 0) for name in ("s", "S", "ss"))
    )
    if seconds == 0:
        raise ValueError(
            'expected a time as Slurm writes it: "90" (minutes), "90:30", "1:30:00", "2-12"'
            ' (days-hours), "2-12:30" or "2-12:30:00"'
        )
    return -(-seconds // 60)


def nodes(text: str) -> tuple[int, int]:
    """Return the least and the most nodes of "2" or "2-4"; raise ValueError for other text."""
    found = _NODES.fullmatch(text.strip())
    if found is not None:
        least, most = int(found[1]), int(found[2] or found[1])
        if 1 <= least <= most:
            return least, most
    raise ValueError('expected a number of nodes, such as "2", or a range, such as "2-4"')


def tasks(text: str) -> tuple[int, ...]:
    """Return the tasks of an array, such as "0-15", "1,3,5-7" or "0-100:10%4", in order.

    Raises ValueError, saying what was expected, for other text and for too many.
    """
    wanted, sign, at_once = text.strip().partition("%")
    found: set[int] = set()
    for part in wanted.split(","):
        match = _RANGE.fullmatch(part)
        step = int(match[3] or 1) if match else 0
        if match is None or step == 0 or int(match[2] or match[1]) < int(match[1]):
            raise ValueError('expected the tasks of an array, such as "0-15", "1,3,5-7" or "1-9%2"')
        one = range(int(match[1]), int(match[2] or match[1]) + 1, step)
        if len(one) > MOST_TASKS or len(found := found | set(one)) > MOST_TASKS:
            raise ValueError(f"expected at most {MOST_TASKS} tasks in one array")
    if sign and not (at_once.isascii() and at_once.isdecimal() and int(at_once[:9]) > 0):
        raise ValueError('expected a number of tasks at once behind the "%", such as "1-9%2"')
    return tuple(sorted(found))
