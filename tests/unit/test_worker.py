"""One slice down the line: every listed row has an outcome, nothing is done twice, a wrong canary stops."""

import contextlib
import threading
from dataclasses import replace

import pytest

from scanner import canary
from scanner.config import Fetch, Media
from scanner.errors import CanaryError, HashListError
from scanner.fetch import source_of
from scanner.fetch.budget import memory_need
from scanner.findings.coverage import coverage_of
from scanner.join_work import Part
from scanner.joining import Join
from scanner.records import Match, Outcome, table_of
from scanner.slices import put_matches, read_fingerprints, read_matches
from scanner.worker import Spec, Worker, abandon
from tests import pictures
from tests.line import write_store
from tests.unit.sweeps import STORE, Heard, InProcess, Loop, rows_of


def match(number=0, **changed):
    values = {"algorithm": "pdq", "distance": 3, "threshold": 31, "tags": ("one", "two"), "quality": 90}
    return Match(f"f{number}", "tests", "s" * 64, "north", f"e{number}", **{**values, **changed})


@pytest.fixture
def part(room):
    """Return a function that gives the slice of a whole store, and a worker for it."""
    made = []

    def make(**settings):
        sweep = room.start(run=room.config().run.model_copy(update={"part_objects": 100}), **settings)
        (one,) = sweep.listing
        made.append(Worker(Spec(sweep.config, sweep.table.path), [InProcess()]))
        return sweep, sweep.slice_of(one), made[-1]

    yield make
    for worker in made:
        worker.close()


def outcomes(work):
    return {row.object.key: str(row.outcome) for row in read_fingerprints(work.output)}


@pytest.mark.parametrize("matches", [[], [match()], [match(0), match(1, quality=None, classification="A")]])
@pytest.mark.parametrize("omitted", [{}, {"f0": 3, "f1": 12}])
def test_matches_and_the_counts_of_omitted_ones_come_back_as_they_were_put(tmp_path, matches, omitted):
    put_matches(tmp_path / "m.parquet", table_of(Match, matches), omitted)
    told = read_matches(tmp_path / "m.parquet")
    assert (list(told.matches), told.omitted) == (matches, omitted)


def test_equal_matches_are_equal_files_and_the_first_ones_stay(tmp_path):
    for name, omitted in (("a", {"f0": 1, "f1": 2}), ("b", {"f1": 2, "f0": 1})):
        put_matches(tmp_path / name, table_of(Match, [match()]), omitted)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    put_matches(tmp_path / "a", table_of(Match, []), {})
    assert read_matches(tmp_path / "a").matches == (match(),)


def test_every_listed_object_has_one_row_in_the_order_of_the_listing(room, part):
    (room.store / "broken.jpg").write_bytes(pictures.broken()["a truncated jpeg"])
    _, work, worker = part()
    (room.store / "words.txt").unlink()
    summary = worker.fingerprint(work)
    rows = read_fingerprints(work.output)
    assert [row.object for row in rows] == [row.object for row in rows_of(work)]
    assert outcomes(work) == {
        **dict.fromkeys(STORE, "hashed"),
        "words.txt": "gone",
        "broken.jpg": "undecodable",
    }
    assert summary.coverage == coverage_of(rows)


def test_what_is_no_media_keeps_its_digests(part):
    _, work, worker = part()
    worker.fingerprint(work)
    (words,) = [row for row in read_fingerprints(work.output) if row.object.key == "words.txt"]
    assert words.outcome is Outcome.NOT_MEDIA
    assert words.sha256 is not None
    assert words.pdq is None


def test_what_the_listing_decided_is_never_read(room, part):
    (room.store / "link.jpg").symlink_to(room.store / "0.jpg")
    select = room.config().select.model_copy(update={"exclude": ("1.jpg",)})
    _, work, worker = part(select=select)
    decided = {row.object.key: row for row in rows_of(work) if row.outcome is not None}
    assert set(decided) == {"1.jpg", "link.jpg"}
    worker.fingerprint(work)
    for row in read_fingerprints(work.output):
        if row.object.key in decided:
            listed = decided[row.object.key]
            assert (row.object, row.outcome, row.reason) == (listed.object, listed.outcome, listed.reason)
            assert (row.bytes_read, row.sha256, row.pdq) == (0, None, None)


def test_a_slice_of_a_part_is_its_own_rows_alone(part):
    _, work, worker = part()
    first, second = work.halves()
    worker.fingerprint(second)
    assert [row.object for row in read_fingerprints(second.output)] == [r.object for r in rows_of(second)]
    assert not first.output.exists()
    assert not work.output.exists()


def test_a_slice_that_is_done_is_not_done_again(part):
    sweep, work, worker = part()
    before = worker.fingerprint(work)
    decoder = InProcess()
    with Worker(Spec(sweep.config, sweep.table.path), [decoder]) as other:
        assert other.fingerprint(work) == before
    assert decoder.asked == 2  # the canary, in both its forms


