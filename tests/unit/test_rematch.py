"""Stored fingerprints and the lists of today: a rematch says what a scan would say, and reads nothing."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import rematch
from scanner.comparison import compare_runs
from scanner.config import ListPolicy, Matching, Media
from scanner.errors import ManifestError
from scanner.findings.manifest import read_findings, read_manifest
from scanner.findings.verify import verify_manifest
from scanner.fingerprint import fingerprint
from scanner.rematch import start_rematch
from scanner.runs import finished_run
from scanner.workspace import Workspace
from tests.unit.hashlist import lists
from tests.unit.sweeps import PICTURES, Loop, Room

SEEN = {name: fingerprint(data) for name, data in PICTURES.items()}
AGAIN = Media(max_frames=3)
"""A setting under which no part of an earlier run serves again."""


def row(number, name, algorithm, bits, **columns):
    """Return a row of a list: a value near that of a picture, or its digest."""
    value = getattr(SEEN[name], algorithm)
    near = value if algorithm == "sha256" else lists.near(value, bits, number)
    return {"entry_id": f"e{number}", "algorithm": algorithm, "value": near.hex(), **columns}


rows = st.builds(
    row,
    st.integers(0, 11),
    st.sampled_from(sorted(SEEN)),
    st.sampled_from(["pdq", "sha256"]),
    st.integers(0, 3),
    classification=st.sampled_from(["", "A", "B"]),
    status=st.sampled_from(["active", "disputed"]),
    tags=st.sampled_from(["", "x"]),
)
some_lists = st.fixed_dictionaries(
    {}, optional={name: st.lists(rows, min_size=1, max_size=12) for name in "ab"}
)


def import_lists(room, known):
    """Let these lists be the ones in use, and no other; earlier snapshots stay at rest."""
    for current in room.workspace.lists.glob("*/current.json"):
        current.unlink()
    for name, listed in known.items():
        unique = list({one["entry_id"]: one for one in listed}.values())
        room.import_file(lists.write_csv(room.root / f"{name}.csv", unique), name)


class Reading(Loop):
    """The plain loop, which must not be asked for any fingerprint."""

    def fingerprint(self, work):
        raise AssertionError("an object was to be read")


def digests(room, **changed):
    """Return what a rematch says, and then what a scan that joins all anew says."""
    matched = room.conclude(Reading, start_rematch, **changed)
    whole = room.conclude(media=AGAIN, **changed)
    return matched, matched.manifest["rows_digest"], whole.manifest["rows_digest"]


@settings(max_examples=8, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=some_lists, after=some_lists, most=st.integers(1, 3), worth=st.booleans())
def test_a_rematch_says_what_a_scan_would_say(tmp_path_factory, before, after, most, worth):
    root = tmp_path_factory.mktemp("rematch")
    room = Room(root, Workspace(root / "workspace").create())
    matching = Matching(max_entries_per_list=most)
    always = [row(99, "0.jpg", "pdq", 2)]
    import_lists(room, {**before, "kept": always})
    room.conclude(match=matching)
    import_lists(room, {**after, "kept": always})
    with pytest.MonkeyPatch.context() as patch:
        if worth:  # however many entries are new, carry over what was matched
            patch.setattr(rematch, "WORTH", 1000)
        matched, mine, whole = digests(room, match=matching)
    assert mine == whole
    assert verify_manifest(matched.folder).problems == ()


def test_new_entries_find_what_is_stored_and_nothing_is_read(room):
    first = room.conclude()
    room.import_pictures((0, 1, 2))
    for path in room.store.iterdir():
        path.unlink()
    again = room.conclude(Reading, start_rematch)
    assert (first.manifest["counts"]["findings"], again.manifest["counts"]["findings"]) == (3, 4)
    assert again.manifest["provenance"]["rematch_of"] == first.manifest["run_id"]
    assert again.manifest["provenance"]["coverage"] == first.manifest["provenance"]["coverage"]
    assert again.manifest["previous"]["run_id"] == first.manifest["run_id"]
    (told,) = (facts for name, facts in room.heard.events if name == "lists compared")
    assert (told["added"], told["withdrawn"]) == (1, 0)


def test_only_added_entries_are_asked_about(room):
    room.conclude()
    room.heard.joins.clear()
    room.import_pictures((0, 1, 2))
    room.conclude(Reading, start_rematch)
    assert [candidates for _, _, candidates in room.heard.joins] == [5]  # digests of five objects, one entry
    room.heard.joins.clear()
    room.import_pictures((0, 1, 2), algorithms=("sha256",))
    room.conclude(Reading, start_rematch)
    assert room.heard.joins == []


def test_withdrawn_entries_retire_their_matches_with_the_reason(room):
    listed = [row(n, f"{n}.jpg", "sha256", 0) for n in range(2)]
    import_lists(room, {"own": listed})
    first = room.conclude()
    import_lists(room, {"own": listed[1:]})
    again = room.conclude(Reading, start_rematch)
    runs = [finished_run(room.workspace, one.manifest["run_id"]) for one in (first, again)]
    told = {
        one.finding.object.key: (str(one.state), one.reason) for one in compare_runs(room.workspace, *runs)
    }
    assert told == {
        "0.jpg": ("gone", "entry_withdrawn"),
        "copy": ("gone", "entry_withdrawn"),
        "1.jpg": ("unchanged", None),
    }
    assert [finding.object.key for finding in read_findings(again.folder)] == ["1.jpg"]


def test_a_list_that_is_gone_retires_all_its_matches(room):
    room.import_pictures((2,), "other")
    room.conclude()
    shutil.rmtree(room.workspace.lists / "tests")
    again = room.conclude(Reading, start_rematch)
    assert [finding.object.key for finding in read_findings(again.folder)] == ["2.jpg"]


@pytest.mark.parametrize("change", ["distance", "snapshot"])
def test_what_cannot_be_carried_over_is_joined_anew(room, change):
    first = room.conclude()
    room.import_pictures((0, 2))
    matching = Matching(pdq_max_distance=20) if change == "distance" else Matching()
    if change == "snapshot":
        (facts,) = first.manifest["provenance"]["lists"]
        shutil.rmtree(room.workspace.lists / "tests" / facts["digest"])
    again = room.conclude(Reading, start_rematch, match=matching)
    assert {finding.object.key for finding in read_findings(again.folder)} == {"0.jpg", "2.jpg", "copy"}
    assert "all is joined anew" in [name for name, _ in room.heard.events]


def test_a_rematch_of_a_rematch_goes_on_from_there(room):
    room.conclude()
    for seeds in ((0, 1, 2), (1, 2), (1, 2, 3)):
        room.import_pictures(seeds)
        matched, mine, _ = room.conclude(Reading, start_rematch), None, None
    _, mine, whole = digests(room)
    assert mine == whole == matched.manifest["rows_digest"]


def test_policies_of_today_apply(room):
    import_lists(
        room, {"own": [row(0, "0.jpg", "sha256", 0, classification="A"), row(1, "1.jpg", "sha256", 0)]}
    )
    room.conclude()
    again = room.conclude(Reading, start_rematch, lists={"own": ListPolicy(ignore=("A",))})
    assert [finding.object.key for finding in read_findings(again.folder)] == ["1.jpg"]


def test_what_could_not_be_listed_then_leaves_the_rematch_incomplete_too(room):
    (room.store / "1.jpg").chmod(0)
    first = room.conclude()
    again = room.conclude(Reading, start_rematch)
    assert (again.exit_code, again.reasons) == (first.exit_code, first.reasons)


def test_an_interrupted_rematch_is_taken_up(room):
    room.conclude()
    room.import_pictures((0, 1, 2))
    sweep, _, _ = room.scan(Reading, start_rematch)
    again = room.conclude(Reading, start_rematch)
    assert again.manifest["run_id"] == sweep.run.run_id


def test_without_a_finished_run_there_is_nothing_to_match(room):
    with pytest.raises(ManifestError, match=r"no finished run of these targets.*`hashsweep scan` makes one"):
        room.scan(Reading, start_rematch)


def test_a_rematch_names_the_run_in_its_header(room):
    first = room.conclude()
    again = room.conclude(Reading, start_rematch)
    header = json.loads((again.folder / "run.json").read_text())
    assert header["rematch_of"] == first.manifest["run_id"]
    assert read_manifest(first.folder)["provenance"]["rematch_of"] is None
