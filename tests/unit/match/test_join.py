from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Matching
from scanner.hashlist.bands import band_index, plan
from scanner.hashlist.entries import entries_of, table_of_entries, values_of
from scanner.hashlist.postings import Words, encoded, sort_entries
from scanner.hashlist.shard import Shard
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.table import AlgorithmTable, build_table
from scanner.hashlist.values import degenerate
from scanner.hashlist.writing import put_snapshot
from scanner.match.distances import max_distances
from scanner.match.hamming import Bounds, words_of
from scanner.match.join import join as join_tables
from scanner.match.near import BOUNDS
from scanner.records import (
    ALGORITHM_BYTES,
    DIGESTS,
    Fingerprint,
    HashEntry,
    Match,
    ObjectRef,
    Outcome,
    Picture,
    records_of,
)
from scanner.records import table_of as table_of_records
from scanner.workspace import Workspace
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
FLAT = bytes.fromhex("000000002c4b11342c4b2c4b0000554b00002c4b113411342c4b585e2c4b017e")
PDQ, PHASH = lists.value("pdq", 0), lists.value("phash", 0)
OTHERS = {"phash": PHASH, "dhash": lists.value("phash", 1), "whash": lists.value("phash", 2)}
"""A value of each perceptual hash beside PDQ."""


@dataclass
class Table:
    """A hash table in memory."""

    algorithms: dict


def classes(entries):
    return (entry.classification for entry in entries if entry.classification is not None)


def table_of(*entries, shard_values=1000, max_distances=None):
    """Sort entries into shards as the table on disk does, with bands for some distances."""
    names = sorted({entry.list for entry in entries})
    merged = [merge_entries(table_of_entries([e for e in entries if e.list == name])).table for name in names]
    snapshots = [[name, f"snapshot of {name}"] for name in names]
    algorithms = {}
    for algorithm, width in ALGORITHM_BYTES.items():
        chosen = [entries_of(table, algorithm) for table in merged]
        if not any(len(table) for table in chosen):
            continue
        source = np.repeat(np.arange(len(chosen), dtype=np.int32), [len(table) for table in chosen])
        joined = encoded(pa.concat_tables(chosen))
        words = Words((*sorted({*classes(entries)}),), (*sorted({entry.member for entry in entries}),))
        values = values_of(joined.column("value"), width)
        whole = sort_entries(values, joined, source, snapshots, words)
        shards = []
        for start in range(0, len(whole.values), shard_values):
            offsets = whole.offsets[start : start + shard_values + 1]
            first = int(offsets[0])
            postings = whole.postings.slice(first, int(offsets[-1]) - first).combine_chunks()
            values = whole.values[start : start + shard_values]
            within = (max_distances or {}).get(algorithm)
            bands = () if within is None else plan(8 * width, within, 3_500_000)
            indices = tuple(band_index(words_of(values), 8 * width, band) for band in bands)
            shards.append(Shard(values, offsets - first, postings, first, indices, within))
        algorithms[algorithm] = AlgorithmTable(width, len(whole.values), len(joined), tuple(shards))
    return Table(algorithms)


def entry(algorithm, value, entry_id="e", name="iwf", **columns):
    return HashEntry(name, columns.pop("member", ""), entry_id, algorithm, value, **columns)


def scanned(key="a", **columns):
    reference = ObjectRef("aws", "b", key, None, "etag", 1, AT)
    return Fingerprint(reference, **columns)


def join(fingerprints, table, matching, bounds=BOUNDS):
    """Return the matches of some fingerprints, and what was left out, as records."""
    found = join_tables(table_of_records(Fingerprint, fingerprints), table, matching, bounds)
    matches, left_out = found.of(range(len(fingerprints)))
    return list(records_of(Match, matches)), left_out


def matches_of(fingerprint, *entries, shard_values=1000, **matching):
    matches, _ = join([fingerprint], table_of(*entries, shard_values=shard_values), Matching(**matching))
    return matches


