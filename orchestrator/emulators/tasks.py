"""One task for each run that has not ended; after a restart they go on where they were."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

Id = TypeVar("Id")


class Tasks(Generic[Id]):
    """The tasks that conduct runs. `conduct` takes a run from where it is to its end."""

    def __init__(self, conduct: Callable[[Id], Coroutine[Any, Any, None]]) -> None:
        self._conduct = conduct
        self._tasks: dict[Id, asyncio.Task[None]] = {}

    def launch(self, id_: Id) -> None:
        """Begin with a run, or go on with it."""
        task = asyncio.get_running_loop().create_task(self._conduct(id_))
        self._tasks[id_] = task
        task.add_done_callback(lambda _: self._tasks.pop(id_, None))

    def cancel(self, id_: Id) -> None:
        """End the task of a run, if it has one."""
        if id_ in self._tasks:
            self._tasks[id_].cancel()

    async def run(self, unfinished: Iterable[Id]) -> None:
        """Go on with what had not ended when the emulator was; until cancelled."""
        for id_ in unfinished:
            self.launch(id_)
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
