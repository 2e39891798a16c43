"""Every outcome that an object can come to, each from a real cause; what is listed is what has an outcome."""

import sys
from pathlib import Path

import pytest

from scanner.config import Config, Fetch, Matching, Media, Select, Target
from scanner.decoder import Decoder
from scanner.findings.coverage import coverage_of, reconcile
from scanner.hashlist.snapshot import active_snapshots
from scanner.hashlist.table import build_table
from scanner.inventory import list_parts
from scanner.inventory.item import Item
from scanner.inventory.parts import freeze_parts
from scanner.match.distances import max_distances
from scanner.records import Listed, Outcome
from scanner.retry import Retry
from scanner.slices import read_fingerprints, slice_of
from scanner.target import place_of
from scanner.worker import Spec, Worker
from scanner.workspace import Workspace
from tests import faults, pictures
from tests.faults import Fault
from tests.line import content, import_known

RETRY = Retry(2, 0.01, 0.02, lambda _: None, lambda: 0.0)
POISON = Path(__file__).parents[1] / "unit" / "decoder" / "poisoned_child.py"
MEDIA = Media(seconds=3, max_pixels=400_000)


@pytest.fixture
def table(tmp_path):
    import_known(tmp_path / "workspace", content(6))
    workspace = Workspace(tmp_path / "workspace").open()
    return build_table(workspace, active_snapshots(workspace), max_distances(Matching()))


def scanned(config, table, part, tmp_path):
    """Fingerprint one part with a decoder that some objects are poison to."""
    work = slice_of(part, tmp_path / "parts", config)
    with Worker(Spec(config, table.path), [Decoder(config.media, [sys.executable, str(POISON)])]) as worker:
        summary = worker.fingerprint(work)
    rows = read_fingerprints(work.output)
    assert summary.coverage == coverage_of(rows)
    assert reconcile(part.rows, summary.coverage) == []
    return {row.object.key: row for row in rows}


def test_a_directory_gives_each_outcome_that_files_can_come_to(table, tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    files = {
        "picture.jpg": pictures.jpeg(1),
        "clip.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(1000),
        "notes.txt": b"words",
        "cut.jpg": pictures.truncated(pictures.jpeg(2)),
        "bomb.png": pictures.pixel_bomb(),
        "skipped.tmp": b"left out",
        "vanishes.jpg": pictures.jpeg(3),
        "changes.jpg": pictures.jpeg(4),
        "crashes": b"poison: abort",
        "hangs": b"poison: hang",
    }
    for name, data in files.items():
        (root / name).write_bytes(data)
    (root / "link.jpg").symlink_to("picture.jpg")
    target = Target(url=f"file://{root}")
    config = Config(targets=(target,), select=Select(exclude=("*.tmp",)), media=MEDIA)
    folder = tmp_path / "inventory"
    (part,) = list_parts(place_of(target), 0, folder, config.select, 1000, RETRY, None)
    (root / "vanishes.jpg").unlink()
    (root / "changes.jpg").write_bytes(pictures.jpeg(5))
    rows = scanned(config, table, part, tmp_path)
    assert {key: str(row.outcome) for key, row in rows.items()} == {
        "picture.jpg": "hashed",
        "clip.mp4": "hashed",
        "notes.txt": "not_media",
        "cut.jpg": "undecodable",
        "bomb.png": "too_large",
        "skipped.tmp": "excluded",
        "vanishes.jpg": "gone",
        "changes.jpg": "changed",
        "crashes": "crashed",
        "hangs": "timed_out",
        "link.jpg": "not_regular",
    }
    whole = {"picture.jpg", "clip.mp4", "notes.txt", "cut.jpg", "bomb.png", "crashes", "hangs"}
    assert {key for key, row in rows.items() if row.sha256 is not None} == whole, "digests are kept when read"
    assert all(row.reason for row in rows.values() if row.outcome is not Outcome.HASHED)


def test_a_bucket_gives_each_outcome_that_answers_can_come_to(table, tmp_path):
    answers = {
        "//archived": [Fault(403, "InvalidObjectState")],
        "//denied": [Fault(403, "AccessDenied")],
        "//failed": [faults.SLOW_DOWN, faults.SLOW_DOWN],
        "//gone": [Fault(404, "NoSuchVersion")] * 2,  # nor is it the null version
        "//hashed": [faults.SLOW_DOWN, faults.NOTHING],
        "//replaced": [Fault(412, "PreconditionFailed")] * 2,
    }
    with faults.serving() as server:
        refs = [server.put(key, pictures.jpeg(1)) for key in answers]
        server.faults.extend(fault for scripted in answers.values() for fault in scripted)
        fetch = Fetch(in_flight=1, attempts=2, backoff_seconds=0.01, max_backoff_seconds=0.02)
        config = Config(targets=(server.target(),), fetch=fetch, media=MEDIA)
        items = [Item(Listed(ref), ("current", ref.key)) for ref in refs]
        (part,) = freeze_parts(items, 0, tmp_path / "inventory", Select(), 1000, [])
        rows = scanned(config, table, part, tmp_path)
    outcomes = {key: str(row.outcome) for key, row in rows.items()}
    assert outcomes == {key: key.strip("/").replace("replaced", "changed") for key in answers}


def test_no_outcome_is_left_without_a_test():
    known = Path(__file__).read_text()
    missing = [outcome for outcome in Outcome if f'"{outcome}"' not in known and f"//{outcome}" not in known]
    assert missing == [Outcome.SCREENED], "screened is for listings that bring digests with them"