def test_a_match_carries_what_the_entry_says_and_how_near_it_is():
    near = lists.near(PDQ, 12)
    known = entry(
        "pdq", near, member="m", classification="A1", scheme="us", status="disputed", tags=("x", "y")
    )
    (match,) = matches_of(scanned(pdq=PDQ, pdq_quality=80), known)
    assert match.finding_id == scanned().object.finding_id
    assert (match.list, match.snapshot, match.member, match.entry_id) == ("iwf", "snapshot of iwf", "m", "e")
    assert (match.algorithm, match.distance, match.threshold, match.quality) == ("pdq", 12, 31, 80)
    assert (match.transform, match.locator) == ("original", "")
    assert (match.classification, match.scheme, match.entry_status) == ("A1", "us", "disputed")
    assert match.tags == ("x", "y")


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("algorithm", DIGESTS)
def test_digests_match_whatever_became_of_the_object(outcome, algorithm):
    value = lists.value(algorithm, 1)
    (match,) = matches_of(scanned(outcome=outcome, **{algorithm: value}), entry(algorithm, value))
    assert (match.algorithm, match.distance, match.threshold, match.quality) == (algorithm, 0, 0, None)


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_digests_match_only_when_they_are_equal(algorithm):
    value = lists.value(algorithm, 1)
    assert matches_of(scanned(**{algorithm: lists.near(value, 1)}), entry(algorithm, value)) == []


@pytest.mark.parametrize(("distance", "matched"), [(0, True), (31, True), (32, False)])
def test_pdq_matches_within_its_distance_inclusive(distance, matched):
    near = lists.near(PDQ, distance)
    assert bool(matches_of(scanned(pdq=PDQ, pdq_quality=100), entry("pdq", near))) == matched


@pytest.mark.parametrize(("algorithm", "distance"), [("phash", 4), ("dhash", 3), ("whash", 0)])
def test_the_other_perceptual_hashes_match_within_their_distances_inclusive(algorithm, distance):
    value = OTHERS[algorithm]
    picture = scanned(**OTHERS, pdq=PDQ, pdq_quality=100)
    (match,) = matches_of(picture, entry(algorithm, lists.near(value, distance)))
    assert (match.algorithm, match.distance, match.threshold) == (algorithm, distance, distance)
    assert matches_of(picture, entry(algorithm, lists.near(value, distance + 1))) == []
    wider = {f"{algorithm}_max_distance": distance + 1}
    assert matches_of(picture, entry(algorithm, lists.near(value, distance + 1)), **wider)


@pytest.mark.parametrize("algorithm", OTHERS)
def test_a_value_is_never_compared_with_one_of_another_algorithm(algorithm):
    picture = scanned(**{algorithm: PHASH}, pdq=PDQ, pdq_quality=100)
    assert [match.algorithm for match in matches_of(picture, *(entry(name, PHASH) for name in OTHERS))] == [
        algorithm
    ]


@pytest.mark.parametrize("distance", [0, 10, 64])
def test_distances_are_those_of_the_settings(distance):
    picture = scanned(pdq=PDQ, pdq_quality=100)
    (match,) = matches_of(picture, entry("pdq", lists.near(PDQ, distance)), pdq_max_distance=distance)
    assert (match.distance, match.threshold) == (distance, distance)
    beyond = entry("pdq", lists.near(PDQ, distance + 1))
    assert matches_of(picture, beyond, pdq_max_distance=distance) == []


@pytest.mark.parametrize(
    ("quality", "matched"), [(None, False), (0, False), (49, False), (50, True), (100, True)]
)
@pytest.mark.parametrize(("algorithm", "value"), [("pdq", PDQ), *OTHERS.items()])
def test_the_quality_of_the_pdq_gates_all_perceptual_hashes(quality, matched, algorithm, value):
    picture = scanned(pdq=PDQ, **OTHERS, pdq_quality=quality)
    assert bool(matches_of(picture, entry(algorithm, value))) == matched


