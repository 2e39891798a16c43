"""The join of a run: in however many tasks, interrupted or not, it gives what joining each part gives."""

from datetime import UTC, datetime

import pytest

from scanner.config import ListPolicy, Matching
from scanner.hashlist.importer import import_list
from scanner.hashlist.snapshot import active_snapshots
from scanner.hashlist.table import build_table, open_table
from scanner.join_work import Part, join_block, match_parts
from scanner.joining import Join
from scanner.match.distances import max_distances
from scanner.match.join import join
from scanner.queries import ask, read_fingerprint_tables
from scanner.records import Match, records_of, table_of
from scanner.slices import objects_matched, put_fingerprints, read_matches
from scanner.workspace import Workspace
from tests.unit.hashlist import lists
from tests.unit.match.test_join import scanned
from tests.unit.sweeps import Heard

MATCHING = Matching(max_entries_per_list=3)


class Plainly:
    """The phases of a join without clients and decoders; it can stop after so many tasks."""

    def __init__(self, table, matching=MATCHING, most=1000):
        self.table, self.matching, self.left = table, matching, most
        self.done = []

    def _each(self, work, function):
        for one in work:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.done.append(one.name)
            yield one, function(one)

    def ask(self, work):
        algorithms = [*self.table.algorithms]
        return self._each(work, lambda one: ask(one, algorithms, self.matching.min_pdq_quality))

    def join(self, work):
        return self._each(work, lambda one: join_block(one, self.table, self.matching))

    def match(self, work):
        return self._each(work, self._match)

    def _match(self, work):
        match_parts(work, open_table, self.matching)
        return sum(objects_matched(part.output) for part in work.parts)


def known_in(root):
    """Return the table of a list that has clusters, in several shards."""
    workspace = Workspace(root / "workspace").create()
    rows = ["algorithm,value,entry_id"]
    rows += [f"pdq,{lists.near(lists.value('pdq', n % 7), n % 5, n).hex()},p{n}" for n in range(60)]
    rows += [f"md5,{lists.value('md5', n % 20).hex()},m{n}" for n in range(40)]
    path = root / "list.csv"
    path.write_text("\n".join(rows) + "\n")
    import_list(workspace, "tests", path, ListPolicy(), None, datetime(2026, 1, 1, tzinfo=UTC))
    return build_table(workspace, active_snapshots(workspace), max_distances(MATCHING), 16)


def parts_in(root, matches="matches"):
    """Put eleven parts of pictures, many of them alike, and return them."""
    made = []
    for number in range(11):
        rows = [
            scanned(
                f"{number}/{n}",
                pdq=lists.near(lists.value("pdq", (n + number) % 9), n % 3, n % 4),
                pdq_quality=90,
                md5=lists.value("md5", n % 25 + number),
            )
            for n in range(number + 1)
        ]
        file = root / f"fingerprints{number}.parquet"
        put_fingerprints(file, rows)
        made.append(Part(len(rows), file, root / matches / f"{number}.parquet"))
    return made


@pytest.fixture
def known(tmp_path):
    """Return a table in several shards."""
    return known_in(tmp_path)


@pytest.fixture
def parts(tmp_path):
    """Return parts of pictures."""
    return parts_in(tmp_path)


SMALL = {"asked_parts": 3, "block_queries": 5}
"""Makes groups and blocks small, so that there are many."""


def expected(parts, table):
    """Return what a join of each part by itself gives."""
    results = []
    for part in parts:
        found = join(read_fingerprint_tables([part.fingerprints]), table, MATCHING)
        matches, left_out = found.of(range(part.rows))
        results.append((tuple(records_of(Match, matches)), left_out))
    return results


def results(parts):
    told = [read_matches(part.output) for part in parts]
    return [(one.matches, one.omitted) for one in told]


def test_many_blocks_and_shards_give_what_joining_each_part_gives(known, parts, tmp_path):
    heard, loop = Heard(), Plainly(known)
    Join(known, MATCHING, tmp_path / "joins", heard, **SMALL).run(loop, parts)
    assert results(parts) == expected(parts, known)
    assert sum(len(matches) for matches, _ in results(parts)) > 50
    assert any(left_out for _, left_out in results(parts))
    joined = [name for name in loop.done if name.startswith(("pdq-", "md5-"))]
    assert len(joined) > 12
    assert len({*joined}) == len(joined)


def test_every_block_says_how_many_values_were_compared(known, parts, tmp_path):
    heard = Heard()
    Join(known, MATCHING, tmp_path / "joins", heard).run(Plainly(known), parts)
    assert len(heard.joins) == sum(len(one.shards) for one in known.algorithms.values())
    for block, asked, candidates in heard.joins:
        shard = known.algorithms[block[:3]].shards[int(block[-5:])]
        assert candidates == (asked if block.startswith("md5") else asked * len(shard.values))


@pytest.mark.parametrize("step", [1, 5, 17])
def test_a_join_that_is_stopped_goes_on_where_it_was(known, parts, tmp_path, step):
    join_of_run = Join(known, MATCHING, tmp_path / "joins", Heard(), **SMALL)
    stops = 0
    while True:
        before = len([*tmp_path.glob("joins/*"), *tmp_path.glob("matches/*")])
        try:
            join_of_run.run(Plainly(known, most=before + step), parts)
        except KeyboardInterrupt:
            stops += 1
            continue
        break
    assert stops > 1
    assert results(parts) == expected(parts, known)


def test_parts_that_have_their_matches_are_not_joined_again(known, parts, tmp_path):
    join_of_run = Join(known, MATCHING, tmp_path / "joins", Heard())
    join_of_run.run(Plainly(known), parts)
    loop = Plainly(known)
    join_of_run.run(loop, parts)
    assert loop.done == []
    parts[4].output.unlink()
    join_of_run.run(loop, parts)
    assert results(parts) == expected(parts, known)
    assert len([name for name in loop.done if name.endswith("+1")]) == 2  # asked and matched: one group


@pytest.mark.parametrize(
    ("block_queries", "shard_first"), [(1000, False), (5, True)], ids=["one block", "many blocks"]
)
def test_what_costs_more_to_move_is_moved_once(known, parts, tmp_path, block_queries, shard_first):
    loop = Plainly(known)
    Join(known, MATCHING, tmp_path / "joins", Heard(), asked_parts=3, block_queries=block_queries).run(
        loop, parts
    )
    order = [name for name in loop.done if name.startswith("pdq-")]
    assert len({name[-5:] for name in order}) > 2
    assert order == sorted(order, key=lambda name: (name[-5:] if shard_first else "", name))


def test_a_part_without_objects_has_no_matches(known, tmp_path):
    file = tmp_path / "empty.parquet"
    put_fingerprints(file, [])
    part = Part(0, file, tmp_path / "matches.parquet")
    Join(known, MATCHING, tmp_path / "joins", Heard()).run(Plainly(known), [part])
    assert read_matches(part.output).matches == ()
    assert table_of(Match, []).num_rows == 0
