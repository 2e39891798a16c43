"""The line as drawn: what is refused before it starts, which run goes on, what serves again."""

import errno
import itertools
import json
import os
from functools import partial
from pathlib import Path

import pytest

from scanner.config import (
    Config,
    Fetch,
    Matching,
    Media,
    Run,
    Scheduler,
    Select,
    Signing,
    Target,
)
from scanner.errors import ConfigError, Exit, HashListError
from scanner.hashlist.building import plainly
from scanner.hashlist.table import build_table
from scanner.list_policy import ListPolicy, MemberPolicy
from scanner.records import OPTIONAL, Fingerprint, Outcome
from scanner.scan import UNSETTLED, Surroundings, start
from scanner.slices import put_fingerprints, read_fingerprints
from scanner.workspace import Workspace, put_once
from tests.unit.hashlist.lists import value
from tests.unit.sweeps import RETRY, STORE, Loop, Room, Written

BUCKET = Target(url="s3://bucket/photos/")


def runs(room):
    return list(room.workspace.runs.iterdir())


def test_without_a_list_nothing_begins(tmp_path):
    room = Room(tmp_path, Workspace(tmp_path / "workspace").create())
    with pytest.raises(HashListError, match="import one first: hashsweep lists import NAME FILE"):
        room.start()
    assert runs(room) == []


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ((), "no target"),
        ((Target(url="s3://"),), "no bucket"),
        ((Target(url="gs://bucket"),), "not a target"),
        ((Target(url="s3://bucket/a"), Target(url="s3://bucket/a/b")), "one contains the other"),
    ],
)
def test_a_target_that_is_none_is_refused_before_anything_begins(room, targets, words):
    with pytest.raises(ConfigError, match=words):
        room.start(targets=targets)
    assert runs(room) == []


def test_every_target_has_its_place(room, tmp_path):
    (tmp_path / "two").mkdir()
    targets = (BUCKET, Target(url=(tmp_path / "two").as_uri(), store="nas"))
    sweep = room.start(targets=targets)
    assert [(place.store, place.bucket, place.prefix) for place in sweep.places] == [
        ("aws", "bucket", "photos/"),
        ("nas", str(tmp_path / "two"), ""),
    ]


LOOSE = Matching(phash_max_distance=16)


@pytest.fixture
def perceptual(room):
    """A room whose list has a pHash value: enough for random matches at 16 bits."""
    path = room.root / "perceptual.csv"
    path.write_text(f"algorithm,value\nphash,{value('phash', 1).hex()}\n")
    room.import_file(path, "perceptual")
    return room


def test_distances_that_chance_alone_would_match_are_refused_with_the_way_out(perceptual):
    with pytest.raises(ConfigError, match="random matches are expected per 100,000 objects") as refused:
        perceptual.start(match=LOOSE)
    assert "match.accept_expected_false_matches = true" in str(refused.value)
    assert "phash within 16 bits" in str(refused.value)
    assert runs(perceptual) == []


def test_distances_that_chance_alone_would_match_can_be_accepted_by_name(perceptual):
    accepted = LOOSE.model_copy(update={"accept_expected_false_matches": True})
    header = perceptual.start(match=accepted).run.header
    assert header["expected_false_matches"]["per_100000_objects"] > 1
    assert "phash within 16 bits" in header["expected_false_matches"]["words"]


@pytest.mark.parametrize("algorithm", ["phash", "dhash", "whash"])
def test_the_way_out_names_the_distance_that_is_too_wide(room, algorithm):
    room.import_file(written(room, phash=1, dhash=1, whash=1), "perceptual")
    wide = Matching(**{f"{algorithm}_max_distance": 16})
    with pytest.raises(ConfigError, match=rf"most of them from {algorithm} .*lower match\.{algorithm}_max"):
        room.start(match=wide, media=Media(also=OPTIONAL))