def test_the_quality_gate_is_that_of_the_settings():
    assert matches_of(scanned(pdq=PDQ, pdq_quality=10), entry("pdq", PDQ), min_pdq_quality=10)
    assert not matches_of(scanned(pdq=PDQ, pdq_quality=9), entry("pdq", PDQ), min_pdq_quality=10)


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("pdq", FLAT),
        ("pdq", b"\0" * 32),
        ("phash", bytes.fromhex("8000000000000000")),
        ("dhash", bytes.fromhex("00000c0c0c000000")),
        ("whash", bytes.fromhex("ffffffff00000000")),
    ],
)
def test_degenerate_hashes_ask_for_nothing_even_when_an_entry_has_them(algorithm, value):
    picture = scanned(**{algorithm: value}, pdq_quality=100)
    assert matches_of(picture, entry(algorithm, value)) == []


def test_low_quality_keeps_no_digest_from_matching():
    digest = lists.value("sha256", 1)
    picture = scanned(sha256=digest, pdq=PDQ, pdq_quality=3)
    matches = matches_of(picture, entry("sha256", digest), entry("pdq", PDQ))
    assert [match.algorithm for match in matches] == ["sha256"]


def test_other_renderings_match_with_their_own_locator_and_quality():
    other = lists.value("pdq", 1)
    frames = (
        Picture("frame:1", 10, 10, lists.value("pdq", 2), 90, None),
        Picture("frame:2", 10, 10, other, 60, **OTHERS),
        Picture("frame:3", 10, 10, other, 49, None),
    )
    known = [entry(name, value) for name, value in {"pdq": other, **OTHERS}.items()]
    matches = matches_of(scanned(others=frames), *known)
    assert [(match.algorithm, match.locator, match.quality) for match in matches] == [
        (name, "frame:2", 60) for name in ("pdq", *OTHERS)
    ]


def test_an_entry_that_matches_several_renderings_stands_once_with_the_nearest():
    frames = (
        Picture("frame:1", 10, 10, lists.near(PDQ, 2), 90, None),
        Picture("frame:2", 10, 10, lists.near(PDQ, 2, seed=1), 80, None),
    )
    picture = scanned(pdq=lists.near(PDQ, 9), pdq_quality=70, others=frames)
    (match,) = matches_of(picture, entry("pdq", PDQ))
    assert (match.distance, match.locator, match.quality) == (2, "frame:1", 90)


def test_every_list_and_every_entry_that_has_the_value_is_named():
    entries = [
        entry("md5", lists.value("md5", 1), "e1"),
        entry("md5", lists.value("md5", 1), "e2"),
        entry("md5", lists.value("md5", 1), "e1", member="m"),
        entry("md5", lists.value("md5", 1), "e1", name="ncmec"),
    ]
    matches = matches_of(scanned(md5=lists.value("md5", 1)), *entries)
    assert [(match.list, match.member, match.entry_id) for match in matches] == [
        ("iwf", "", "e1"),
        ("iwf", "", "e2"),
        ("iwf", "m", "e1"),
        ("ncmec", "", "e1"),
    ]


@pytest.mark.parametrize("shard_values", [1, 2, 1000])
def test_a_flood_names_the_nearest_entries_of_each_list_and_counts_the_rest(shard_values):
    flood = [entry("pdq", lists.near(PDQ, n % 20 + 1, seed=n), f"e{n:03}", "flood") for n in range(60)]
    same = [entry("pdq", PDQ, f"s{n:02}", "same") for n in range(15)]
    single = entry("pdq", lists.near(PDQ, 31), "only", "quiet")
    exact = entry("md5", lists.value("md5", 1))
    table = table_of(*flood, *same, single, exact, shard_values=shard_values)
    picture = scanned(pdq=PDQ, pdq_quality=90, md5=lists.value("md5", 1))
    matches, omitted = join([picture], table, Matching(max_entries_per_list=10))
    assert omitted == {picture.object.finding_id: 50 + 5}
    by_list = {name: [m for m in matches if m.list == name] for name in ("flood", "same", "quiet", "iwf")}
    assert [len(found) for found in by_list.values()] == [10, 10, 1, 1]
    assert [match.distance for match in by_list["flood"]] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert [match.entry_id for match in by_list["same"]] == [f"s{n:02}" for n in range(10)]
    # of the three at distance 4 the one with the lowest value stays
    fourth = min((e for e in flood if bytes_apart(e.value, PDQ) == 4), key=lambda e: e.value)
    assert by_list["flood"][-1].entry_id == fourth.entry_id


