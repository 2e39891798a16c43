"""The only place where benchmarks measure memory: what a process holds beside mapped files."""

import multiprocessing
import threading
from pathlib import Path

EVERY = 0.02
"""Seconds between two looks."""


def measured(work, *arguments):
    """Return what a function returns in a new process, and the GB that it held at most."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_watched, (work, *arguments))


def _watched(work, *arguments):
    peak, ended = [_held()], threading.Event()

    def watch():
        while not ended.wait(EVERY):
            peak.append(max(peak.pop(), _held()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    result = work(*arguments)
    ended.set()
    watcher.join()
    return result, max(peak)


def _held():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1e6