def written(room, **entries):
    """Write a list of so many values of each algorithm."""
    lines = [f"{name},{value(name, n).hex()}" for name, count in entries.items() for n in range(count)]
    path = room.root / "perceptual.csv"
    path.write_text("\n".join(["algorithm,value", *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("entries", "also", "held", "remedy"),
    [
        ({"dhash": 2, "sha256": 1}, (), "2 dhash entries", '["dhash"]'),
        ({"whash": 1_200}, ("dhash",), "1,200 whash entries", '["dhash", "whash"]'),
        ({"dhash": 1, "whash": 3, "pdq": 2}, (), "1 dhash and 3 whash entries", '["dhash", "whash"]'),
    ],
    ids=str,
)
def test_a_list_of_hashes_that_no_object_would_get_is_refused_with_the_way_out(
    room, entries, also, held, remedy
):
    path = written(room, **entries)
    room.import_file(path, "perceptual")
    with pytest.raises(ConfigError, match=f"the lists hold {held}, which could never match") as refused:
        room.start(media=Media(also=also))
    assert refused.value.exit_code is Exit.USAGE
    assert f"set media.also = {remedy}" in str(refused.value)
    assert not any(line.split(",")[1] in str(refused.value) for line in path.read_text().splitlines())
    assert runs(room) == []
    room.start(media=Media(also=json.loads(remedy)))


def test_the_usual_distances_are_not_refused(perceptual):
    assert perceptual.start().run.header["expected_false_matches"]["per_100000_objects"] < 1


def test_a_run_pins_what_it_depends_on_and_no_secret(room):
    target = BUCKET.model_copy(update={"external_id": Target(url="x", external_id="s3cret").external_id})
    run = room.start(targets=(target,)).run
    text = (run.path / "run.json").read_text()
    assert "s3cret" not in text
    pinned = json.loads(text)
    assert pinned["config"]["targets"][0]["url"] == BUCKET.url
    assert [(one["list"], one["counts"]["entries"]) for one in pinned["lists"]] == [("tests", 2)]
    assert pinned["table"] == room.start(targets=(target,)).table.digest


def test_the_same_command_takes_up_the_run_that_was_not_finished(room):
    first, second = room.start(), room.start()
    assert second.run == first.run
    assert [name for name, _ in room.heard.events] == ["run begins", "run continues"]


def test_a_finished_run_is_followed_by_another(room):
    first = room.start()
    put_once(first.run.path / "manifest.json", b"{}")
    assert room.start().run.run_id > first.run.run_id


def test_an_old_inventory_is_listed_afresh(room):
    hours = Run(resume_within_hours=0)
    assert room.start(run=hours).run.run_id != room.start(run=hours).run.run_id


OUTPUT = [
    *({"targets": (target,)} for target in (Target(url="s3://bucket/other/"), Target(url="s3://photos/"))),
    *({"targets": (BUCKET.model_copy(update=one),)} for one in ({"store": "minio"}, {"versions": False})),
    {"targets": (BUCKET, Target(url="s3://another"))},
    {"select": Select(include=("*.jpg",))},
    {"select": Select(exclude=("*.jpg",))},
    {"select": Select(min_bytes=1)},
    {"select": Select(max_bytes=1)},
    {"select": Select(modified_since="2024-01-01T00:00:00Z")},
    {"select": Select(sample=3)},
    {"fetch": Fetch(read_all=True)},
    {"fetch": Fetch(single_get_bytes=1)},
    {"fetch": Fetch(sniff_bytes=5000)},
    {"fetch": Fetch(max_picture_bytes=1)},
    {"fetch": Fetch(max_object_bytes=1)},
    {"fetch": Fetch(least_bytes_per_second=1)},
    {"media": Media(max_pixels=1)},
    {"media": Media(max_frames=1)},
    {"media": Media(pdq="luma")},
    {"media": Media(transforms="all")},
    {"media": Media(also=("dhash",))},
    {"media": Media(seconds=1)},
    {"media": Media(memory_bytes="1 GiB")},
    {"match": Matching(pdq_max_distance=30)},
    {"match": Matching(phash_max_distance=3)},
    {"match": Matching(dhash_max_distance=2)},
    {"match": Matching(whash_max_distance=2)},
    {"match": Matching(min_pdq_quality=49)},
    {"match": Matching(max_entries_per_list=99)},
    {"match": Matching(accept_expected_false_matches=True)},
    {"lists": {"tests": ListPolicy(illegal=("A",))}},
    {"lists": {"tests": ListPolicy(ignore=("A",))}},
    {"lists": {"tests": ListPolicy(review=("A",))}},
    {"lists": {"tests": ListPolicy(min_agreement=2)}},
    {"lists": {"tests": ListPolicy(members={"45": MemberPolicy(ignore=("A",))})}},
    {"lists": {"tests": ListPolicy(user_submitted=True)}},
    {"lists": {"tests": ListPolicy(pdq_max_distance=3)}},
    {"lists": {"tests": ListPolicy(phash_max_distance=3)}},
    {"lists": {"tests": ListPolicy(dhash_max_distance=2)}},
    {"lists": {"tests": ListPolicy(whash_max_distance=0)}},
    {"lists": {"tests": ListPolicy(after_confirmation="takedown")}},
    {"run": Run(part_objects=3)},
    {"targets": (BUCKET.model_copy(update={"endpoint_url": "http://127.0.0.1:1"}),)},
]
"""Settings that change what a run writes: one with any of them is another run."""

REACHED = {
    "region": "eu-west-1",
    "profile": "other",
    "role_arn": "arn:aws:iam::1:role/x",
    "expected_owner": "1",
    "requester_pays": True,
}

TUNING = [
    *({"targets": (BUCKET.model_copy(update={name: value}),)} for name, value in REACHED.items()),
    {"targets": (Target(url=BUCKET.url, external_id="s3cret"),)},
    {"fetch": Fetch(in_flight=1)},
    {"fetch": Fetch(in_flight_bytes=1)},
    {"fetch": Fetch(attempts=1)},
    {"fetch": Fetch(backoff_seconds=1)},
    {"fetch": Fetch(max_backoff_seconds=1)},
    {"fetch": Fetch(timeout_seconds=1)},
    {"run": Run(part_objects=2, gap_tolerance=1)},
    {"run": Run(part_objects=2, allow_empty=True)},
    {"run": Run(part_objects=2, exit_zero_on_findings=True)},
    {"run": Run(part_objects=2, resume_within_hours=5)},
    {"scheduler": Scheduler(address="none")},
    {"scheduler": Scheduler(workers=2, window=1, dashboard=True, allow_insecure=True)},
    {"signing": Signing(key_file="key.pem")},
]
"""Settings of how it is done: a run that was stopped goes on with any of them."""


def named(settings):
    """Say which settings differ from the usual ones."""
    ((section, chosen),) = settings.items()
    model = chosen["tests"] if section == "lists" else chosen[-1] if section == "targets" else chosen
    return f"{section} {' '.join(sorted(model.model_fields_set))}"


@pytest.mark.parametrize("changed", OUTPUT, ids=named)
def test_what_changes_the_output_is_another_run(room, changed):
    first = room.start(targets=(BUCKET,))
    assert room.start(**{"targets": (BUCKET,), **changed}).run != first.run


@pytest.mark.parametrize("changed", TUNING, ids=named)
def test_what_only_tunes_goes_on_with_the_run(room, changed):
    first = room.start(targets=(BUCKET,))
    assert room.start(**{"targets": (BUCKET,), **changed}).run == first.run


def test_every_setting_is_either_output_or_tuning():
    """A new setting has to be put into one of the two lists above."""
    told = {tuple(named(settings).split()) for settings in (*OUTPUT, *TUNING)}
    known = {(section, name) for section, *names in told for name in names}
    sections = {
        "targets": Target,
        "select": Select,
        "fetch": Fetch,
        "media": Media,
        "match": Matching,
        "lists": ListPolicy,
        "run": Run,
        "scheduler": Scheduler,
        "signing": Signing,
    }
    assert set(Config.model_fields) == {*sections, "workspace"}
    every = {(section, name) for section, model in sections.items() for name in model.model_fields}
    untold = {
        ("lists", name) for name in ("max_age_hours", "columns", "sync", "retention_days")
    }  # of import and exit code
    untold |= {("scheduler", f"tls_{name}_file") for name in ("ca", "cert", "key")}
    assert every - known == untold


def test_another_list_or_other_entries_are_another_run(room):
    seen = {room.start().run.run_id}
    room.import_pictures((2,), "more")
    seen.add(room.start().run.run_id)
    room.import_pictures((0, 1, 3))
    seen.add(room.start().run.run_id)
    assert len(seen) == 3


def test_two_targets_in_another_order_are_the_same_targets_of_another_run(room):
    targets = (BUCKET, Target(url="s3://another"))
    one, other = room.start(targets=targets).run, room.start(targets=targets[::-1]).run
    assert one.header["target_key"] == other.header["target_key"]
    assert one.header["key"] != other.header["key"]


def outputs(sweep):
    return [sweep.slice_of(part).output for part in sweep.listing.parts]


def finished(sweep):
    put_once(sweep.run.path / "manifest.json", b"{}")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_parts_of_an_earlier_run_serve_again_unless_they_could_come_out_otherwise(room, outcome):
    first, _, _ = room.scan(Written(outcome))
    finished(first)
    second, coverage, executor = room.scan(Written(Outcome.HASHED))
    assert second.run.run_id != first.run.run_id
    again = outcome in UNSETTLED
    assert len(executor.done) == (len([part for part in second.listing.parts if part.rows]) if again else 0)
    assert coverage.outcomes == {"hashed" if again else str(outcome): len(STORE)}


def test_outcomes_that_could_come_out_otherwise_are_these():
    assert {str(outcome) for outcome in UNSETTLED} == {
        "denied",
        "failed",
        "changed",
        "timed_out",
        "crashed",
        "gone",
        "archived",
    }


def test_where_parts_cannot_be_linked_they_are_copied(room, monkeypatch):
    first, _, _ = room.scan()
    finished(first)

    def refuse(path, target):
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), target, None, path)

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    second, _, loop = room.scan()
    assert loop.done == []
    contents = [{p.name: p.read_bytes() for p in one.run.parts.iterdir()} for one in (first, second)]
    assert contents[0] == contents[1] != {}
    assert {path.stat().st_nlink for path in second.run.parts.iterdir()} == {1}


