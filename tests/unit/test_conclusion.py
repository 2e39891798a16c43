"""The end of a run: its findings, all that they depend on, and what it came to."""

import json
import shutil
from datetime import timedelta

import pytest

from scanner.conclusion import conclude_sweep, findings_of
from scanner.config import Fetch, ListPolicy, Matching, Run, Select, Target
from scanner.errors import Exit
from scanner.findings.coverage import Coverage
from scanner.findings.manifest import read_findings, read_manifest
from scanner.findings.parts import read_parts
from scanner.findings.policy import Dropped
from scanner.findings.signature import load_key, make_key
from scanner.findings.verify import verify_manifest
from scanner.records import Outcome
from scanner.runs import finished_run
from scanner.version import VERSION
from scanner.workspace import file_digest
from tests import pictures
from tests.unit.sweeps import PICTURES, STORE, Loop, Written

FOUND = ["0.jpg", "1.jpg", "copy"]


def keys(conclusion):
    return [finding.object.key for finding in read_findings(conclusion.folder)]


def test_a_run_with_findings_says_so_and_its_manifest_holds(room):
    done = room.conclude()
    assert (done.exit_code, done.reasons) == (Exit.FINDINGS, [])
    assert keys(done) == FOUND
    assert verify_manifest(done.folder).holds


def test_a_run_that_finds_nothing_is_clean(room):
    for key in FOUND:
        (room.store / key).unlink()
    done = room.conclude()
    assert (done.exit_code, done.reasons, keys(done)) == (Exit.CLEAN, [], [])


def test_the_manifest_says_all_that_the_findings_depend_on(room):
    sweep, coverage, _ = room.scan()
    done = conclude_sweep(sweep, coverage, None, room.clock.now())
    said = done.manifest["provenance"]
    assert (said["run_id"], said["version"], said["complete"]) == (sweep.run.run_id, VERSION, True)
    assert said["started_at"] < said["finished_at"]
    assert said["config"] == json.loads(json.dumps(sweep.config.shown()))
    assert said["table"] == sweep.table.digest
    assert [one["digest"] for one in said["lists"]] == [one.digest for one in sweep.snapshots]
    assert said["coverage"] == coverage.to_dict()
    assert said["inventory"]["objects"] == len(STORE)
    assert said["inventory"]["bytes"] == sum(map(len, STORE.values()))
    (target,) = said["inventory"]["targets"]
    assert (target["address"], target["failure"]) == (room.store.as_uri(), None)
    assert (target["objects"], target["finished"], target["listing"]) == (len(STORE), True, "directory")


def test_every_file_that_the_findings_were_made_of_is_named_by_its_digest(room):
    sweep, coverage, _ = room.scan()
    done = conclude_sweep(sweep, coverage, None, room.clock.now())
    named = {part["path"]: part["sha256"] for part in read_parts(done.folder)}
    made = [path for name in ("inventory", "parts", "matches") for path in (done.folder / name).iterdir()]
    made.append(done.folder / "run.json")
    assert named == {path.relative_to(done.folder).as_posix(): file_digest(path) for path in made}


def test_a_summary_names_no_object(room):
    done = room.conclude()
    said = done.summary()
    assert (said["exit_code"], said["counts"]["findings"]) == (1, 3)
    assert said["manifest_digest"] == read_manifest(done.folder)["digest"]
    text = json.dumps(said)
    assert not [key for key in STORE if f'"{key}"' in text or f"/{key}" in text]
    assert not [f for f in read_findings(done.folder) if f.sha256.hex() in text]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.DENIED, "6 objects denied"),
        (Outcome.FAILED, "6 objects failed"),
        (Outcome.CRASHED, "6 crashed"),
    ],
)
def test_objects_that_were_not_read_leave_the_run_incomplete(room, outcome, words):
    done = room.conclude(Written(outcome))
    assert done.exit_code is Exit.INCOMPLETE
    assert words in " ".join(done.reasons)
    assert done.manifest["provenance"]["incomplete_because"] == done.reasons
    assert done.manifest["provenance"]["complete"] is False


def test_gaps_within_the_tolerance_leave_the_run_complete(room):
    (room.store / "broken.jpg").write_bytes(pictures.broken()["a truncated jpeg"])
    assert room.conclude(run=Run(gap_tolerance=1 / 7 - 0.001)).exit_code is Exit.INCOMPLETE
    assert room.conclude(run=Run(gap_tolerance=1 / 7)).exit_code is Exit.FINDINGS


def test_incomplete_goes_before_findings_and_the_findings_are_there(room):
    (room.store / "broken.jpg").write_bytes(pictures.broken()["a truncated jpeg"])
    done = room.conclude(run=Run(gap_tolerance=0))
    assert (done.exit_code, keys(done)) == (Exit.INCOMPLETE, FOUND)


def test_objects_without_an_outcome_are_noticed(room):
    sweep, _, _ = room.scan()
    done = conclude_sweep(sweep, Coverage(), None, room.clock.now())
    assert done.exit_code is Exit.INCOMPLETE
    assert "6 object versions were listed and 6 have no outcome" in done.reasons