def bytes_apart(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def test_a_flood_of_one_classification_never_crowds_out_another():
    flood = [
        entry("pdq", lists.near(PDQ, 1, seed=n), f"e{n:03}", classification="ignored") for n in range(50)
    ]
    farther = entry("pdq", lists.near(PDQ, 20), "kept", classification="A")
    disputed = entry("pdq", lists.near(PDQ, 30), "doubted", classification="ignored", status="disputed")
    picture = scanned(pdq=PDQ, pdq_quality=90)
    matches, _ = join([picture], table_of(*flood, farther, disputed), Matching(max_entries_per_list=2))
    assert [match.entry_id for match in matches][-2:] == ["kept", "doubted"]


def test_entries_that_several_renderings_match_are_counted_once_when_left_out():
    entries = [entry("pdq", lists.near(PDQ, 3, seed=n), f"e{n}") for n in range(5)]
    frames = tuple(Picture(f"frame:{n}", 1, 1, lists.near(PDQ, 1, seed=n), 90, None) for n in range(4))
    picture = scanned(pdq=PDQ, pdq_quality=90, others=frames)
    matches, omitted = join([picture], table_of(*entries), Matching(max_entries_per_list=2))
    assert len(matches) == 2
    assert omitted == {picture.object.finding_id: 3}


def test_what_is_left_out_is_summed_over_algorithms():
    digest = lists.value("md5", 1)
    entries = [entry(*known, f"e{n}") for n in range(4) for known in (("pdq", PDQ), ("md5", digest))]
    picture = scanned(pdq=PDQ, pdq_quality=90, md5=digest)
    _, omitted = join([picture], table_of(*entries), Matching(max_entries_per_list=3))
    assert omitted == {picture.object.finding_id: 2}


def test_objects_that_share_some_renderings_are_answered_apart():
    near, far = lists.near(PDQ, 2), lists.near(PDQ, 9)
    frames = (Picture("frame:1", 1, 1, near, 90, None),)
    both, one = (
        scanned("both", pdq=far, pdq_quality=90, others=frames),
        scanned("one", pdq=far, pdq_quality=90),
    )
    for order in ([both, one], [one, both]):
        matches, _ = join(order, table_of(entry("pdq", PDQ)), Matching())
        found = {match.finding_id: match.distance for match in matches}
        assert found == {both.object.finding_id: 2, one.object.finding_id: 9}


def test_nothing_is_said_to_be_left_out_when_nothing_is():
    entries = [entry("pdq", lists.near(PDQ, 3, seed=n), f"e{n}") for n in range(5)]
    picture = scanned(pdq=PDQ, pdq_quality=90)
    assert join([picture], table_of(*entries), Matching(max_entries_per_list=5))[1] == {}


def test_equal_pictures_match_each_as_if_it_were_alone():
    pictures = [scanned(f"key {n}", pdq=PDQ, pdq_quality=50 + n % 50) for n in range(300)]
    table = table_of(*(entry("pdq", lists.near(PDQ, 3, seed=n), f"e{n}") for n in range(5)))
    matches, omitted = join(pictures, table, Matching(max_entries_per_list=3))
    alone = [join([picture], table, Matching(max_entries_per_list=3)) for picture in pictures]
    assert matches == [match for found, _ in alone for match in found]
    assert omitted == {picture.object.finding_id: 2 for picture in pictures}


def test_nothing_joined_is_nothing():
    assert join([], table_of(entry("pdq", PDQ)), Matching()) == ([], {})
    assert join([scanned()], table_of(entry("pdq", PDQ)), Matching()) == ([], {})
    assert join([scanned(md5=lists.value("md5", 1))], table_of(entry("pdq", PDQ)), Matching()) == ([], {})


def test_a_fingerprint_of_the_wrong_width_is_an_error_not_a_wrong_answer():
    with pytest.raises(ValueError, match="md5: a fingerprint is not 16 bytes"):
        matches_of(scanned(md5=b"x" * 17), entry("md5", lists.value("md5", 1)))


values = {
    "md5": st.integers(0, 2).map(lambda n: lists.value("md5", n)),
    "pdq": st.tuples(st.sampled_from([0, 3, 30, 31, 32]), st.integers(0, 2)).map(
        lambda pair: lists.near(PDQ, *pair)
    ),
    "phash": st.tuples(st.integers(0, 6), st.integers(0, 2)).map(lambda pair: lists.near(PHASH, *pair)),
    "dhash": st.tuples(st.integers(0, 4), st.integers(0, 2)).map(
        lambda pair: lists.near(OTHERS["dhash"], *pair)
    ),
}
qualities = st.sampled_from([None, 49, 50, 100])
known_entries = st.one_of(
    [
        st.builds(
            HashEntry,
            list=st.sampled_from(["a", "b"]),
            member=st.sampled_from(["", "m"]),
            entry_id=st.sampled_from(["1", "2", "10"]),
            algorithm=st.just(algorithm),
            value=value,
            classification=st.sampled_from([None, "A", "B"]),
            status=st.sampled_from(["active", "disputed"]),
        )
        for algorithm, value in values.items()
    ]
)
pictures = st.builds(
    lambda locator, pdq, quality, phash, dhash: Picture(locator, 1, 1, pdq, quality, phash, dhash=dhash),
    st.sampled_from(["frame:1", "frame:2"]),
    st.none() | values["pdq"],
    qualities,
    st.none() | values["phash"],
    st.none() | values["dhash"],
)
objects = st.fixed_dictionaries(
    {"pdq_quality": qualities, "others": st.lists(pictures, max_size=2).map(tuple)},
    optional=values,
)


def joined_plainly(fingerprint, entries, matching):
    """Do what join promises for one object, one pair after the other."""
    renderings = [("", fingerprint), *((picture.locator, picture) for picture in fingerprint.others)]
    limits = {"md5": 0} | {
        name: getattr(matching, f"{name}_max_distance") for name in ("pdq", "phash", "dhash")
    }
    kept, omitted = [], 0
    for algorithm, limit in limits.items():
        for name in ("a", "b"):
            best = []
            for known in (e for e in entries if (e.algorithm, e.list) == (algorithm, name)):
                pairs = []
                for number, (locator, shown) in enumerate(renderings):
                    value, quality = getattr(shown, algorithm, None), shown.pdq_quality
                    asks = value is not None and not (algorithm in DIGESTS and number)
                    good = quality is not None and quality >= matching.min_pdq_quality
                    if not asks or not (algorithm in DIGESTS or (good and not degenerate(algorithm, value))):
                        continue
                    distance = bytes_apart(value, known.value)
                    if distance <= limit:
                        pairs.append((distance, number, locator))
                if pairs:
                    distance, _, locator = min(pairs)
                    found = (distance, known.value, known.member, known.entry_id, locator)
                    best.append((found, (known.member, known.classification, known.status)))
            seen = Counter()
            for found, kind in sorted(best, key=itemgetter(0)):
                seen[kind] += 1
                if seen[kind] <= matching.max_entries_per_list:
                    kept.append((algorithm, name, *found))
                else:
                    omitted += 1
    return kept, omitted


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    st.lists(objects, max_size=4),
    st.lists(known_entries, min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 4),
)
def test_the_join_finds_what_looking_at_every_pair_finds(scans, entries, per_list, shard_values):
    entries = list({(e.list, e.member, e.entry_id, e.algorithm): e for e in entries}.values())
    value_of = {(e.list, e.member, e.entry_id, e.algorithm): e.value for e in entries}
    fingerprints = [scanned(f"key {n}", **columns) for n, columns in enumerate(scans)]
    matching = Matching(max_entries_per_list=per_list)
    matches, omitted = join(fingerprints, table_of(*entries, shard_values=shard_values), matching)
    for fingerprint in fingerprints:
        expected, left_out = joined_plainly(fingerprint, entries, matching)
        mine = [match for match in matches if match.finding_id == fingerprint.object.finding_id]
        assert [
            (m.algorithm, m.list, m.distance, value_of[m.match_key], m.member, m.entry_id, m.locator)
            for m in mine
        ] == expected
        told = omitted.get(fingerprint.object.finding_id, 0)
        if fingerprint.others:  # what two renderings leave out may be the same entries
            assert bool(told) == bool(left_out)
            assert told <= left_out
        else:
            assert told == left_out


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(objects, max_size=6),
    st.lists(known_entries, min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 12),
    st.builds(Bounds, st.integers(1, 4), st.integers(4, 9)),
)
def test_the_join_does_not_depend_on_how_many_pairs_it_holds(scans, entries, per_list, shard_values, bounds):
    fingerprints = [scanned(f"key {n}", **columns) for n, columns in enumerate(scans)]
    matching, table = Matching(max_entries_per_list=per_list), table_of(*entries, shard_values=shard_values)
    assert join(fingerprints, table, matching, bounds) == join(fingerprints, table, matching)


