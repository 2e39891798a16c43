"""Workspace files are private, whole or not there, and put once, whoever races, dies or lies about them."""

import errno
import os
import pickle
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import workspace
from scanner.errors import Exit, WorkspaceError
from scanner.records import SCHEMA_VERSION
from scanner.workspace import Workspace

TABLE = pa.table({"key": ["a", "b", "c"] * 50, "size": list(range(150))})


@pytest.fixture(params=[0o000, 0o022, 0o077], ids="umask {:03o}".format)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def made(tmp_path):
    return Workspace(tmp_path / "workspace").create()


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def _python(code, *args, **options):
    """Start a process of its own that runs a few lines."""
    root = Path(workspace.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=root,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **options,
    )


def test_files_and_folders_are_private_whatever_the_umask(umask, tmp_path):
    made = Workspace(tmp_path / "new" / "workspace").create()
    workspace.put_once(made.runs / "r1" / "parts" / "000.parquet", b"rows")
    workspace.replace(made.lists / "iwf" / "active", b"digest")
    with made.lock("scan"):
        pass
    entries = sorted((tmp_path / "new").rglob("*"))
    assert {_mode(path) for path in entries if path.is_dir()} == {0o700}
    assert {_mode(path) for path in entries if path.is_file()} == {0o600}
    assert _mode(tmp_path / "new") == 0o700
    assert len([path for path in entries if path.is_file()]) == 4


def test_a_file_is_put_once_and_never_again(tmp_path):
    path = tmp_path / "part"
    assert workspace.put_once(path, b"first")
    assert not workspace.put_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(params=[errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def without_links(request, monkeypatch):
    """A file system without hard links, as FAT and some shares are."""

    def link(source, target, **_):
        raise OSError(request.param, os.strerror(request.param), source, None, target)

    monkeypatch.setattr(os, "link", link)


def test_a_file_system_without_hard_links_is_named_as_such_and_nothing_is_left_there(tmp_path, without_links):
    words = "the file system has no hard links, .*; name a place on one that has them"
    with pytest.raises(WorkspaceError, match=rf"part: .*{words}") as caught:
        workspace.put_once(tmp_path / "part", b"data")
    assert caught.value.exit_code is Exit.USAGE
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WorkspaceError, match=rf"workspace\.json: .*{words}"):
        Workspace(tmp_path / "workspace").create()
    assert list((tmp_path / "workspace").iterdir()) == []


def test_a_file_gets_a_further_name_once(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    workspace.put_once(first, b"data")
    workspace.link(first, second)
    assert second.samefile(first)
    other = tmp_path / "other"
    workspace.put_once(other, b"else")
    workspace.link(other, second)
    assert second.read_bytes() == b"data"


def test_where_a_file_bears_no_further_link_its_content_is_put(tmp_path, monkeypatch):
    workspace.put_once(tmp_path / "first", b"data")

    def link(path, target):
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), target, None, path)

    monkeypatch.setattr(Path, "hardlink_to", link)
    workspace.link(tmp_path / "first", tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == b"data"
    with pytest.raises(WorkspaceError, match=r"third: cannot be read: No such file"):
        workspace.link(tmp_path / "third", tmp_path / "fourth")


@pytest.mark.parametrize("data", [b"", b"\x00" * (3 << 20)], ids=len)
def test_any_size_arrives_whole(tmp_path, data):
    assert workspace.put_once(tmp_path / "part", data)
    assert (tmp_path / "part").read_bytes() == data


def test_a_file_may_come_piece_by_piece(tmp_path):
    pieces = (memoryview(bytes([n]) * n) for n in range(4))
    assert workspace.put_once(tmp_path / "part", pieces)
    assert (tmp_path / "part").read_bytes() == b"\1\2\2\3\3\3"


def test_a_file_whose_pieces_end_in_an_error_is_not_there(tmp_path):
    def pieces():
        yield memoryview(b"first")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        workspace.put_once(tmp_path / "part", pieces())
    assert list(tmp_path.iterdir()) == []


RACER = """
import sys
from pathlib import Path
from scanner.workspace import put_once
folder, me = Path(sys.argv[1]), sys.argv[2].encode()
print("ready", flush=True)
sys.stdin.readline()
print(*(n for n in range(100) if put_once(folder / str(n), me * 1000)))
"""


def test_of_many_processes_that_put_a_file_exactly_one_did(tmp_path):
    racers = [_python(RACER, tmp_path, name) for name in "abcd"]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    won = {name: racer.communicate()[0].split() for name, racer in zip("abcd", racers, strict=True)}
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert sorted(n for names in won.values() for n in names) == sorted(map(str, range(100)))
    for name, numbers in won.items():
        for number in numbers:
            assert (tmp_path / number).read_bytes() == name.encode() * 1000
    assert len(list(tmp_path.iterdir())) == 100


KILLED = """
import os, signal, sys
from pathlib import Path
from scanner import workspace
step = sys.argv[2]
sys.addaudithook(lambda event, args: event == step and os.kill(os.getpid(), signal.SIGKILL))
getattr(workspace, sys.argv[3])(Path(sys.argv[1]), b"new" * 100_000)
"""


@pytest.mark.parametrize(("verb", "step"), [("put_once", "link"), ("replace", "rename")])
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_told_of(
    tmp_path, monkeypatch, verb, step
):
    done = []

    def recorded(name, real):
        def call(*arguments, **options):
            real(*arguments, **options)
            about = os.fstat(arguments[0]) if name == "fsync" else None
            done.append(
                (name, about and (about.st_ino, about.st_size if stat.S_ISREG(about.st_mode) else None))
            )

        return call

    for name in ("fsync", step):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    getattr(workspace, verb)(tmp_path / "part", b"rows")
    file, folder = (tmp_path / "part").stat(), tmp_path.stat()
    assert done == [("fsync", (file.st_ino, 4)), (step, None), ("fsync", (folder.st_ino, None))]


@pytest.mark.parametrize(("verb", "step"), [("put_once", "os.link"), ("replace", "os.rename")])
def test_a_process_killed_before_the_last_step_leaves_nothing_under_the_final_name(tmp_path, verb, step):
    path = tmp_path / "part"
    killed = _python(KILLED, path, step, verb)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".")
    assert left.read_bytes() == b"new" * 100_000
    assert getattr(workspace, verb)(path, b"after") in (True, None)
    assert path.read_bytes() == b"after"


