import contextlib
import dataclasses
import os
import socket
from pathlib import Path

import pytest

from scanner.config import Fetch, Target
from scanner.errors import StoreError
from scanner.fetch import fetch, source_of
from scanner.fetch.local import Directory
from scanner.fetch.source import Unreadable
from scanner.records import Outcome
from scanner.target import place_of
from tests.unit.fetch.bodies import body_of, file_ref, patient

SETTINGS = Fetch(single_get_bytes=100_000, sniff_bytes=4096)


def place(root, key, body=b"content"):
    path = root / os.fsdecode(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return file_ref(root, key)


def read(root, ref, start=0, stop=None):
    with Directory(str(root)).open(ref, start, stop) as stream:
        return b"".join(stream)


def refusal(root, ref):
    with pytest.raises(Unreadable) as caught:
        read(root, ref)
    return caught.value.outcome


@contextlib.contextmanager
def nobody():
    """Be a user without privileges for a while, since permissions mean nothing to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "key",
    [
        b"a",
        b"a/b/c",
        b"sp ace",
        b"-rf",
        b"new\nline",
        b"%41+?#&",
        b"\xff\xfe.jpg",
        b"\xff/\xfe",
        "ünï/日本".encode(),
    ],
)
def test_a_file_is_read_by_its_bytes_whatever_its_name(tmp_path, key):
    ref = place(tmp_path, key, b"content of " + key)

    assert read(tmp_path, ref) == b"content of " + key


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 3), (2, 5), (7, None), (9, 10), (0, 99), (10, 10)])
def test_a_range_is_read_from_the_file_as_from_its_bytes(tmp_path, start, stop):
    ref = place(tmp_path, b"a", b"0123456789")

    assert read(tmp_path, ref, start, stop) == b"0123456789"[start:stop]


def test_a_target_that_is_a_directory_is_fetched_to_its_end(tmp_path):
    body = body_of("video", 3 << 20)
    ref = place(tmp_path, b"clips/a.mp4", body)
    source = source_of(place_of(Target(url=f"file://{tmp_path}")), SETTINGS)

    content = fetch(ref, source, SETTINGS, patient()[0])

    assert (content.outcome, content.bytes_read, content.media.name) == (None, len(body), "video/mp4")


def test_a_file_that_is_gone_is_gone(tmp_path):
    ref = place(tmp_path, b"a/b")
    (tmp_path / "a/b").unlink()
    assert refusal(tmp_path, ref) is Outcome.GONE

    (tmp_path / "a").rmdir()
    assert refusal(tmp_path, ref) is Outcome.GONE


@pytest.mark.parametrize(("name", "mode"), [("a/b", 0), ("a", 0), ("a", 0o600)])
def test_what_may_not_be_opened_is_denied(tmp_path, name, mode):
    ref = place(tmp_path, b"a/b")
    tmp_path.chmod(0o755)
    source = Directory(str(tmp_path))
    with nobody(), source.open(ref) as stream:
        assert b"".join(stream) == b"content"

    (tmp_path / name).chmod(mode)
    with nobody(), pytest.raises(Unreadable) as caught, source.open(ref):
        pass

    (tmp_path / "a").chmod(0o700)
    assert (caught.value.outcome, caught.value.reason) == (Outcome.DENIED, "EACCES")


def grow(path):
    path.write_bytes(b"content and more")


def touch(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def swap_for_link(path):
    path.rename(path.with_name("target"))
    path.symlink_to("target")


def swap_for_pipe(path):
    path.unlink()
    os.mkfifo(path)


def swap_for_folder(path):
    path.unlink()
    path.mkdir()


def swap_for_socket(path):
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(path.parent):
        listener.bind(path.name)


def swap_parent_for_link(path):
    path.parent.rename(path.parent.with_name("target"))
    path.parent.symlink_to("target")


def swap_parent_for_file(path):
    path.unlink()
    path.parent.rmdir()
    path.parent.write_bytes(b"file")


@pytest.mark.parametrize(
    "change",
    [
        grow,
        touch,
        swap_for_link,
        swap_for_pipe,
        swap_for_folder,
        swap_for_socket,
        swap_parent_for_link,
        swap_parent_for_file,
    ],
)
def test_what_is_no_longer_the_listed_file_is_changed(tmp_path, change):
    ref = place(tmp_path, b"a/b")

    change(tmp_path / "a" / "b")

    assert refusal(tmp_path, ref) is Outcome.CHANGED


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_read_even_if_its_size_and_time_are_those_listed(tmp_path, make):
    make(tmp_path / "a")

    assert refusal(tmp_path, file_ref(tmp_path, b"a")) is Outcome.CHANGED


@pytest.mark.parametrize("change", [grow, touch])
@pytest.mark.parametrize("stop", [3, None])
def test_a_file_that_changes_while_it_is_read_is_changed(tmp_path, change, stop):
    ref = place(tmp_path, b"a/b")

    with Directory(str(tmp_path)).open(ref, 0, stop) as stream:
        assert next(stream) == b"content"[:stop]
        change(tmp_path / "a" / "b")
        with pytest.raises(Unreadable) as caught:
            next(stream)

    assert caught.value.outcome is Outcome.CHANGED


def test_a_file_that_is_cut_off_while_it_is_read_is_changed(tmp_path):
    ref = place(tmp_path, b"a", body_of("other", 3 << 20))

    with Directory(str(tmp_path)).open(ref) as stream:
        next(stream)
        os.truncate(tmp_path / "a", 1 << 20)
        with pytest.raises(Unreadable) as caught:
            list(stream)

    assert caught.value.outcome is Outcome.CHANGED


def test_a_link_swapped_in_never_leads_out_of_the_root(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    ref = place(root, b"a/secret")
    (root / "a").rename(outside)
    (root / "a").symlink_to(outside)
    assert (root / "a" / "secret").read_bytes() == b"content"

    assert refusal(root, ref) is Outcome.CHANGED


@pytest.mark.parametrize("key", [b"../a", b"a/../b", b"./a", b"/etc/hostname", b"a//b", b"a/", b"", b"a\0b"])
def test_a_key_that_is_no_path_below_the_root_is_refused(tmp_path, key):
    ref = dataclasses.replace(place(tmp_path, b"a"), key_bytes=key)

    assert refusal(tmp_path, ref) is Outcome.FAILED


def test_a_root_that_was_replaced_is_still_the_one_that_was_opened(tmp_path):
    root = tmp_path / "root"
    ref = place(root, b"a")
    source = Directory(str(root))
    root.rename(tmp_path / "moved")
    place(root, b"a", b"another one")

    with source.open(ref) as stream:
        assert b"".join(stream) == b"content"


def test_a_root_that_cannot_be_opened_stops_the_run_with_its_name(tmp_path):
    with pytest.raises(StoreError, match="missing: cannot be opened"):
        Directory(str(tmp_path / "missing"))


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_reading_leaves_no_file_open(tmp_path):
    refs = [place(tmp_path, f"{'d/' * 40}{n}".encode()) for n in range(3)]
    source = Directory(str(tmp_path))
    before = open_files()

    for ref in refs:
        with source.open(ref) as stream:
            list(stream)
        with pytest.raises(Unreadable), source.open(dataclasses.replace(ref, etag="0-0")):
            pass
        with pytest.raises(Unreadable), source.open(dataclasses.replace(ref, key=ref.key + "x")):
            pass

    assert open_files() == before
    del source
    assert open_files() == before - 1
