"""Two runs compared: what a newer run has to know of a finding before it may call it gone."""

import errno
import hashlib
import os
import shutil
from datetime import UTC, datetime

import pytest

from scanner.comparison import _listed_whole, compare_runs
from scanner.config import ListPolicy, Matching, Media, Select, Target
from scanner.findings.manifest import read_findings
from scanner.fingerprint import Perceived
from scanner.records import ObjectRef, Outcome
from scanner.runs import finished_run
from scanner.workspace import Workspace
from tests.unit.sweeps import PICTURES, STORE, Loop, Room, Written

AGAIN = Media(max_frames=3)
"""A setting under which no part of an earlier run serves again."""

FOUND = {"0.jpg", "1.jpg", "copy"}


def states(room, old, new):
    runs = [finished_run(room.workspace, one.manifest["run_id"]) for one in (old, new)]
    told = compare_runs(room.workspace, *runs)
    return {one.finding.object.key: (str(one.state), one.reason) for one in told}


def test_nothing_changed_is_told_as_such(room):
    first, second = room.conclude(), room.conclude()
    assert states(room, first, second) == dict.fromkeys(FOUND, ("unchanged", None))


def test_new_and_deleted_objects_are_told_apart(room):
    first = room.conclude()
    (room.store / "copy").unlink()
    (room.store / "new.jpg").write_bytes(PICTURES["1.jpg"])
    told = states(room, first, room.conclude())
    assert (told["copy"], told["new.jpg"]) == (("gone", "object_gone"), ("new", None))


def test_an_object_deleted_between_listing_and_reading_is_gone(room):
    first = room.conclude()
    told = states(room, first, room.conclude(Gone("1.jpg"), media=AGAIN))
    assert told["1.jpg"] == ("gone", "object_gone")


class Gone(Written):
    """An executor that finds some objects gone, and looks at no other."""

    def __init__(self, *keys):
        super().__init__(Outcome.FAILED)
        self.keys = keys

    def outcome_of(self, ref):
        return Outcome.GONE if ref.key in self.keys else self.outcome


def test_what_was_not_looked_at_again_is_unchecked_with_its_outcome(room):
    first = room.conclude()
    told = states(room, first, room.conclude(Written(Outcome.DENIED), media=AGAIN))
    assert told == dict.fromkeys(FOUND, ("unchecked", "denied"))


class Blind(Loop):
    """An executor whose decoder runs out of time: the digests are all that is there."""

    def __init__(self, sweep):
        super().__init__(sweep)
        self.worker._decoder.perceive = lambda data: Perceived(Outcome.TIMED_OUT, "decoding")


def test_a_match_that_was_not_looked_at_again_is_not_removed(room):
    room.import_pictures((0, 1), algorithms=("sha256", "pdq"))
    first = room.conclude()
    second = room.conclude(Blind, media=AGAIN)
    assert {one.outcome for one in read_findings(second.folder)} == {Outcome.TIMED_OUT}
    assert states(room, first, second) == dict.fromkeys(FOUND, ("unchanged", None))
    room.import_pictures((0, 1))
    assert states(room, first, room.conclude()) == dict.fromkeys(FOUND, ("changed", "matches_removed"))


def test_entries_that_are_ignored_hide_no_match_that_was_removed(room):
    digest = hashlib.sha256(PICTURES["0.jpg"]).hexdigest()
    many = room.root / "many.csv"

    def import_many(*kept):
        rows = [f"e{n},{digest},dull" for n in range(5)] + [f"{entry},{digest},A" for entry in kept]
        many.write_text(
            "\n".join(["entry_id,value,classification,algorithm", *(f"{r},sha256" for r in rows)])
        )
        room.import_file(many, "many")

    settings = {"match": Matching(max_entries_per_list=3), "lists": {"many": ListPolicy(ignore=("dull",))}}
    import_many("k1", "k2")
    first = room.conclude(**settings)
    import_many("k1")
    second = room.conclude(**settings)
    assert states(room, first, second)["0.jpg"] == ("changed", "matches_removed")
    assert {one.matches_omitted for one in read_findings(second.folder)} == {0}