@pytest.mark.parametrize("bounds", [Bounds(1, 1), Bounds(149, 149), Bounds(150, 200), Bounds(150, 3000)])
def test_a_cluster_of_entries_and_pictures_is_joined_in_any_room(bounds):
    table = table_of(*(entry("pdq", lists.near(PDQ, 6, seed=n), f"e{n:03}") for n in range(150)))
    scans = [scanned(f"key {n}", pdq=lists.near(PDQ, 6, seed=-n % 997), pdq_quality=90) for n in range(40)]
    matching = Matching(max_entries_per_list=5)
    matches, omitted = join(scans, table, matching, bounds)
    assert (matches, omitted) == join(scans, table, matching)
    assert len(matches) == 40 * 5
    assert sum(omitted.values()) == 40 * 145


def test_how_a_table_on_disk_is_divided_never_changes_which_entries_are_named(tmp_path):
    workspace = Workspace(tmp_path).create()
    entries = [
        entry("pdq", lists.near(PDQ, 30, seed=n), f"e{n}", f"list {n % 2}", classification="CAB"[n % 3])
        for n in range(60)
    ]
    snapshots = []
    for name in ("list 0", "list 1"):
        merged = merge_entries(table_of_entries([one for one in entries if one.list == name])).table
        digest = put_snapshot(workspace, name.replace(" ", "-"), merged, {})
        snapshots.append(make_active(workspace, name.replace(" ", "-"), digest, AT))
    matching, found = Matching(max_entries_per_list=2), []
    for shard_values in (1000, 2):
        table = build_table(workspace, snapshots, max_distances(matching), shard_values)
        found.append(join([scanned(pdq=PDQ, pdq_quality=90)], table, matching))
    assert len(table.algorithms["pdq"].shards) > 10
    assert found[0] == found[1]
    assert sorted((m.list, m.classification) for m in found[0][0]) == sorted(
        2 * [(f"list-{n}", kind) for n in range(2) for kind in "ABC"]
    )


