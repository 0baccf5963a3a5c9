"""Copy, move and remove: promised at once, done a moment later, in their order, over restarts."""

import asyncio
import json
from typing import Any

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.objects import Objects
from orchestrator.emulators.thecrossproduct.uris import Place

TABLE = "chores (id INTEGER PRIMARY KEY, due REAL NOT NULL, what TEXT NOT NULL)"
LOOK_EVERY = 0.02  # seconds
LAG = 0.01  # seconds: after the answer, but within the twenty looks that the vendor's tests take


class Chores:
    """What was promised and is not done yet."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._promised = asyncio.Event()
        ground.db.make([TABLE])

    def promise(self, what: list[dict[str, Any]]) -> None:
        """Keep chores: {"do": "copy", "move" or "remove", …}."""
        lag = float(self._ground.faults.strike("effect-lag") or LAG)
        with self._ground.db.together():
            for chore in what:
                sql = "INSERT INTO chores (due, what) VALUES (:due, :what)"
                self._ground.db.do(sql, due=self._ground.clock.now() + lag, what=json.dumps(chore))
        self._promised.set()

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        db = self._ground.db
        while True:
            self._promised.clear()
            row = db.one("SELECT * FROM chores ORDER BY id LIMIT 1")
            if row is None:
                await self._promised.wait()
                continue
            if (left := row["due"] - self._ground.clock.now()) > 0:
                await asyncio.sleep(min(left, LOOK_EVERY))  # the clock may be moved meanwhile
                continue
            with db.together():
                db.do("DELETE FROM chores WHERE id = :id", id=row["id"])
                carry_out(self._ground.objects, json.loads(row["what"]))


def carry_out(objects: Objects, chore: dict[str, Any]) -> None:
    """Do one chore; what is gone meanwhile is passed over."""
    if chore["do"] == "remove":
        place = Place(*chore["place"])
        rows = objects.within(place.bucket, place.key) if place.is_folder else []
        for key in [it["key"] for it in rows] or [place.key]:
            objects.remove(place.bucket, key)
        return
    src, dest = Place(*chore["src"]), Place(*chore["dest"])
    move = chore["do"] == "move" and not chore["keep_original"]
    if not src.is_folder:
        name = src.key.rpartition("/")[2]
        target = Place(dest.bucket, dest.key + name if dest.is_folder else dest.key)
        _one(objects, src, target, chore, move=move)
        return
    if not dest.is_folder:
        if objects.find(dest.bucket, dest.key) is not None:
            return  # a folder onto a file: nothing happens
        dest = Place(dest.bucket, dest.key + "/")
    if not chore["merge"]:
        for row in objects.within(dest.bucket, dest.key):
            objects.remove(dest.bucket, row["key"])
    _folder(objects, src, dest, chore, move=move)


def _folder(
    objects: Objects, src: Place, dest: Place, chore: dict[str, Any], *, move: bool
) -> None:
    """Copy or move all that is in a folder; a folder that lost all it had is removed too."""
    objects.make_folders(dest.bucket, dest.key, chore["owner"])
    rows = objects.within(src.bucket, src.key)
    for row in rows:
        target = Place(dest.bucket, dest.key + row["key"][len(src.key) :])
        if row["blob"] is None:
            objects.make_folders(target.bucket, target.key, chore["owner"])
        else:
            _one(objects, Place(src.bucket, row["key"]), target, chore, move=move)
    if move and all(it["blob"] is None for it in objects.within(src.bucket, src.key)):
        for row in rows:
            objects.remove(src.bucket, row["key"])


def _one(objects: Objects, src: Place, dest: Place, chore: dict[str, Any], *, move: bool) -> None:
    row = objects.find(src.bucket, src.key)
    there = objects.find(dest.bucket, dest.key) is not None
    if row is None or src == dest or (there and not chore["overwrite"]):
        return
    objects.copy(row, dest.bucket, dest.key, chore["owner"])
    if move:
        objects.remove(src.bucket, src.key)