def test_parts_that_serve_again_are_the_same_files(room):
    first, _, _ = room.scan()
    finished(first)
    second, _, loop = room.scan()
    assert loop.done == []
    for one, other in zip(outputs(first), outputs(second), strict=True):
        assert one.samefile(other)


def test_only_parts_with_changed_objects_are_read_again(room):
    first, _, _ = room.scan()
    finished(first)
    (room.store / "2.jpg").write_bytes(STORE["3.jpg"])
    second, coverage, loop = room.scan()
    assert 0 < len(loop.done) < len(second.listing.parts)
    assert coverage.objects == len(STORE)
    assert any(row.object.key == "2.jpg" for one in loop.done for row in read_fingerprints(one.output))


def test_a_part_of_this_run_is_never_replaced_by_an_earlier_one(room):
    first, _, _ = room.scan(Written(Outcome.NOT_MEDIA))
    finished(first)
    second = room.start()
    part = next(part for part in second.listing if part.rows)
    own = second.slice_of(part)
    rows = [Fingerprint(row.object, Outcome.DENIED) for row in read_fingerprints(first.slice_of(part).output)]
    put_fingerprints(own.output, rows)
    coverage = room.start().fingerprint(Written())
    assert coverage.outcomes["denied"] == len(rows)
    assert read_fingerprints(own.output) == rows