def test_what_a_sample_did_not_reach_is_unchecked(room):
    first = room.conclude()
    told = states(room, first, room.conclude(select=Select(sample=1)))
    assert told == {**dict.fromkeys(FOUND, ("unchecked", "not_listed")), "0.jpg": ("unchanged", None)}


class Folders(Room):
    """A room whose known pictures lie in folders."""

    def __init__(self, root, workspace):
        super().__init__(root, workspace, {f"a/b/{key}": data for key, data in STORE.items()})
        (self.store / "a" / "beside").mkdir()
        (self.store / "a" / "beside" / "0.jpg").write_bytes(PICTURES["0.jpg"])


@pytest.fixture
def folders(tmp_path):
    made = Folders(tmp_path / "folders", Workspace(tmp_path / "folders" / "workspace").create())
    made.import_pictures()
    return made


def unreadable(monkeypatch, name, broken):
    """Let a call on a name below the store fail as it does without rights, which root always has."""
    call = getattr(os, broken)

    def refusing(path, *arguments, **named):
        if path == name and named.get("dir_fd") is not None:
            raise PermissionError(errno.EACCES, "Permission denied")
        return call(path, *arguments, **named)

    monkeypatch.setattr(os, broken, refusing)


@pytest.mark.parametrize(
    ("name", "broken"), [(b"b", "open"), (b"b", "stat"), (b"a", "open"), (b"a", "stat"), (b"1.jpg", "stat")]
)
def test_what_could_not_be_reached_is_unchecked_and_never_gone(folders, monkeypatch, name, broken):
    first = folders.conclude()
    shutil.rmtree(folders.store / "a" / "beside")
    with monkeypatch.context() as context:
        unreadable(context, name, broken)
        second = folders.conclude()
    told = states(folders, first, second)
    assert told["a/b/1.jpg"] == ("unchecked", "not_listed")
    whole = ("unchecked", "not_listed") if name == b"a" else ("gone", "object_gone")
    assert told["a/beside/0.jpg"] == whole


def test_what_lies_behind_a_link_where_a_folder_was_is_unchecked(folders):
    first = folders.conclude()
    (folders.store / "a" / "b").rename(folders.root / "moved")
    (folders.store / "a" / "b").symlink_to(folders.root / "moved")
    (folders.store / "a" / "beside" / "0.jpg").unlink()
    told = states(folders, first, folders.conclude())
    lost = {f"a/b/{key}": ("unchecked", "not_listed") for key in FOUND}
    assert told == {**lost, "a/beside/0.jpg": ("gone", "object_gone")}


def test_a_name_that_only_begins_alike_blocks_nothing(folders):
    first = folders.conclude()
    (folders.store / "a" / "b" / "1.jp").symlink_to("nowhere")
    (folders.store / "a" / "b" / "1.jpg").unlink()
    assert states(folders, first, folders.conclude())["a/b/1.jpg"] == ("gone", "object_gone")


def test_what_lies_at_no_target_of_the_newer_run_is_unchecked(room, tmp_path):
    first = room.conclude()
    (tmp_path / "other").mkdir()
    second = room.conclude(targets=(Target(url=(tmp_path / "other").as_uri()),))
    assert states(room, first, second) == dict.fromkeys(FOUND, ("unchecked", "not_listed"))


def test_an_entry_that_the_list_no_longer_has_retires_its_findings(room):
    first = room.conclude()
    room.import_pictures((0,))
    told = states(room, first, room.conclude())
    assert told == {**dict.fromkeys(FOUND, ("unchanged", None)), "1.jpg": ("gone", "entry_withdrawn")}


@pytest.mark.parametrize("kept", [True, False])
def test_an_id_that_now_names_another_value_is_another_entry_where_that_can_be_told(room, kept):
    first = room.conclude()
    room.import_pictures((3, 1))
    if not kept:
        (facts,) = first.manifest["provenance"]["lists"]
        shutil.rmtree(room.workspace.lists / "tests" / facts["digest"])
    told = states(room, first, room.conclude())
    assert told["0.jpg"] == ("gone", "entry_withdrawn" if kept else "policy_changed")


