"""Directories as they are found: links, loops, pipes, names of any bytes, and folders that cannot be read."""

import contextlib
import os
import shutil
import socket
import subprocess
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.config import Target
from scanner.errors import StoreError
from scanner.inventory.local import OPEN_FOLDERS, _time, list_directory
from scanner.records import Outcome
from scanner.target import place_of

ODD_NAMES = [
    b"two\nlines",
    b"tab\there",
    b"a+b 100%.jpg",
    b"..hidden",
    b"back\\slash",
    b" ",
    b"-rf",
    "ü".encode(),
    b"x" * 255,
    b"\xff\xfe.jpg",
    b"\\xff\\xfe.jpg",
]


def list_rows(root, resume=None):
    return [item.listed for item in list_directory(place_of(Target(url=f"file://{root}")), resume)]


def keys(root, resume=None):
    return [row.object.key for row in list_rows(root, resume)]


def outcomes(root):
    return {row.object.key: (row.outcome, row.reason) for row in list_rows(root)}


def test_a_file_is_named_below_the_root_with_its_size_and_time(tmp_path):
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "b.jpg"
    file.write_bytes(b"12345")
    os.utime(file, ns=(0, 1_700_000_000_123_456_789))
    (row,) = list_rows(tmp_path)
    ref = row.object
    assert (row.outcome, row.reason) == (None, None)
    assert (ref.store, ref.bucket, ref.key) == ("file", str(tmp_path.resolve()), "a/b.jpg")
    assert (ref.size, ref.etag, ref.version_id) == (5, "5-1700000000123456789", None)
    assert ref.last_modified == datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)
    assert ref.is_latest


@pytest.mark.parametrize("nanoseconds", [-1, 0, -(10**18), 2**62], ids=str)
def test_odd_times_are_listed_as_they_are(tmp_path, nanoseconds):
    (tmp_path / "a").write_bytes(b"")
    with contextlib.suppress(OSError):  # not every file system takes every time
        os.utime(tmp_path / "a", ns=(0, nanoseconds))
    (row,) = list_rows(tmp_path)
    assert row.object.etag == f"0-{(tmp_path / 'a').stat().st_mtime_ns}"


@pytest.mark.parametrize(("seconds", "year"), [(10**14, 9999), (-(10**14), 1)])
def test_times_beyond_any_calendar_do_not_end_a_listing(seconds, year):
    assert _time(seconds * 10**9).year == year