@pytest.mark.parametrize(("allow", "code"), [(False, Exit.INCOMPLETE), (True, Exit.CLEAN)])
def test_one_empty_target_among_others_is_noticed_unless_it_is_allowed(room, tmp_path, allow, code):
    other = tmp_path / "other"
    other.mkdir()
    for key in FOUND:
        (room.store / key).unlink()
    targets = (*room.config().targets, Target(url=other.as_uri()))
    done = room.conclude(targets=targets, run=Run(allow_empty=allow))
    assert done.exit_code is code
    assert (f"{other.as_uri()}: no objects" in " ".join(done.reasons)) is not allow


def test_a_target_that_could_not_be_listed_is_told_first_and_leaves_the_run_incomplete(room, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    sweep = room.start(targets=(*room.config().targets, Target(url=other.as_uri())))
    other.rmdir()
    executor = Written(Outcome.NOT_MEDIA)
    coverage = sweep.fingerprint(executor)
    sweep.match(executor)
    done = conclude_sweep(sweep, coverage, None, room.clock.now())
    assert done.exit_code is Exit.INCOMPLETE
    assert other.as_uri() in done.reasons[0]
    assert "the listing is not finished" in done.reasons
    first, second = done.manifest["provenance"]["inventory"]["targets"]
    assert (first["failure"], second["failure"]) == (None, done.reasons[0])
    assert "objects" not in second


@pytest.mark.parametrize(("hours", "code"), [(1.1, Exit.FINDINGS), (0.9, Exit.INCOMPLETE)])
def test_a_list_that_nobody_refreshed_leaves_the_run_incomplete(room, hours, code):
    room.clock.at += timedelta(hours=1)
    done = room.conclude(lists={"tests": ListPolicy(max_age_hours=hours)})
    assert done.exit_code is code
    assert ("tests: older than its max_age_hours" in done.reasons) is (code is Exit.INCOMPLETE)


def test_a_sample_is_complete_and_says_that_it_is_one(room):
    done = room.conclude(select=Select(sample=2))
    assert done.exit_code is Exit.FINDINGS
    (target,) = done.manifest["provenance"]["inventory"]["targets"]
    assert (target["objects"], target["sampled"]) == (2, True)


def test_manifests_of_the_same_targets_are_chained_and_findings_remember_their_first_run(room, tmp_path):
    first = room.conclude()
    (tmp_path / "other").mkdir()
    other = Target(url=(tmp_path / "other").as_uri())
    room.conclude(targets=(other,))
    (room.store / "another.jpg").write_bytes(PICTURES["1.jpg"])
    second = room.conclude()
    link = {"run_id": first.manifest["run_id"], "digest": first.manifest["digest"]}
    assert (first.manifest["previous"], second.manifest["previous"]) == (None, link)
    seen = {finding.object.key: finding.first_seen_run for finding in read_findings(second.folder)}
    assert seen == {
        **dict.fromkeys(FOUND, first.manifest["run_id"]),
        "another.jpg": second.manifest["run_id"],
    }


def test_a_run_that_was_taken_up_again_follows_the_one_that_ended_meanwhile(room):
    stopped = room.start()
    meanwhile = room.conclude(match=Matching(pdq_max_distance=30))
    executor = Loop(stopped)
    coverage = stopped.fingerprint(executor)
    stopped.match(executor)
    taken_up = conclude_sweep(stopped, coverage, None, room.clock.now())
    last = room.conclude()
    link = {"run_id": taken_up.manifest["run_id"], "digest": taken_up.manifest["digest"]}
    assert last.manifest["previous"] == link
    assert taken_up.manifest["previous"]["run_id"] == meanwhile.manifest["run_id"]
    assert finished_run(room.workspace, None).path == last.folder
    checked = verify_manifest(last.folder)
    assert (checked.chain, checked.earlier, checked.holds) == ("holds", 2, True)
    shutil.rmtree(taken_up.folder)
    assert not verify_manifest(last.folder).holds


def test_a_manifest_names_the_settings_that_judged_the_run_and_no_secret(room):
    (target,) = room.config().targets
    targets = (Target(url=target.url, external_id="s3cret"),)
    begun = room.start(targets=targets, run=Run(part_objects=2, gap_tolerance=0.5))
    done = room.conclude(targets=targets, run=Run(part_objects=2, gap_tolerance=0.25))
    assert done.folder == begun.run.path
    config = done.manifest["provenance"]["config"]
    assert config["run"]["gap_tolerance"] == 0.25
    assert set(config["targets"][0]["external_id"]) == {"*"}
    assert "s3cret" not in (done.folder / "manifest.json").read_text()


def test_a_taste_is_not_the_run_before_the_whole(room):
    room.conclude(select=Select(sample=2))
    assert room.conclude().manifest["previous"] is None


def test_policies_decide_what_matches_become(room):
    severe = room.conclude(lists={"tests": ListPolicy(illegal=("A",))})
    assert {finding.severity for finding in read_findings(severe.folder)} == {"report"}
    ignored = room.conclude(lists={"tests": ListPolicy(ignore=("A",))})
    assert (ignored.exit_code, keys(ignored)) == (Exit.CLEAN, [])
    none = {"ignored": 0, "beyond_list_distance": 0, "objects": 0}
    assert severe.manifest["counts"]["not_findings"] == none
    assert ignored.summary()["counts"]["not_findings"] == {**none, "ignored": 3, "objects": 3}
    assert read_manifest(ignored.folder)["counts"] == ignored.manifest["counts"]
    assert verify_manifest(ignored.folder).holds


def test_what_the_join_left_out_is_counted_in_the_finding(room):
    room.import_pictures((0,), "tests")
    path = room.root / "many.csv"
    digest = next(findings_of(room.scan()[0], {}, Dropped())).sha256.hex()
    path.write_text("algorithm,value,entry_id\n" + "".join(f"sha256,{digest},e{n}\n" for n in range(5)))
    room.import_file(path, "many")
    sweep, _, _ = room.scan(match=room.config().match.model_copy(update={"max_entries_per_list": 2}))
    one = next(findings_of(sweep, {}, Dropped()))
    assert (len(one.matches), one.matches_omitted) == (3, 3)


def test_a_conclusion_that_is_drawn_twice_says_the_same(room):
    sweep, coverage, _ = room.scan()
    now = room.clock.now()
    first = conclude_sweep(sweep, coverage, None, now)
    assert conclude_sweep(sweep, coverage, None, now + timedelta(1)).manifest == first.manifest


def test_a_manifest_is_signed_when_there_is_a_key(room, tmp_path):
    (tmp_path / "keys").mkdir()
    public = make_key(tmp_path / "keys" / "signing.pem")
    key = load_key(tmp_path / "keys" / "signing.pem", room.workspace.root)
    sweep, coverage, _ = room.scan()
    done = conclude_sweep(sweep, coverage, key, room.clock.now())
    assert done.manifest["signature"]["public_key"] == public
    assert verify_manifest(done.folder, public).holds


def test_a_list_that_is_configured_and_was_never_imported_leaves_the_run_incomplete(room):
    done = room.conclude(lists={"misspelt": ListPolicy(illegal=("A",))})
    assert done.exit_code is Exit.INCOMPLETE
    assert done.reasons == ["misspelt: configured in [lists.misspelt], and never imported"]


def test_a_run_of_some_objects_does_not_forget_which_run_first_saw_a_finding(room):
    first = room.conclude()
    room.conclude(select=Select(sample=1))
    third = room.conclude()
    assert {finding.first_seen_run for finding in read_findings(third.folder)} == {first.manifest["run_id"]}


def test_an_incomplete_run_does_not_forget_which_run_first_saw_a_finding(room):
    first = room.conclude()
    second = room.conclude(Written(Outcome.DENIED), fetch=Fetch(sniff_bytes=8192))  # reuses no part
    assert second.exit_code is Exit.INCOMPLETE
    third = room.conclude()
    assert {finding.first_seen_run for finding in read_findings(third.folder)} == {first.manifest["run_id"]}


def test_a_damaged_earlier_manifest_is_left_aside_and_said(room):
    first = room.conclude()
    whole = (first.folder / "manifest.parquet").read_bytes()
    (first.folder / "manifest.parquet").write_bytes(whole[: len(whole) // 2])
    second = room.conclude()
    assert second.exit_code is Exit.FINDINGS
    assert {f.first_seen_run for f in read_findings(second.folder)} == {second.manifest["run_id"]}
    assert second.manifest["previous"]["run_id"] == first.manifest["run_id"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"{", b"null", b'{"program": "hashsweep"}'])
def test_a_manifest_that_cannot_be_read_ends_no_later_scan(room, damage):
    first, second = room.conclude(), room.conclude()
    (second.folder / "manifest.json").write_bytes(damage)
    third = room.conclude()
    (name, facts) = room.heard.events[-1]
    assert (name, facts["run_id"]) == ("earlier manifest left aside", second.manifest["run_id"])
    assert str(second.folder / "manifest.json") in facts["message"]
    assert third.manifest["previous"]["run_id"] == first.manifest["run_id"]
    assert third.manifest["provenance"]["left_aside"] == [second.manifest["run_id"]]
    seen = {finding.first_seen_run for finding in read_findings(third.folder)}
    assert seen == {first.manifest["run_id"]}
    assert verify_manifest(third.folder).chain == "holds"


def test_where_no_manifest_can_be_read_the_chain_begins_anew_and_says_so(room):
    first = room.conclude()
    (first.folder / "manifest.json").write_bytes(b"{}")
    second = room.conclude()
    assert second.manifest["previous"] is None
    assert second.manifest["provenance"]["left_aside"] == [first.manifest["run_id"]]
    assert room.conclude().manifest["provenance"]["left_aside"] == []