def joined(worker, sweep, parts, folder):
    """Join some parts with the table of a sweep; return what each part's matches are, and who has any."""

    class Counting(Loop):
        def __init__(self):
            self.worker = worker
            self.findings = 0

        def match(self, work):
            for one, findings in super().match(work):
                self.findings += findings
                yield one, findings

    loop = Counting()
    Join(sweep.table, sweep.config.match, folder, Heard()).run(loop, parts)
    return [read_matches(part.output) for part in parts], loop.findings


def parts_of(sweep):
    return [
        Part(part.rows, sweep.slice_of(part).output, sweep.matches_of(part)) for part in sweep.listing.parts
    ]


def test_a_join_counts_objects_with_matches_and_is_not_done_again(room, part, tmp_path):
    room.import_pictures(algorithms=("md5", "sha256"))
    sweep, work, worker = part()
    worker.fingerprint(work)
    (matched,), findings = joined(worker, sweep, parts_of(sweep), tmp_path / "joins")
    assert findings == 3  # 0.jpg, its copy, and 1.jpg
    assert len(matched.matches) == 6
    ids = {one.finding_id for one in matched.matches}
    keys = [row.object.key for row in read_fingerprints(work.output) if row.object.finding_id in ids]
    assert keys == ["0.jpg", "1.jpg", "copy"]
    work.output.unlink()
    again, findings = joined(worker, sweep, parts_of(sweep), tmp_path / "joins")
    assert (again, findings) == ([matched], 0)


def test_parts_that_are_joined_at_once_have_the_matches_of_each_by_itself(room, tmp_path):
    room.import_pictures()
    sweep = room.start(run=room.config().run.model_copy(update={"part_objects": 1}))
    listed = list(sweep.listing)
    with Worker(Spec(sweep.config, sweep.table.path), [InProcess()]) as worker:
        for one in listed:
            worker.fingerprint(sweep.slice_of(one))
        parts = parts_of(sweep)
        apart = [replace(one, output=tmp_path / one.output.name) for one in parts]
        each = [
            matches
            for n, one in enumerate(apart)
            for matches in joined(worker, sweep, [one], tmp_path / f"{n}")[0]
        ]
        assert joined(worker, sweep, parts, tmp_path / "joins")[0] == each
        assert sum(len(one.matches) > 0 for one in each) > 1
        parts[1].output.unlink()  # what is there already is not done again, and the rest is
        untouched = parts[0].output.stat()
        assert joined(worker, sweep, parts, tmp_path / "joins")[0] == each
        assert parts[0].output.stat() == untouched


def test_an_object_in_two_parts_has_its_matches_once_in_each(room, part, tmp_path):
    room.import_pictures()
    sweep, work, worker = part()
    worker.fingerprint(work)
    rows = sweep.listing.parts[0].rows
    twice = [Part(rows, work.output, tmp_path / f"{n}.parquet") for n in range(2)]
    alone = Part(rows, work.output, tmp_path / "alone.parquet")
    both, findings = joined(worker, sweep, twice, tmp_path / "twice")
    one, of_one = joined(worker, sweep, [alone], tmp_path / "once")
    assert (both, findings) == (2 * one, 2 * of_one)


def test_an_abandoned_slice_says_so_of_each_object_that_the_listing_did_not_decide(room, part):
    select = room.config().select.model_copy(update={"exclude": ("1.jpg",)})
    _, work, _ = part(select=select)
    piece = replace(work, start=0, stop=3, output=work.output.with_name("piece.parquet"))
    abandon(piece, "every worker died")
    assert [(row.object.key, str(row.outcome), row.reason) for row in read_fingerprints(piece.output)] == [
        ("0.jpg", "crashed", "every worker died"),
        ("1.jpg", "excluded", rows_of(piece)[1].reason),
        ("2.jpg", "crashed", "every worker died"),
    ]


class Wrong(InProcess):
    """A decoder that sees nothing in anything."""

    def perceive(self, data):
        return replace(super().perceive(data), pdq=bytes(32))


def test_a_worker_whose_canary_fails_does_not_come_to_be(room):
    decoder = Wrong()
    sweep = room.start()
    with pytest.raises(CanaryError):
        Worker(Spec(sweep.config, sweep.table.path), [decoder])
    assert decoder.closed


def test_every_decoder_of_a_worker_has_to_know_the_canary(room):
    decoders = [InProcess(), InProcess(), Wrong()]
    sweep = room.start()
    with pytest.raises(CanaryError):
        Worker(Spec(sweep.config, sweep.table.path), decoders)
    assert all(decoder.closed for decoder in decoders)


