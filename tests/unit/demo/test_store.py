"""The made store is the same every time, its pictures are unlike each other, and its copies are copies."""

import collections
import functools
import hashlib
import os
import stat
from pathlib import Path

import numpy as np
import pdqhash
import pillow_heif
import pytest
from PIL import Image

from scanner.demo.oddity import BROKEN, CLIP, HOSTILE_NAMES
from scanner.demo.store import make_store

pillow_heif.register_heif_opener()


def _files(store):
    """Return the keys of all regular files."""
    root = os.fsencode(store.root)
    paths = [b"%s/%s" % (folder, name) for folder, _, names in os.walk(root) for name in names]
    return sorted(path[len(root) + 1 :] for path in paths if stat.S_ISREG(os.lstat(path).st_mode))


def _content(store):
    return {
        key: (hashlib.sha256(store.path(key).read_bytes()).digest(), store.path(key).stat().st_mtime_ns)
        for key in _files(store)
    }


@functools.cache
def _pdq(path):
    """Return PDQ and quality as the reference computes them, or None for what is no whole picture."""
    try:
        with Image.open(path) as image:
            deep = image.mode.startswith("I")
            pixels = Image.fromarray((np.asarray(image) // 257).astype(np.uint8)) if deep else image
            bits, quality = pdqhash.compute(np.asarray(pixels.convert("RGB")))
    except (OSError, Image.DecompressionBombError):
        return None
    return bits, quality


def _distances(store, kind):
    known = {entry.entry_id: entry.key for entry in store.known}
    for expected in store.expected:
        if expected.kind == kind:
            copy, original = (_pdq(store.path(key))[0] for key in (expected.key, known[expected.entry_id]))
            yield int((copy != original).sum())


def test_it_is_of_the_size_that_was_promised(demo_store):
    files = _files(demo_store)
    assert 300 <= len(files) <= 400
    assert sum(demo_store.path(key).stat().st_size for key in files) < 40 << 20


def test_making_it_again_makes_the_same(demo_store):
    before = _content(demo_store)
    assert make_store(demo_store.root.parent) == demo_store
    assert _content(demo_store) == before


def test_folders_and_files_are_private_and_lie_inside(demo_store):
    folders = [Path(folder) for folder, _, _ in os.walk(demo_store.root)]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert {stat.S_IMODE(demo_store.path(key).stat().st_mode) for key in _files(demo_store)} == {0o600}
    assert [path.name for path in demo_store.root.parent.iterdir()] == ["store"]


def test_pictures_are_unlike_each_other(demo_store):
    copies = {copy.key for copy in demo_store.expected} - {entry.key for entry in demo_store.known}
    paths = [demo_store.path(key) for key in _files(demo_store) if key not in copies]
    taken = [_pdq(path) for path in paths if _pdq(path) is not None]
    assert len(taken) > 220
    bits = np.array([bits for bits, _ in taken])
    distances = (bits[:, None] != bits[None]).sum(axis=2)
    np.fill_diagonal(distances, 256)
    assert distances.min() > 60
    assert min(quality for _, quality in taken) >= 50


def test_every_form_that_a_bucket_holds_is_there(demo_store):
    forms = collections.Counter()
    frames = set()
    for key in _files(demo_store):
        if _pdq(demo_store.path(key)) is not None:
            with Image.open(demo_store.path(key)) as image:
                forms[image.format, image.mode] += 1
                forms[image.format, "turned"] += image.getexif().get(0x0112, 1) == 6
                frames.add((image.format, getattr(image, "n_frames", 1) > 1))
    wanted = {
        *(
            ("JPEG", "RGB"),
            ("JPEG", "CMYK"),
            ("JPEG", "L"),
            ("JPEG", "turned"),
            ("BMP", "RGB"),
            ("TIFF", "RGB"),
        ),
        *(("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("GIF", "P"), ("WEBP", "RGB")),
        *(("HEIF", "RGB"), ("AVIF", "RGB")),
    }
    assert wanted - {form for form, count in forms.items() if count > 0} == set()
    assert ("GIF", True) in frames


def test_every_known_file_is_expected_under_its_own_name(demo_store):
    exact = {(copy.key, copy.entry_id) for copy in demo_store.expected if copy.kind == "exact"}
    assert {(entry.key, entry.entry_id) for entry in demo_store.known} <= exact


def test_exact_copies_are_the_same_bytes_under_other_names(demo_store):
    known = {entry.entry_id: entry.key for entry in demo_store.known}
    exact = [copy for copy in demo_store.expected if copy.kind == "exact"]
    assert len({copy.key for copy in exact}) == len(exact) > 80
    for copy in exact:
        assert demo_store.path(copy.key).read_bytes() == demo_store.path(known[copy.entry_id]).read_bytes()


@pytest.mark.parametrize("kind", ["reencoded", "resized"])
def test_changed_copies_lie_within_the_default_distance(demo_store, kind):
    distances = list(_distances(demo_store, kind))
    assert len(distances) > 20
    assert max(distances) <= 31


def test_most_cropped_copies_lie_within_the_default_distance(demo_store):
    distances = list(_distances(demo_store, "cropped"))
    assert len(distances) > 20
    assert sum(distance <= 31 for distance in distances) > 0.9 * len(distances)
    assert max(distances) < 60


def test_changed_copies_are_made_only_where_the_list_can_find_them(demo_store):
    listed = {entry.entry_id: entry.algorithms for entry in demo_store.known}
    for copy in demo_store.expected:
        assert copy.kind == "exact" or "pdq" in listed[copy.entry_id]
    assert {"md5", "sha1", "sha256", "pdq", "phash"} == {a for entry in listed.values() for a in entry}


def test_the_withdrawn_file_is_not_expected(demo_store):
    key = demo_store.withdrawn.key
    assert demo_store.path(key).is_file()
    assert key not in {copy.key for copy in demo_store.expected}
    assert key not in {entry.key for entry in demo_store.known}


def test_hostile_names_are_all_there_and_half_of_them_are_expected(demo_store):
    names = {b"uploads/names/" + name for name in HOSTILE_NAMES}
    assert names <= set(_files(demo_store))
    assert len(names & {copy.key for copy in demo_store.expected}) == len(HOSTILE_NAMES) // 2


def test_broken_files_are_broken_and_what_is_no_picture_is_none(demo_store):
    broken = [BROKEN, CLIP, "uploads/broken/cut-off.png", "uploads/broken/claims-3.6-gigapixels.png"]
    broken += ["uploads/broken/really-a-letter.jpg", "uploads/broken/noise.jpg", "uploads/empty.bin"]
    broken += ["uploads/backup.zip", "accounts/100003/documents/sales.csv"]
    for name in broken:
        assert _pdq(demo_store.root / name) is None
    assert (demo_store.root / "uploads/empty.bin").stat().st_size == 0
    assert (demo_store.root / "uploads/broken/claims-3.6-gigapixels.png").stat().st_size < 1000


def test_a_link_and_a_pipe_are_there_and_lead_to_nothing_new(demo_store):
    link, pipe = demo_store.root / "uploads" / "latest.jpg", demo_store.root / "uploads" / "incoming"
    assert link.is_symlink()
    assert link.resolve().is_relative_to(demo_store.root.resolve())
    assert link.resolve().is_file()
    assert stat.S_ISFIFO(os.lstat(pipe).st_mode)


def test_recall_counts_each_kind(demo_store):
    everything = {copy.key for copy in demo_store.expected}
    totals = collections.Counter(copy.kind for copy in demo_store.expected)
    assert demo_store.recall(everything) == {kind: (n, n) for kind, n in totals.items()}
    assert demo_store.recall(set()) == {kind: (0, n) for kind, n in totals.items()}
    one = next(copy for copy in demo_store.expected if copy.kind == "resized")
    assert demo_store.recall({one.key})["resized"] == (1, totals["resized"])