def test_a_table_on_disk_is_joined_like_one_in_memory(tmp_path):
    workspace = Workspace(tmp_path).create()
    entries = [entry(name, lists.value(name, n), f"e{n}") for name in ALGORITHM_BYTES for n in range(20)]
    digest = put_snapshot(workspace, "iwf", merge_entries(table_of_entries(entries)).table, {})
    snapshots = [make_active(workspace, "iwf", digest, AT)]
    table = build_table(workspace, snapshots, max_distances(Matching()), shard_values=7)
    scan = {name: lists.value(name, 3) for name in ALGORITHM_BYTES}
    matches, _ = join([scanned(pdq_quality=100, **scan)], table, Matching())
    assert [(match.algorithm, match.entry_id) for match in matches] == [(n, "e3") for n in ALGORITHM_BYTES]
    assert {match.snapshot for match in matches} == {digest}


def test_entries_of_one_member_never_crowd_out_those_of_another():
    value = lists.value("md5", 1)
    entries = [HashEntry("ncmec", "45", f"e{n}", "md5", value, "A1") for n in range(9)]
    entries.append(HashEntry("ncmec", "46", "z", "md5", value, "A1"))
    matches, _ = join([scanned("key", md5=value)], table_of(*entries), Matching(max_entries_per_list=2))
    assert [(match.member, match.entry_id) for match in matches] == [("45", "e0"), ("45", "e1"), ("46", "z")]