def test_the_canary_has_to_have_the_hashes_that_the_run_asks_for(room):
    sweep = room.start(media=Media(also=("dhash",)))
    Worker(Spec(sweep.config, sweep.table.path), [InProcess(sweep.config.media)]).close()
    with pytest.raises(CanaryError, match="wrong dHash fingerprint"):
        Worker(Spec(sweep.config, sweep.table.path), [InProcess()])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_worker_looks_at_as_many_objects_at_once_as_it_has_decoders(room, count):
    together = threading.Barrier(count)

    class Patient(InProcess):
        """A decoder that answers only when all the others are at work too."""

        def perceive(self, data):
            if data not in (canary.PICTURE, canary.JPEG):
                together.wait(20)
            return super().perceive(data)

    fetch = room.config().fetch.model_copy(update={"in_flight": 1})  # decoders are kept busy all the same
    sweep = room.start(run=room.config().run.model_copy(update={"part_objects": 100}), fetch=fetch)
    (one,) = sweep.listing
    with Worker(Spec(sweep.config, sweep.table.path), [Patient() for _ in range(count)]) as worker:
        worker.fingerprint(sweep.slice_of(one))
    assert {row.outcome for row in read_fingerprints(sweep.slice_of(one).output)} == {
        Outcome.HASHED,
        Outcome.NOT_MEDIA,
    }


def test_a_worker_without_its_table_does_not_come_to_be(room, tmp_path):
    decoder = InProcess()
    with pytest.raises(HashListError):
        Worker(Spec(room.config(), tmp_path / "nowhere"), [decoder])
    assert decoder.closed


def test_a_worker_closes_its_decoder_at_the_end(room):
    sweep = room.start()
    decoder = InProcess()
    with Worker(Spec(sweep.config, sweep.table.path), [decoder]):
        assert not decoder.closed
    assert decoder.closed


def test_the_type_that_first_bytes_tell_is_kept_where_the_decoder_says_none(room):
    class Blind(InProcess):
        """A decoder that knows the canary, and dies of all else."""

        def perceive(self, data):
            seen = super().perceive(data)
            if data in (canary.PICTURE, canary.JPEG):
                return seen
            return replace(seen, outcome=Outcome.CRASHED, media_type=None)

    sweep = room.start()
    one = next(iter(sweep.listing))
    with Worker(Spec(sweep.config, sweep.table.path), [Blind()]) as worker:
        worker.fingerprint(sweep.slice_of(one))
    rows = read_fingerprints(sweep.slice_of(one).output)
    assert {(row.outcome, row.media_type) for row in rows} == {(Outcome.CRASHED, "image/jpeg")}


def test_several_targets_are_read_each_from_its_own_store(room, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "0.jpg").write_bytes(STORE["3.jpg"])
    targets = (*room.config().targets, room.config().targets[0].model_copy(update={"url": other.as_uri()}))
    sweep, _, _ = room.scan(Loop, targets=targets)
    rows = [row for part in sweep.listing.parts for row in read_fingerprints(sweep.slice_of(part).output)]
    digests = {(row.object.bucket, row.object.key): row.sha256 for row in rows}
    assert digests[str(other), "0.jpg"] == digests[str(room.store), "3.jpg"]
    assert digests[str(other), "0.jpg"] != digests[str(room.store), "0.jpg"]


class Watched:
    """A source that lets a reader begin only once `enough` says so of the bytes that all readers need."""

    def __init__(self, source, settings, enough, seconds):
        self.most = 0
        self._source, self._settings, self._enough, self._seconds = source, settings, enough, seconds
        self._held = []
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def open(self, ref, start=0, stop=None):
        need = memory_need(ref, self._settings)
        with self._changed:
            self._held.append(need)
            self.most = max(self.most, sum(self._held))
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._enough(self.most), self._seconds)
        with self._source.open(ref, start, stop) as stream:
            yield stream
        with self._changed:
            self._held.remove(need)


@pytest.fixture
def watched(room, part, monkeypatch):
    """Return a function that fingerprints six files of one size with a watched source, and returns that."""
    for path in room.store.iterdir():
        path.unlink()
    write_store(room.store, {f"{number}.txt": b"no picture" for number in range(6)})

    def run(enough, seconds, **settings):
        made = []

        def watching(place, settings):
            made.append(Watched(source_of(place, settings), settings, enough, seconds))
            return made[-1]

        _, work, one = part(fetch=Fetch(**settings))
        with monkeypatch.context() as patch:
            patch.setattr("scanner.worker.source_of", watching)
            one.fingerprint(work)
        assert set(outcomes(work).values()) == {"not_media"}
        return made[0]

    return run


NEED = 20
"""Bytes that a file of ten bytes may take while it is read."""


@pytest.mark.parametrize("readers", [2, 6])
def test_as_many_objects_are_read_at_once_as_the_settings_say(watched, readers):
    source = watched(lambda held: held >= readers * NEED, 5, in_flight=readers)
    assert source.most == readers * NEED


@pytest.mark.parametrize("objects", [1, 2])
def test_objects_that_are_read_at_once_stay_within_the_bytes_in_flight(watched, objects):
    limit = objects * NEED + NEED // 2
    source = watched(lambda held: held > limit, 0.1, in_flight=6, in_flight_bytes=limit)
    assert source.most == objects * NEED
