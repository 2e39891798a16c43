"""What tests of the whole line's parts stand on: small stores, lists of them, and sweeps in this process."""

from datetime import UTC, datetime, timedelta

from scanner.conclusion import conclude_sweep
from scanner.config import Config, ListPolicy, Media, Run, Target
from scanner.findings.coverage import coverage_of
from scanner.fingerprint.perception import perceive
from scanner.hashlist.importer import import_list
from scanner.inventory import read_part
from scanner.records import Fingerprint, Match, Outcome, table_of
from scanner.retry import Retry
from scanner.scan import Surroundings, start
from scanner.slices import put_fingerprints, put_matches, read_fingerprints
from scanner.worker import Spec, Summary, Worker
from tests import pictures
from tests.line import write_list, write_store

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RETRY = Retry(2, 0.01, 0.02, lambda _: None, lambda: 0.0)
PICTURES = {f"{seed}.jpg": pictures.jpeg(seed, (64, 64)) for seed in range(4)}
STORE = {**PICTURES, "copy": PICTURES["0.jpg"], "words.txt": b"no picture\n" * 9}


def rows_of(work):
    """Return the listed rows of a slice."""
    return read_part(work.inventory)[work.start : work.stop]


class InProcess:
    """The decoder without a child process: it looks at pictures itself, which is quick to start."""

    def __init__(self, caps=None):
        self.caps = caps or Media()
        self.closed = False
        self.asked = 0

    def perceive(self, data):
        self.asked += 1
        return perceive(data, self.caps)

    def close(self):
        self.closed = True


class Heard:
    """A reporter that keeps what it was told."""

    def __init__(self):
        self.events = []
        self.rows = []
        self.joins = []

    def event(self, name, **facts):
        self.events.append((name, facts))

    def listed(self, objects, finished):
        self.rows.append((objects, finished))

    def scanned(self, coverage):
        pass

    def joined(self, block, queries, candidates):
        self.joins.append((block, queries, candidates))

    def matched(self, objects, findings):
        pass

    def close(self):
        pass


class Loop:
    """The plain loop with a decoder in this process."""

    def __init__(self, sweep):
        self.worker = Worker(Spec(sweep.config, sweep.table.path), [InProcess(sweep.config.media)])
        self.done = []

    def fingerprint(self, work):
        for one in work:
            if not one.output.exists():
                self.done.append(one)
            yield one, self.worker.fingerprint(one)

    def ask(self, work):
        for one in work:
            yield one, self.worker.ask(one)

    def join(self, work):
        for one in work:
            yield one, self.worker.join(one)

    def match(self, work):
        for one in work:
            yield one, self.worker.match(one)


class Written:
    """An executor that looks at nothing: every object of a slice comes to one outcome."""

    def __init__(self, outcome=Outcome.HASHED):
        self.outcome = outcome
        self.done = []

    def outcome_of(self, ref):
        return self.outcome

    def fingerprint(self, work):
        for one in work:
            if not one.output.exists():
                self.done.append(one)
                rows = [Fingerprint(row.object, self.outcome_of(row.object)) for row in rows_of(one)]
                put_fingerprints(one.output, rows)
            yield one, Summary(coverage_of(read_fingerprints(one.output)))

    def ask(self, work):
        for one in work:
            yield one, {}

    def join(self, work):
        for one in work:
            raise AssertionError(one)
        yield from ()

    def match(self, work):
        for one in work:
            for part in one.parts:
                put_matches(part.output, table_of(Match, []), {})
            yield one, 0


class Days:
    """A clock and names of runs: each run begins a second after the one before."""

    def __init__(self):
        self.at = NOW
        self.runs = 0

    def now(self):
        self.at += timedelta(seconds=1)
        return self.at

    def token(self):
        self.runs += 1
        return f"{self.runs:06d}"


class Room:
    """A store of a few files, a workspace with a list of some of them, and a clock."""

    def __init__(self, root, workspace, store=None):
        self.root = root
        self.store = write_store(root / "store", STORE if store is None else store)
        self.workspace = workspace
        self.clock = Days()
        self.heard = Heard()

    def import_pictures(self, seeds=(0, 1), name="tests", algorithms=("sha256",)):
        known = [PICTURES[f"{seed}.jpg"] for seed in seeds]
        path = write_list(self.root / f"{name}.csv", known, algorithms)
        return self.import_file(path, name)

    def import_file(self, path, name):
        at = self.clock.now()
        return import_list(self.workspace, name, path, ListPolicy(), None, at, accept_changes=True)

    def config(self, **settings):
        values = {"targets": (Target(url=self.store.as_uri()),), "run": Run(part_objects=2)}
        return Config(workspace=self.workspace.root, **{**values, **settings})

    def start(self, **settings):
        around = Surroundings(self.clock.now, self.clock.token, RETRY, self.heard)
        return start(self.config(**settings), self.workspace, around)

    def scan(self, executor=Loop, begin=None, **settings):
        """Return a run that was fingerprinted and joined, its coverage, and who did it."""
        around = Surroundings(self.clock.now, self.clock.token, RETRY, self.heard)
        sweep = (begin or start)(self.config(**settings), self.workspace, around)
        chosen = executor(sweep) if isinstance(executor, type) else executor
        coverage = sweep.fingerprint(chosen)
        sweep.match(chosen)
        return sweep, coverage, chosen

    def conclude(self, executor=Loop, begin=None, **settings):
        sweep, coverage, _ = self.scan(executor, begin, **settings)
        return conclude_sweep(sweep, coverage, None, self.clock.now())