def test_matches_are_named_by_all_that_they_depend_on(room):
    sweep, _, _ = room.scan()
    part = sweep.listing.parts[0]
    names = [sweep.matches_of(part).name]
    names.append(room.start(match=Matching(pdq_max_distance=3)).matches_of(part).name)
    names.append(room.start(media=Media(max_frames=3)).matches_of(part).name)
    room.import_pictures((3,), "more")
    names.append(room.start().matches_of(part).name)
    assert len(set(names)) == 4


def test_a_stopped_run_says_what_is_there_and_what_is_missing(room):
    sweep = room.start()
    for _ in itertools.islice(Loop(sweep).fingerprint(map(sweep.slice_of, sweep.listing)), 2):
        pass
    words = sweep.stopped()
    listed = len(list(sweep.run.inventory.iterdir()))
    assert f"of {listed} listed parts, 2 are fingerprinted and 0 joined" in words
    assert f"the same command continues run {sweep.run.run_id}" in words
    again, _, _ = room.scan()
    parts = len(again.listing.parts)
    assert f"of {parts} listed parts, {parts} are fingerprinted and {parts} joined" in again.stopped()
    assert "the listing is finished" in again.stopped()


def test_a_stopped_run_counts_the_parts_at_rest_that_nobody_had_asked_for_yet(room):
    whole, _, _ = room.scan()
    listed = len(whole.listing.parts)
    again = room.start()
    assert f"of {listed} listed parts, {listed} are fingerprinted and {listed} joined" in again.stopped()
    assert "the listing is finished" in again.stopped()
    whole.listing.parts[-1].path.unlink()
    assert f"of {listed - 1} listed parts" in room.start().stopped()
    assert "the listing is not finished" in room.start().stopped()


def test_a_large_table_is_made_by_who_is_there_for_it_and_told_of(room, monkeypatch):
    monkeypatch.setattr("scanner.scan.build_table", partial(build_table, shard_values=1))
    asked = []

    def builder(work):
        asked.extend(one.name for one in work)
        yield from plainly(work)

    around = Surroundings(room.clock.now, room.clock.token, RETRY, room.heard, builder)
    start(room.config(), room.workspace, around)
    assert asked == ["sha256-00000", "sha256-00001"]
    assert [name for name, _ in room.heard.events] == [
        "table begins",
        "table grows",
        "table grows",
        "run begins",
    ]
    assert room.heard.events[0] == ("table begins", {"entries": 2, "shards": 2})


def test_a_table_of_one_shard_is_not_told_of(room):
    room.start()
    assert [name for name, _ in room.heard.events] == ["run begins"]


@pytest.mark.parametrize("many", [1, 3])
def test_a_large_table_of_which_all_values_are_compared_is_told_of(room, monkeypatch, many):
    room.import_pictures((0, 1), algorithms=("sha256", "pdq"))
    monkeypatch.setattr("scanner.scan.MANY", many)
    room.start()
    told = [facts for name, facts in room.heard.events if name == "all values are compared"]
    assert told == [{"algorithm": "pdq", "values": 2, "max_distance": 31}][: many < 2]


def test_settings_of_single_members_are_refused_where_the_list_has_too_many(room, monkeypatch):
    lists = {"tests": ListPolicy(members={"45": MemberPolicy(review=("*",))})}
    assert room.start(lists=lists)
    monkeypatch.setattr("scanner.scan.MOST_MEMBERS", 0)
    with pytest.raises(
        ConfigError, match=r"list tests: more than .* members, so that \[lists.tests.members\]"
    ):
        room.start(lists=lists)
