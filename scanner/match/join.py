"""The only place where fingerprints meet the hash table: what asks, at which distance, and what is said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from scanner.config import Matching
from scanner.hashlist.table import HashTable
from scanner.hashlist.values import degenerate
from scanner.match.distances import max_distances
from scanner.match.exact import Bytes
from scanner.match.nearest import Choice, Chosen
from scanner.match.pieces import MAX_PAIRS, Asker, Problem, pieces
from scanner.records import DIGESTS, Fingerprint, Match, Picture

ORIGINAL = "original"
"""The transform of what is neither turned nor mirrored."""


@dataclass(frozen=True)
class Rendering:
    """One value of an object that asks: which query it is, what it shows and how, and its quality."""

    query: int
    locator: str
    quality: int | None
    transform: str


@dataclass
class Questions:
    """The distinct values of one algorithm among some fingerprints, and which object asks for which."""

    queries: dict[bytes, int] = field(default_factory=dict)
    askers: list[tuple[str, list[Rendering]]] = field(default_factory=list)

    def ask(self, finding_id: str, values: Sequence[tuple[bytes, str, int | None, str]]) -> None:
        """Add the values of one object; a value that was asked for before is not asked for again."""
        if values:
            renderings = [
                Rendering(self.queries.setdefault(value, len(self.queries)), locator, quality, transform)
                for value, locator, quality, transform in values
            ]
            self.askers.append((finding_id, renderings))


def join(
    fingerprints: Sequence[Fingerprint], table: HashTable, matching: Matching, max_pairs: int = MAX_PAIRS
) -> tuple[list[Match], dict[str, int]]:
    """Return the matches of fingerprints, and how many entries were left out per finding id.

    Digests match when they are equal, whatever became of the object. A PDQ matches within
    `pdq_max_distance` bits if its quality is at least `min_pdq_quality`, a pHash, dHash or wHash within its
    own distance if the PDQ beside it has that quality; none of them if it is degenerate. Per object,
    algorithm, and list with classification and status, at most `max_entries_per_list` entries are named,
    the nearest ones.

    Matches come by object, algorithm, list, distance, value and entry. The result for an object does not
    depend on the other objects, nor on how the table is divided, nor on `max_pairs`: how many pairs of a
    value and one near it are held at a time.
    """
    found: dict[str, list[Match]] = {}
    omitted: dict[str, int] = {}
    limits = max_distances(matching)
    for algorithm, values in table.algorithms.items():
        questions = Questions()
        for fingerprint in fingerprints:
            asked = list(_asked(fingerprint, algorithm, matching.min_pdq_quality))
            questions.ask(fingerprint.object.finding_id, asked)
        queries, limit = _queries(questions, algorithm, values.width), limits[algorithm]
        problem = Problem(queries, values, None if algorithm in DIGESTS else limit, max_pairs)
        answers = _answers(questions, problem, algorithm, limit, matching.max_entries_per_list)
        for finding_id, matches, left_out in answers:
            found.setdefault(finding_id, []).extend(matches)
            if left_out:
                omitted[finding_id] = omitted.get(finding_id, 0) + left_out
    ids = (fingerprint.object.finding_id for fingerprint in fingerprints)
    return [match for finding_id in ids for match in found.get(finding_id, ())], omitted


def _asked(
    fingerprint: Fingerprint, algorithm: str, min_quality: int
) -> Iterator[tuple[bytes, str, int | None, str]]:
    """Yield the values of an object that may match, each with its locator, quality and transform."""
    if algorithm in DIGESTS:
        digest: bytes | None = getattr(fingerprint, algorithm)
        if digest is not None:
            yield digest, "", None, ORIGINAL
        return
    renderings: tuple[tuple[str, str, Fingerprint | Picture], ...] = (
        ("", ORIGINAL, fingerprint),
        *((picture.locator, picture.transform, picture) for picture in fingerprint.others),
    )
    for locator, transform, picture in renderings:
        value: bytes | None = getattr(picture, algorithm)
        quality = picture.pdq_quality
        good = quality is not None and quality >= min_quality
        if good and value is not None and not degenerate(algorithm, value):
            yield value, locator, quality, transform


def _answers(
    questions: Questions, problem: Problem, algorithm: str, limit: int, per_list: int
) -> Iterator[tuple[str, list[Match], int]]:
    """Yield the matches of each object that has any, and how many entries were left out."""
    askers = [tuple(rendering.query for rendering in renderings) for _, renderings in questions.askers]
    choices: dict[Asker, Choice] = {}
    for batch, near in pieces(problem, [*dict.fromkeys(askers)]):  # equal pictures are answered once
        matched = set(np.unique(near.query).tolist())
        for asker in batch:
            if not matched.isdisjoint(asker):
                choices.setdefault(asker, Choice(per_list)).add(near, asker)
    known = {asker: choice.chosen(problem.table) for asker, choice in choices.items()}
    for asker, (finding_id, renderings) in zip(askers, questions.askers, strict=True):
        if asker in known:
            matches = [
                _match(finding_id, algorithm, limit, one, renderings[one.rendering]) for one in known[asker]
            ]
            yield finding_id, matches, choices[asker].left_out


def _queries(questions: Questions, algorithm: str, width: int) -> Bytes:
    if any(len(value) != width for value in questions.queries):
        raise ValueError(f"{algorithm}: a fingerprint is not {width} bytes long")
    return np.frombuffer(b"".join(questions.queries), np.uint8).reshape(-1, width)


def _match(finding_id: str, algorithm: str, limit: int, chosen: Chosen, rendering: Rendering) -> Match:
    entry = chosen.entry
    return Match(
        finding_id=finding_id,
        list=entry["list"],
        snapshot=entry["snapshot"],
        member=entry["member"],
        entry_id=entry["entry_id"],
        algorithm=algorithm,
        distance=chosen.distance,
        threshold=limit,
        transform=rendering.transform,
        locator=rendering.locator,
        quality=rendering.quality,
        classification=entry["classification"],
        scheme=entry["scheme"],
        entry_status=entry["status"],
        tags=tuple(entry["tags"]),
    )