def test_a_process_killed_while_it_replaces_leaves_the_old_content(tmp_path):
    path = tmp_path / "active"
    workspace.replace(path, b"old")
    _python(KILLED, path, "os.rename", "replace").communicate()
    assert path.read_bytes() == b"old"


def test_replace_points_a_name_at_new_content(tmp_path):
    path = tmp_path / "lists" / "active"
    workspace.replace(path, b"one")
    workspace.replace(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


FULL = """
import os, resource, sys
from pathlib import Path
from scanner import workspace
from scanner.errors import WorkspaceError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    getattr(workspace, sys.argv[2])(Path(sys.argv[1]), b"x" * 300_000)
except WorkspaceError as error:
    print(error)
"""


@pytest.mark.parametrize("verb", ["put_once", "replace"])
def test_a_write_that_fails_midway_is_said_and_leaves_nothing(tmp_path, verb):
    """A limit on the size of files fails as a full disk does: after a part of the bytes."""
    path = tmp_path / "parts" / "part"
    before = {"part": b"old"} if verb == "replace" else {}
    for content in before.values():
        workspace.replace(path, content)
    said, _ = _python(FULL, path, verb).communicate()
    assert said.startswith(f"{path}: cannot be written: {os.strerror(errno.EFBIG)}; ")
    assert {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == before


def _below_a_file(folder):
    (folder / "file").write_bytes(b"")
    return folder / "file" / "part", errno.ENOTDIR


def _of_too_long_a_name(folder):
    return folder / ("n" * 250), errno.ENAMETOOLONG  # the temporary name is longer still


def _in_a_folder_that_takes_no_files(_):
    return Path("/proc/self/fd/part"), errno.ENOENT


@pytest.mark.parametrize("verb", ["put_once", "replace"])
@pytest.mark.parametrize("place", [_below_a_file, _of_too_long_a_name, _in_a_folder_that_takes_no_files])
def test_a_file_that_cannot_be_written_is_an_error_with_its_path_and_reason(tmp_path, verb, place):
    path, number = place(tmp_path)
    with pytest.raises(WorkspaceError) as caught:
        getattr(workspace, verb)(path, b"rows")
    assert str(caught.value).startswith(f"{path}: cannot be written: {os.strerror(number)}; ")
    assert caught.value.exit_code is Exit.USAGE


def test_what_cannot_be_written_stays_an_error_of_the_system_for_those_who_name_it_themselves(tmp_path):
    path, _ = _below_a_file(tmp_path)
    with pytest.raises(OSError, match="cannot be written") as caught:
        workspace.put_once(path, b"rows")
    assert caught.value.strerror == "Not a directory"


def test_what_cannot_be_written_is_said_in_the_same_words_after_a_way_between_processes(tmp_path):
    path, _ = _below_a_file(tmp_path)
    with pytest.raises(WorkspaceError) as caught:
        workspace.put_once(path, b"rows")
    arrived = pickle.loads(pickle.dumps(caught.value))
    assert type(arrived) is type(caught.value)
    assert str(arrived) == str(caught.value)


DAY = 86_400


def _left(path, age):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


TEMPORARY = ".part.parquet.0123456789abcdef.tmp"


@pytest.mark.parametrize("place", [".", "lists/iwf", "table", "runs/r1/inventory"])
def test_temporary_files_that_a_kill_left_behind_are_removed_after_a_day(made, place):
    old = _left(made.root / place / TEMPORARY, DAY + 60)
    new = _left(made.root / place / TEMPORARY.replace("0", "f"), DAY - 60)
    made.create()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_temporary_file_of_a_killed_process_is_one_that_is_removed(made):
    _python(KILLED, made.runs / "r1" / "part", "os.link", "put_once").communicate()
    (left,) = (made.runs / "r1").iterdir()
    _left(left, 2 * DAY)
    made.create()
    assert not left.exists()


@pytest.mark.parametrize(
    "name",
    [
        "part.parquet",
        "part.0123456789abcdef.tmp",
        ".part.0123456789abcdef.tmp.parquet",
        "part.other.0123456789abcdef.tmp",
        ".part.0123456789abcdef",
        ".part.0123456789abcde.tmp",
        ".part.0123456789abcdeg.tmp",
        ".0123456789abcdef.tmp",
        ".part.tmp",
        ".env",
    ],
)
def test_no_other_file_is_removed_however_old(made, name):
    kept = _left(made.runs / "r1" / name, 1000 * DAY)
    made.create()
    assert kept.exists()


def _half_table(made, age, inner_age):
    folder = made.tables / ".0123456789ab.x_y0z1a2.tmp"
    _left(folder / "pdq" / "00000.values.npy", age)
    for path, its_age in ((folder / "pdq", inner_age), (folder, age)):
        os.utime(path, (time.time() - its_age,) * 2)
    return folder


@pytest.mark.parametrize(
    ("age", "inner_age", "kept"),
    [(DAY + 60, DAY + 60, False), (DAY - 60, DAY - 60, True), (DAY + 60, DAY - 60, True)],
)
def test_half_a_table_that_a_kill_left_behind_is_removed_with_its_values_after_a_day(
    made, age, inner_age, kept
):
    folder = _half_table(made, age, inner_age)
    made.create()
    assert folder.exists() is kept


BUILDER = """
import os, signal, sys
from pathlib import Path
from scanner.hashlist.building import plainly
from scanner.hashlist.ranges import Survey
from scanner.hashlist.table import _put_table
path, event, builder = Path(sys.argv[1]), sys.argv[2], {"plainly": plainly, "none": None}[sys.argv[3]]
sys.addaudithook(lambda seen, args: seen == event and os.kill(os.getpid(), signal.SIGKILL))
_put_table(path, {"max_distances": {}, "shard_values": 1}, [], Survey({}, ()), builder)
"""


@pytest.mark.parametrize(("event", "builder"), [("os.rename", "plainly"), ("shutil.rmtree", "none")])
def test_the_folder_of_a_killed_build_is_one_that_is_removed(made, event, builder):
    """It is killed before it names the table, or, since making shards failed, before it removes them."""
    killed = _python(BUILDER, made.tables / ("5" * 64), event, builder)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    (left,) = made.tables.iterdir()
    os.utime(left, (time.time() - 2 * DAY,) * 2)
    made.create()
    assert not left.exists()


@pytest.mark.parametrize(
    "name",
    ["5" * 64, ".0123456789ab.tmp", ".0123456789ab.x_y0z1a2", ".mine.tmp", ".0123456789ab.x_y0z1a2.tmp2"],
)
def test_no_other_folder_of_tables_is_removed_however_old(made, name):
    _left(made.tables / name / "values", 1000 * DAY)
    os.utime(made.tables / name, (0, 0))
    made.create()
    assert (made.tables / name / "values").exists()


def test_a_link_that_is_called_like_half_a_table_is_not_followed(made, tmp_path):
    kept = _left(tmp_path / "elsewhere" / "file", 2 * DAY)
    os.utime(kept.parent, (0, 0))
    (made.tables / ".0123456789ab.x_y0z1a2.tmp").symlink_to(kept.parent)
    made.create()
    assert kept.exists()


def test_probes_of_killed_scans_are_removed_after_a_day(made):
    old = _left(made.root / ".probe-0123456789abcdef", DAY + 60)
    new = _left(made.root / ".probe-fedcba9876543210", DAY - 60)
    others = [_left(made.root / name, 2 * DAY) for name in (".probe", ".probe-x", "probe-0123456789abcdef")]
    made.create()
    assert old.exists()  # a scan may run for weeks, and its late workers look for it
    made.remove_probes()
    assert not old.exists()
    assert all(path.exists() for path in (new, *others))


def test_nothing_is_removed_from_folders_that_are_not_of_the_workspace(made, tmp_path):
    beside = _left(made.root / "mine" / TEMPORARY, 2 * DAY)
    linked = _left(tmp_path / "elsewhere" / TEMPORARY, 2 * DAY)
    (made.runs / "link").symlink_to(linked.parent)
    made.create()
    assert beside.exists()
    assert linked.exists()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777, 0o2775, 0o701])
