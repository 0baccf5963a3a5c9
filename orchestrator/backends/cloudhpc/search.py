"""Which pages of a list to look at so that every wanted id is seen, or proved to be missing. Pure.

The list has the newest id first, and an unpublished number of rows on a page. New rows push the
others to later pages; so where an id was seen last is a good guess, and no more.
"""

from collections.abc import Iterable, Mapping, Sequence


class Search:
    """Asks for pages (1, 2, …) one by one; `guesses` are pages by id."""

    def __init__(self, wanted: Iterable[int], guesses: Mapping[int, int]) -> None:
        self.want(wanted)
        self._guesses = guesses
        self._ends: dict[int, tuple[int, int]] = {}  # page → its newest and its oldest id
        self._beyond: int | None = None  # the first page that is known to be empty
        self._size = 0  # the most rows that any page had, in this look: it may be another the next
        self.seen_on: dict[int, int] = {}
        self.pages = 0  # how many were looked at

    def want(self, wanted: Iterable[int]) -> None:
        """Look for these from now on; what was seen already is not asked for again."""
        self._wanted = sorted(set(wanted), reverse=True)

    def next(self) -> int | None:
        """Return the page to look at, None when nothing is left to be found out."""
        while self._wanted:
            page = self._page_for(self._wanted[0])
            if page is not None:
                return page
            del self._wanted[0]
        return None

    def take(self, page: int, ids: Sequence[int]) -> None:
        """Note what a page held, the newest first."""
        self.pages += 1
        self._size = max(self._size, len(ids))
        if ids:
            self._ends[page] = (ids[0], ids[-1])
            self.seen_on.update(dict.fromkeys(ids, page))
        if len(ids) < self._size or not ids:
            first = page + 1 if ids else page
            self._beyond = first if self._beyond is None else min(self._beyond, first)

    def _page_for(self, id_: int) -> int | None:
        """Return the page on which an id may still be; None when it was seen, or is on none."""
        if any(newest >= id_ >= oldest for newest, oldest in self._ends.values()):
            return None
        after = max((page for page, (_, oldest) in self._ends.items() if oldest > id_), default=0)
        before = [page for page, (newest, _) in self._ends.items() if newest < id_]
        before += [] if self._beyond is None else [self._beyond]
        last = min(before, default=None)
        guess = max(self._guesses.get(id_, after + 1), after + 1)
        if last is None:
            return guess
        return min(guess, last - 1) if last > after + 1 else None