def test_the_order_is_that_of_bytes_depth_first(tmp_path):
    for name in ("b/z", "b/a", "a-b", "a/c", "a/b/c", "B", "ü", "a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"")
    assert keys(tmp_path) == ["B", "a/b/c", "a/c", "a-b", "a.txt", "b/a", "b/z", "ü"]


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_a_name_of_any_bytes_is_kept(tmp_path, name):
    (tmp_path / os.fsdecode(name)).touch()
    (row,) = list_rows(tmp_path)
    key = row.object.key.encode() if row.object.key_bytes is None else row.object.key_bytes
    assert key == name
    assert row.object.key.isprintable() or row.object.key_bytes is None


def test_names_that_read_alike_are_different_objects(tmp_path):
    for name in (b"\xff\xfe.jpg", b"\\xff\\xfe.jpg"):
        (tmp_path / os.fsdecode(name)).touch()
    one, two = list_rows(tmp_path)
    assert one.object.key == two.object.key
    assert one.object.finding_id != two.object.finding_id


def test_a_folder_whose_name_is_not_utf8_is_entered_and_taken_up_again(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    for name in (b"a", b"\xfe"):
        (folder / os.fsdecode(name)).touch()
    place = place_of(Target(url=f"file://{tmp_path}"))
    one, two = list_directory(place)
    assert [item.listed.object.key_bytes for item in (one, two)] == [b"\xff/a", b"\xff/\xfe"]
    assert list(list_directory(place, one.resume)) == [two]


def test_links_are_named_and_never_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "file").write_bytes(b"x")
    (root / "to-file").symlink_to(root / "file")
    (root / "to-outside").symlink_to(outside)
    (root / "to-nowhere").symlink_to("nowhere")
    (root / "deep" / "loop").symlink_to(root)
    (root / "self").symlink_to("self")
    link = (Outcome.NOT_REGULAR, "symlink")
    assert outcomes(root) == {
        "file": (None, None),
        "to-file": link,
        "to-outside": link,
        "to-nowhere": link,
        "deep/loop": link,
        "self": link,
    }


def test_a_root_that_is_reached_by_a_link_is_the_folder_behind_it(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("root")
    (row,) = list_rows(tmp_path / "link")
    assert row.object.bucket == str((tmp_path / "root").resolve())


def test_pipes_sockets_and_devices_are_named_with_what_they_are(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # a socket's path may be 107 bytes long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        found = outcomes(tmp_path)
    assert found == {"pipe": (Outcome.NOT_REGULAR, "fifo"), "socket": (Outcome.NOT_REGULAR, "socket")}
    assert all(row.object.size == 0 for row in list_rows(tmp_path))
    assert outcomes("/dev")["null"] == (Outcome.NOT_REGULAR, "character device")


def unprivileged(check):
    """Run a check in a child that may do no more than anybody; root reads every folder."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            check()
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def open_path(tmp_path):
    """A folder that anybody may reach."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o005:
            folder.chmod(0o755)
    return tmp_path


def test_a_folder_that_cannot_be_listed_is_denied_and_the_others_go_on(open_path):
    for name in ("a", "b/c", "d"):
        (open_path / name).mkdir(parents=True)
        (open_path / name / "file").write_bytes(b"")
    (open_path / "b").chmod(0o000)

    def check():
        assert outcomes(open_path) == {
            "a/file": (None, None),
            "b/": (Outcome.DENIED, "Permission denied"),
            "d/file": (None, None),
        }
        assert keys(open_path, ("directory", "b")) == ["d/file"]

    try:
        unprivileged(check)
    finally:
        (open_path / "b").chmod(0o755)


def test_names_that_can_be_seen_but_not_looked_at_are_denied(open_path):
    (open_path / "a").mkdir()
    (open_path / "a" / "file").write_bytes(b"")
    (open_path / "a").chmod(0o444)

    def check():
        found = outcomes(open_path)
        assert {outcome for outcome, _ in found.values()} == {Outcome.DENIED}

    try:
        unprivileged(check)
    finally:
        (open_path / "a").chmod(0o755)


def test_a_root_that_cannot_be_read_is_an_error_of_the_run(open_path):
    (open_path / "root").mkdir()
    place = place_of(Target(url=f"file://{open_path / 'root'}"))
    (open_path / "root").chmod(0o000)

    def check():
        with pytest.raises(StoreError, match=r"Permission denied.*grant read access"):
            list(list_directory(place))

    try:
        unprivileged(check)
    finally:
        (open_path / "root").chmod(0o755)


def test_a_file_that_vanishes_meanwhile_is_gone(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")
    rows = list_directory(place_of(Target(url=f"file://{tmp_path}")))
    next(rows)
    (tmp_path / "b").unlink()
    (item,) = rows
    assert (item.listed.object.key, item.listed.outcome) == ("b", Outcome.GONE)


@pytest.fixture
def deep_down(tmp_path):
    """A walk that stands so deep below the folder `root/a`, which holds `c` too, that `a` is not open."""
    deep = Path("root", "a", *["b"] * (OPEN_FOLDERS + 1), "1")
    for name in (deep, "root/a/c", "root/d", "outside/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    rows = list_directory(place_of(Target(url=f"file://{tmp_path / 'root'}")))
    assert next(rows).listed.object.key == str(deep.relative_to("root"))
    return (item.listed for item in rows)


def test_a_walk_comes_back_to_a_folder_far_above(deep_down):
    assert [(row.object.key, row.outcome) for row in deep_down] == [("a/c", None), ("d", None)]


def test_a_folder_that_vanishes_while_it_is_walked_is_gone(tmp_path, deep_down):
    shutil.rmtree(tmp_path / "root" / "a")
    assert [(row.object.key, row.outcome) for row in deep_down] == [("a/", Outcome.GONE), ("d", None)]


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(tmp_path, deep_down):
    (tmp_path / "root" / "a").rename(tmp_path / "moved")
    (tmp_path / "root" / "a").symlink_to(tmp_path / "outside")
    assert [(row.object.key, row.outcome) for row in deep_down] == [("a/", Outcome.CHANGED), ("d", None)]


def test_folders_may_be_nested_deeper_than_a_path_or_the_stack_may_be_long(tmp_path):
    depth = 1500
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("nested", dir_fd=folder)
        outer, folder = folder, os.open("nested", os.O_RDONLY, dir_fd=folder)
        os.close(outer)
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    try:
        assert keys(tmp_path) == ["nested/" * depth + "file"]
    finally:  # pytest could not: it recurses
        subprocess.run(["rm", "-rf", tmp_path / "nested"], check=True)


def test_a_walk_leaves_no_file_open(tmp_path):
    for n in range(20):
        (tmp_path / f"{n}" / "deep").mkdir(parents=True)
        (tmp_path / f"{n}" / "deep" / "file").write_bytes(b"")
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert len(keys(tmp_path)) == 20
    broken_off = list_directory(place_of(Target(url=f"file://{tmp_path}")))
    next(broken_off)
    broken_off.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_listing_taken_up_behind_any_row_yields_the_rest(tmp_path):
    for name in ("a", "b/a", "b/b/c", "b/b-c", "b.txt", "c/d/e/f", "c/d/e/g", "d"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    place = place_of(Target(url=f"file://{tmp_path}"))
    items = list(list_directory(place))
    assert len(items) == 8
    for n, item in enumerate(items):
        assert list(list_directory(place, item.resume)) == items[n + 1 :]


def test_a_listing_goes_on_with_what_took_the_place_of_its_last_folder(tmp_path):
    for name in ("a/b", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a" / "b").unlink()
    (tmp_path / "a").rmdir()
    (tmp_path / "a").write_bytes(b"now a file")
    assert keys(tmp_path, ("directory", "a/b")) == ["a", "c"], "nobody has seen that file yet"