def test_a_workspace_over_folders_that_others_may_enter_takes_them_from_these(tmp_path, mode):
    made = Workspace(tmp_path / "workspace").create()
    folders = [made.root, made.lists, made.tables, made.runs]
    for folder in folders:
        folder.chmod(mode)
    made.create()
    assert [_mode(folder) for folder in folders] == [0o700] * 4


@pytest.mark.parametrize("name", [None, "lost+found", ".snapshot", f".workspace.json.{'0' * 16}.tmp"])
def test_an_empty_folder_becomes_a_private_workspace(tmp_path, name):
    if name:
        (tmp_path / name).mkdir()
    tmp_path.chmod(0o755)
    Workspace(tmp_path).create()
    assert _mode(tmp_path) == 0o700


@pytest.mark.parametrize("name", ["thesis.doc", ".ssh", "lists", "runs", ".workspace.json.tmp"])
def test_a_folder_that_holds_something_else_is_refused_and_left_as_it_is(tmp_path, name):
    (tmp_path / "home" / name).mkdir(parents=True)
    (tmp_path / "home").chmod(0o755)
    with pytest.raises(WorkspaceError, match="holds other files; name a new or empty folder"):
        Workspace(tmp_path / "home").create()
    assert _mode(tmp_path / "home") == 0o755
    assert [path.name for path in (tmp_path / "home").iterdir()] == [name]


