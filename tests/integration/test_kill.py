"""`kill -9` at any moment ends with the result of an undisturbed run: of a driver, once the same command was
run again; of a worker or a decoder, in the run that it happened to."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.line import content, hashsweep, import_known, start, write_store

PARTS = 10
"""Fewer parts than the store comes to, so that a run which has put so many is not over."""

MOMENTS = {("driver", 1): 0, ("driver", 2): 6, ("worker", 1): 1, ("decoder", 1): 3}
"""Parts that are at rest when the first of each kind is killed, whatever the machine's speed; the others are
killed after as many as their seed says, and at a random time after that."""

HELD_SECONDS = {("decoder", 1): 1.0}
"""How long one stands still before it is killed: by then its worker has asked it for an object."""

OPTIONS = ("--scheduler", "local", "--workers", "2", "--json")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A store, and the result of a run that nobody disturbed."""
    root = tmp_path_factory.mktemp("kill")
    store = content(120)
    write_store(root / "store", store)
    settings = root / "settings.toml"
    settings.write_text("[run]\npart_objects = 12\ngap_tolerance = 1.0\n")
    import_known(root / "calm", store)
    done = hashsweep("scan", f"file://{root / 'store'}", "-c", settings, "-w", root / "calm", *OPTIONS)
    assert done.code == 1, done.err
    return root, store, settings, _result(done.json)


def _result(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what a run found, what every object came to, and what was listed."""
    counts = {name: summary["inventory"][name] for name in ("objects", "bytes", "delete_markers")}
    return {"rows": summary["rows_digest"], "outcomes": summary["coverage"]["outcomes"], "listed": counts}


def _victim(driver: psutil.Process, kind: str) -> psutil.Process | None:
    """Return one process of a kind below the driver, or the driver itself."""
    if kind == "driver":
        return driver
    below = driver.children(recursive=True)
    decoders = [one for one in below if "scanner.decoder" in " ".join(one.cmdline())]
    if kind == "decoder":
        return random.choice(decoders) if decoders else None
    workers = [one for one in below if "spawn_main" in " ".join(one.cmdline())]
    return random.choice(workers) if workers else None


def _moment(kind: str, seed: int) -> tuple[int, float, float]:
    """Return after how many parts, and how many seconds after that, to kill, and after what standstill."""
    if (kind, seed) in MOMENTS:
        return MOMENTS[kind, seed], 0.0, HELD_SECONDS.get((kind, seed), 0.0)
    chance = random.Random(seed)
    return chance.randrange(PARTS), chance.uniform(0, 3), 0.0


def _disturb(pid: int, kind: str, workspace: Path, parts: int, wait: float, held: float) -> bool:
    """Kill one process of a run that has put so many parts; tell whether that came to pass.

    A run of no part is one that has its name: its driver may be listing.
    """
    driver = psutil.Process(pid)
    deadline = time.monotonic() + 60
    while not list(workspace.glob("runs/*/run.json")) or len(_parts(workspace)) < parts:
        if time.monotonic() > deadline or driver.status() == psutil.STATUS_ZOMBIE:
            return False
        time.sleep(0.005)
    time.sleep(wait)
    try:
        victim = _victim(driver, kind)
        if victim is None or driver.status() == psutil.STATUS_ZOMBIE:
            return False
        if held:
            os.kill(victim.pid, signal.SIGSTOP)
            time.sleep(held)
        os.kill(victim.pid, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
    return True


def _parts(workspace: Path) -> list[Path]:
    return list(workspace.glob("runs/*/parts/*.parquet"))


def _check(undisturbed, tmp_path, kind: str, seed: int) -> bool:
    """Disturb a run, finish it where that ended it, compare; tell whether it was disturbed."""
    root, store, settings, result = undisturbed
    workspace = tmp_path / f"{kind}-{seed}"
    import_known(workspace, store)
    command = ("scan", f"file://{root / 'store'}", "-c", settings, "-w", workspace, *OPTIONS)
    running = start(*command)
    disturbed = _disturb(running.pid, kind, workspace, *_moment(kind, seed))
    out, err = running.communicate(timeout=200)
    if kind == "driver" and running.returncode < 0:
        runs = sorted((workspace / "runs").iterdir())
        assert len(runs) == 1
        done = hashsweep(*command)
        assert done.code == 1, done.err
        assert sorted((workspace / "runs").iterdir()) == runs, "the same run was not taken up"
        out = done.out
    else:
        assert running.returncode == 1, err
    assert _result(json.loads(out)) == result
    return disturbed


@pytest.mark.parametrize(("kind", "seed"), [("driver", 1), ("driver", 2), ("worker", 1), ("decoder", 1)])
def test_a_killed_process_changes_nothing_in_the_result(undisturbed, tmp_path, kind, seed):
    assert _check(undisturbed, tmp_path, kind, seed), "nothing was killed"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("kind", "seed"),
    [(kind, seed) for seed in range(3, 11) for kind in ("driver", "worker", "decoder")][:20],
)
def test_a_process_killed_at_many_moments_changes_nothing_in_the_result(undisturbed, tmp_path, kind, seed):
    if not _check(undisturbed, tmp_path, kind, seed):
        print(f"{kind} {seed}: the run was over before its time")
