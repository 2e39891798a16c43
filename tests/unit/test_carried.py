"""Matches carried over to another table are those that a join of everything with it gives."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.carried import Carried, carry_over
from scanner.config import Matching
from scanner.hashlist.delta import delta_of
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.table import build_table, open_table
from scanner.hashlist.writing import put_snapshot
from scanner.match.distances import max_distances
from scanner.match.join import join, nothing_found
from scanner.records import Fingerprint, HashEntry, ObjectRef, Outcome, table_of
from scanner.slices import put_matches
from scanner.workspace import Workspace
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries
from tests.unit.sweeps import NOW

OBJECTS = 3
FINGERPRINTS = table_of(
    Fingerprint,
    [
        Fingerprint(
            ObjectRef("file", "/store", f"{number}.jpg", None, "e", 9, NOW),
            Outcome.HASHED,
            sha256=lists.value("sha256", number),
            pdq=lists.value("pdq", number),
            pdq_quality=100,
        )
        for number in range(OBJECTS)
    ],
)


def entry(number, name, seen, algorithm, bits, **columns):
    value = lists.value(algorithm, seen)
    near = lists.near(value, bits, number) if algorithm == "pdq" else value
    return HashEntry(name, "m", f"e{number}", algorithm, near, **columns)


entries = st.builds(
    entry,
    st.integers(0, 5),
    st.sampled_from("ab"),
    st.integers(0, OBJECTS - 1),
    st.sampled_from(["pdq", "pdq", "sha256"]),
    st.integers(0, 3),
    classification=st.sampled_from([None, "A"]),
    status=st.sampled_from(["active", "active", "disputed", "withdrawn"]),
    tags=st.sampled_from([(), ("x",)]),
)


def snapshots(workspace, known):
    """Put the lists of these entries, by name."""
    kept = {}
    for name in sorted({one.list for one in known}):
        table = merge_entries(table_of_entries([one for one in known if one.list == name])).table
        kept[name] = make_active(workspace, name, put_snapshot(workspace, name, table, {}), NOW)
    return kept


def rows(matches, left_out):
    """Return matches in an order that does not depend on how they were found, and what was left out."""
    return sorted(matches.to_pylist(), key=repr), left_out


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    stay=st.lists(entries, max_size=8),
    go=st.lists(entries, max_size=4),
    come=st.lists(entries, max_size=6),
    most=st.integers(1, 3),
)
@example([entry(1, "a", 0, "pdq", 2)], [], [entry(2, "a", 0, "pdq", 1)], 1)
@example([], [], [entry(1, "a", 0, "pdq", 2), entry(2, "a", 0, "pdq", 1)], 1)
def test_what_is_carried_over_is_what_a_join_of_everything_gives(tmp_path_factory, stay, go, come, most):
    workspace = Workspace(tmp_path_factory.mktemp("carried") / "workspace").create()
    matching = Matching(max_entries_per_list=most)
    always = [entry(9, "always", 0, "sha256", 0)]
    before, after = (snapshots(workspace, [*known, *always]) for known in (go + stay, stay + come))

    def table(kept):
        return build_table(workspace, list(kept), max_distances(matching))

    earlier = tmp_path_factory.mktemp("earlier") / "matches.parquet"
    put_matches(earlier, *join(FINGERPRINTS, table(before.values()), matching).of(range(OBJECTS)))
    deltas = tuple(
        delta_of(workspace, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if name not in before or name not in after or before[name].digest != after[name].digest
    )
    new = [delta.added for delta in deltas if delta.added is not None]
    added = join(FINGERPRINTS, table(new), matching) if new else nothing_found(FINGERPRINTS)
    now = tuple((name, kept.digest) for name, kept in after.items())
    later = table(after.values())
    carried = Carried(later.path, now, deltas, matching)
    found = carry_over(earlier, FINGERPRINTS, added.of(range(OBJECTS)), carried, open_table)
    assert rows(*found) == rows(*join(FINGERPRINTS, later, matching).of(range(OBJECTS)))


def test_what_cannot_have_changed_opens_no_table(tmp_path):
    workspace = Workspace(tmp_path / "workspace").create()
    kept = snapshots(workspace, [entry(1, "a", 0, "pdq", 0), entry(2, "a", 1, "pdq", 3)])
    table = build_table(workspace, list(kept.values()), max_distances(Matching()))
    whole = join(FINGERPRINTS, table, Matching()).of(range(OBJECTS))
    put_matches(tmp_path / "matches.parquet", *whole)

    def never(path):
        pytest.fail(f"{path} was opened")

    carried = Carried(table.path, (("a", kept["a"].digest),), (), Matching())
    none = nothing_found(FINGERPRINTS).of(range(OBJECTS))
    found = carry_over(tmp_path / "matches.parquet", FINGERPRINTS, none, carried, never)
    assert rows(*found) == rows(*whole)
    assert len(whole[0]) == 2
