"""The plain loop: one slice after the other, in this process, with decoder children of its own."""

import os
from pathlib import Path

from scanner.plain import PlainLoop
from scanner.slices import objects_matched
from scanner.worker import Spec


def children():
    """Return the processes that this one started."""
    own = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {child for path in own for child in path.read_text().split()}


def test_slices_are_done_in_order_each_when_asked_for_and_the_decoder_ends_with_the_loop(room):
    sweep = room.start()
    parts = list(sweep.listing)
    before = children()
    with PlainLoop(Spec(sweep.config, sweep.table.path)) as loop:
        assert children() - before
        pulled = []
        work = (pulled.append(part.number) or sweep.slice_of(part) for part in parts)
        done = loop.fingerprint(work)
        first, summary = next(done)
        assert (first, pulled, len(first)) == (sweep.slice_of(parts[0]), [0], summary.coverage.objects)
        assert not sweep.slice_of(parts[1]).output.exists()
        assert [one for one, _ in done] == [sweep.slice_of(part) for part in parts[1:]]
        sweep.match(loop)
        assert sum(objects_matched(sweep.matches_of(part)) for part in parts) == 3
    assert not children() - before
