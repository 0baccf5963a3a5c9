"""Real input: Debian's CalculiX decks go through the whole daemon, from spool to results."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.decks import FAILS, SOLVED, assert_solved, read

pytestmark = pytest.mark.needs("ccx")


def _folder(spool: Path, deck: str) -> None:
    """Drop a job folder with its deck as people do: a plain copy into the spool."""
    folder = spool.parent / "prepared" / deck
    folder.mkdir(parents=True)
    (folder / f"{deck}.inp").write_text(read(f"{deck}.inp"))
    (folder / "job.toml").write_text(
        f'tags = ["calculix"]\n[run]\ncommand = ["ccx", "{deck}"]\n'
        'env = { OMP_NUM_THREADS = "1" }\n[outputs]\ninclude = ["*.dat", "*.frd"]\n'
        '[limits]\ntime = "60s"\n'
    )
    shutil.copytree(folder, spool / deck)


def test_ten_decks_are_solved_and_the_failing_one_keeps_its_log(
    tmp_path: Path, program: list[str], environment: dict[str, str]
) -> None:
    """An engineer's own solver would not run here, or its results would not be what it computed."""
    home = tmp_path / "home"
    subprocess.run([*program, "--home", home, "init"], env=environment, check=True)
    for deck in (*SOLVED, FAILS):
        _folder(home / "spool", deck)
    served = subprocess.run(
        [*program, "--home", home, "serve", "--until-idle"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert served.returncode == 1, served.stderr  # one deck fails, as it should
    for deck in SOLVED:
        (run,) = home.glob(f"results/{deck}-*/1")
        manifest = json.loads((run / "MANIFEST.json").read_text())
        assert manifest["outcome"] == "succeeded"
        names = {entry["name"] for entry in manifest["files"]}
        assert {f"outputs/{deck}.dat", f"outputs/{deck}.frd", "stdout"} <= names
        assert (run / "outputs" / f"{deck}.frd").stat().st_size > 0
        assert_solved(deck, run / "outputs" / f"{deck}.dat")
    (failed,) = home.glob(f"results/{FAILS}-*/1")
    manifest = json.loads((failed / "MANIFEST.json").read_text())
    assert (manifest["outcome"], manifest["exit_code"]) == ("failed", 201)
    assert "*ERROR" in (failed / "stdout").read_text()
    verified = subprocess.run(
        [*program, "--home", home, "verify", "--all"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