MAKER = """
import os, signal, sys
from pathlib import Path
from scanner.workspace import Workspace
calls = 0
def count(event, args):
    global calls
    if event in ("os.mkdir", "os.link", "os.listdir", "os.scandir", "os.chmod", "open"):
        calls += sys.argv[1] in str(args[0])
        if calls > int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
Workspace(Path(sys.argv[1])).create()
"""


def test_a_workspace_whose_making_was_killed_at_any_step_can_be_made(tmp_path):
    codes = []
    for step in range(1, 16, 2):  # there are about twenty
        maker = _python(MAKER, tmp_path / str(step), step)
        maker.communicate()
        codes.append(maker.returncode)
        Workspace(tmp_path / str(step)).create()
    assert codes.count(-signal.SIGKILL) >= 7


def test_a_folder_that_everybody_shares_stays_so(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    made = Workspace(shared).create()
    assert [_mode(path) for path in (shared, made.lists, made.runs)] == [0o1777, 0o700, 0o700]


def test_a_file_in_place_of_a_folder_is_told_as_it_is(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="cannot be used as a workspace"):
        Workspace(tmp_path / "file" / "workspace").create()
    with pytest.raises(WorkspaceError, match="cannot be used as a workspace"):
        Workspace(tmp_path / "file").create()


def test_making_a_workspace_again_changes_nothing(made):
    before = {path: path.stat().st_mtime_ns for path in made.root.rglob("*")}
    Workspace(made.root).create()
    assert {path: path.stat().st_mtime_ns for path in made.root.rglob("*")} == before


@pytest.mark.parametrize(
    "root", ["s3://bucket/prefix", Path("s3://bucket"), "gs://bucket", "az://box", "https://a/b"]
)
def test_a_workspace_in_an_object_store_is_refused(root):
    with pytest.raises(WorkspaceError, match="must be a directory"):
        Workspace(root)


def test_a_workspace_whose_name_is_not_utf8_is_refused_for_manifests_name_it(tmp_path, monkeypatch):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with pytest.raises(WorkspaceError, match="the name is not UTF-8; put the workspace under one that is"):
        Workspace(folder)
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(WorkspaceError, match="the name is not UTF-8"):
        Workspace(Path("workspace"))
    assert Workspace(tmp_path / "caf\u00e9").create().root.name == "caf\u00e9"


def test_a_folder_that_is_no_workspace_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(WorkspaceError, match="hashsweep lists import") as caught:
        Workspace(tmp_path).open()
    assert caught.value.exit_code is Exit.USAGE


def test_a_workspace_of_a_newer_version_is_refused(made):
    workspace.replace(made.root / "workspace.json", b'{"schema_version": %d}' % (SCHEMA_VERSION + 1))
    with pytest.raises(WorkspaceError, match="newer"):
        made.open()
    with pytest.raises(WorkspaceError, match="newer"):
        made.create()


@pytest.mark.parametrize("header", ["", "{", "[]", "1", '"x"', "\ufeff", '{"schema_version": "9"}', "{}"])
def test_a_broken_header_is_refused_by_name(made, header):
    workspace.replace(made.root / "workspace.json", header.encode())
    with pytest.raises(WorkspaceError, match=r"workspace"):
        made.open()


HOLDER = """
import sys, time
from pathlib import Path
from scanner.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock("scan"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_lock_held_by_a_living_process_is_refused_and_dies_with_it(made):
    holder = _python(HOLDER, made.root)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(WorkspaceError, match="another hashsweep"), made.lock("scan"):
        pass
    with made.lock("lists"):
        pass  # another lock of the same workspace is free
    holder.kill()
    holder.communicate()
    with made.lock("scan"):
        pass


@pytest.mark.parametrize("block", [lambda path: path.mkdir(), lambda path: path.symlink_to("none/none")])
def test_a_lock_that_cannot_be_made_is_told_with_its_path(made, block):
    block(made.root / "scan.lock")
    with pytest.raises(WorkspaceError, match=r"scan\.lock: cannot be locked: ") as caught, made.lock("scan"):
        pass
    assert caught.value.exit_code is Exit.USAGE


def test_a_lock_that_is_refused_leaves_no_open_file(made):
    with made.lock("scan"):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(WorkspaceError), made.lock("scan"):
                pass
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_lock_is_free_again_after_use_even_when_its_work_failed(made):
    with pytest.raises(RuntimeError), made.lock("scan"):
        raise RuntimeError
    with made.lock("scan"), pytest.raises(WorkspaceError), made.lock("scan"):
        pass
    with made.lock("scan"):
        pass


def test_a_program_started_under_a_lock_does_not_keep_it(made):
    with made.lock("scan"):
        child = _python("import sys; print('up', flush=True); sys.stdin.read()", close_fds=False)
        assert child.stdout.readline() == "up\n"
    with made.lock("scan"):
        pass
    child.communicate()


def test_json_is_sorted_readable_and_comes_back(tmp_path):
    value = {"b": ["\u00e9\n"], "a": {"y": None, "x": True}}
    data = workspace.json_bytes(value)
    assert data == b'{\n  "a": {\n    "x": true,\n    "y": null\n  },\n  "b": [\n    "\xc3\xa9\\n"\n  ]\n}\n'
    workspace.put_once(tmp_path / "run.json", data)
    assert workspace.read_json(tmp_path / "run.json") == value


def test_missing_json_is_none_and_missing_parquet_an_error(tmp_path):
    assert workspace.read_json(tmp_path / "none.json") is None
    with pytest.raises(WorkspaceError, match=r"none\.parquet: missing"):
        workspace.read_parquet(tmp_path / "none.parquet")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"PAR1"])
def test_json_that_is_not_ours_is_refused_by_name(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"run\.json"):
        workspace.read_json(tmp_path / "run.json")


def test_a_folder_in_place_of_a_file_is_refused_by_name(tmp_path):
    with pytest.raises(WorkspaceError):
        workspace.read_json(tmp_path)
    with pytest.raises(WorkspaceError):
        workspace.read_parquet(tmp_path)


def test_tables_come_back_and_equal_ones_give_equal_bytes(tmp_path):
    data = workspace.parquet_bytes(TABLE)
    assert workspace.parquet_bytes(pa.table(TABLE.to_pydict(), schema=TABLE.schema)) == data
    workspace.put_once(tmp_path / "part.parquet", data)
    back = workspace.read_parquet(tmp_path / "part.parquet")
    assert back.equals(TABLE, check_metadata=True)
    assert workspace.parquet_bytes(back) == data


@pytest.mark.parametrize("cut", [0, 3, 4, 100, -1, -4, -9])
def test_a_truncated_table_is_refused_by_name(tmp_path, cut):
    (tmp_path / "part.parquet").write_bytes(workspace.parquet_bytes(TABLE)[:cut])
    with pytest.raises(WorkspaceError, match=r"part\.parquet"):
        workspace.read_parquet(tmp_path / "part.parquet")


def _end_of_column(data, number):
    """Return where the only data page of a column ends."""
    column = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0).column(number)
    return (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size


@pytest.mark.parametrize("column", [0, 1], ids=["numbers", "bytes"])
def test_a_byte_that_decayed_inside_a_page_is_noticed(tmp_path, column):
    rng = random.Random(1)
    noise = {
        "numbers": [rng.getrandbits(62) for _ in range(200)],
        "bytes": [rng.randbytes(32) for _ in range(200)],
    }
    data = workspace.parquet_bytes(pa.table(noise))
    end = _end_of_column(data, column)
    path = tmp_path / "part.parquet"
    for at in range(end - 200, end):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(WorkspaceError, match=r"part\.parquet: not a readable Parquet file"):
            workspace.read_parquet(path)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, len(workspace.parquet_bytes(TABLE)) - 1), st.integers(1, 255))
def test_a_table_with_a_changed_byte_is_read_or_refused_but_nothing_else(tmp_path, at, change):
    data = bytearray(workspace.parquet_bytes(TABLE))
    data[at] ^= change
    (tmp_path / "part.parquet").write_bytes(data)
    try:
        workspace.read_parquet(tmp_path / "part.parquet")
    except WorkspaceError as error:
        assert "part.parquet" in str(error)  # noqa: PT017 - most changes are refused, some are harmless


def test_a_file_digest_is_that_of_its_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert workspace.file_digest(tmp_path / "x") == known