def test_the_same_entry_in_another_list_is_not_the_same_match(room):
    first = room.conclude()
    room.import_pictures((2,))
    room.import_pictures((0, 1), "others")
    told = states(room, first, room.conclude())
    assert told["0.jpg"] == ("changed", "matches_added")
    assert told["2.jpg"] == ("new", None)


def test_findings_that_a_policy_now_leaves_out_are_told_as_such(room):
    first = room.conclude()
    second = room.conclude(lists={"tests": ListPolicy(ignore=("A",))})
    assert states(room, first, second) == dict.fromkeys(FOUND, ("gone", "policy_changed"))


def test_a_run_compares_with_the_lists_that_it_had_not_with_those_of_today(room):
    first = room.conclude()
    room.import_pictures((0,))
    second = room.conclude()
    room.import_pictures((0, 1))
    assert states(room, first, second)["1.jpg"] == ("gone", "entry_withdrawn")
    assert states(room, second, first)["1.jpg"] == ("new", None)


def test_a_severity_that_changed_is_told(room):
    first = room.conclude(match=Matching())
    second = room.conclude(lists={"tests": ListPolicy(illegal=("A",))})
    assert states(room, first, second) == dict.fromkeys(FOUND, ("changed", "severity_changed"))


AT = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = {
    "store": "aws",
    "bucket": "bucket",
    "prefix": "photos/",
    "failure": None,
    "finished": True,
    "sampled": False,
    "listing": "versions",
}


def ref(key="photos/1.jpg", version="v1", **changed):
    values = {"store": "aws", "bucket": "bucket", **changed}
    return ObjectRef(key=key, version_id=version, etag="e", size=1, last_modified=AT, **values)


@pytest.mark.parametrize(
    ("changed", "one", "whole"),
    [
        ({}, ref(), True),
        ({"prefix": ""}, ref("any"), True),
        ({}, ref("other/1.jpg"), False),
        ({}, ref(store="minio"), False),
        ({}, ref(bucket="another"), False),
        ({"failure": "s3://bucket: denied"}, ref(), False),
        ({"finished": False}, ref(), False),
        ({"sampled": True}, ref(), False),
        ({"listing": "current"}, ref(), False),
        ({"listing": "unversioned"}, ref(version=None), True),
        ({"listing": "directory"}, ref(version=None), True),
        ({"listing": "versions"}, ref(version=None), True),
        ({"listing": "current"}, ref(version=None), False),  # a newer version may hide it
    ],
)
def test_a_place_was_listed_whole_only_where_nothing_of_it_could_be_missing(changed, one, whole):
    assert _listed_whole([{**WHOLE, **changed}], one) is whole


@pytest.mark.parametrize(
    ("listing", "whole"), [("directory", False), ("unversioned", True), ("versions", True)]
)
@pytest.mark.parametrize("way", [b"photos/1.jpg", b"photos", b""])
def test_what_blocks_the_way_in_a_directory_is_a_key_like_others_in_a_bucket(listing, whole, way):
    one = ref(version=None)
    assert _listed_whole([{**WHOLE, "listing": listing}], one, {("aws", "bucket", way)}) is whole
    assert _listed_whole([{**WHOLE, "listing": listing}], one, {("aws", "bucket", b"photo")})
    assert _listed_whole([{**WHOLE, "listing": listing}], one, {("aws", "another", way)})


@pytest.mark.parametrize("failure", ["denied", None])
def test_a_target_of_which_no_part_came_was_not_listed_whole(failure):
    failed = {name: WHOLE[name] for name in ("store", "bucket", "prefix")} | {"failure": failure}
    assert not _listed_whole([failed], ref())
    assert not _listed_whole([], ref())


def test_the_place_of_an_object_is_found_among_several():
    elsewhere = {**WHOLE, "bucket": "another", "failure": "denied"}
    assert _listed_whole([elsewhere, WHOLE], ref())
