"""The only place where the entries of one object are chosen among those near its renderings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanner.match.asked import Asked
from scanner.match.nearest import LIST_SHIFT, Near, ranges, ranks

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """The entries that objects match: parallel arrays, sorted by object, list, distance and entry.

    `asked` is the row of `Asked` that comes nearest. `left_out` tells of how many objects, `crowded`, how
    many further entries there are at least.
    """

    object: Indices
    entry: Indices
    distance: Indices
    asked: Indices
    crowded: Indices
    left_out: Indices


def choose(asked: Asked, query: Indices, near: Near, per_list: int) -> Chosen:
    """Return the entries of each object: each once, at its nearest rendering, the first of equally near ones.

    `query` is int64[R]: what each row of `asked` asks for. Of each list, and within it of each member that is
    told apart, classification and status, the nearest `per_list` entries are kept, so that entries which a
    policy ignores can never crowd out one that it does not. Among equally near ones those stay that come
    first by value, list, member and entry id: the choice depends on no other object.
    """
    first, counts = near.of(query)
    place, row = ranges(first, counts), np.repeat(np.arange(len(query)), counts)
    whose, entry, distance = asked.object[row], near.entry[place], near.distance[place]
    order = np.lexsort((row, distance, entry, whose))
    order = order[ranks(whose[order], entry[order]) == 0]
    order = order[np.lexsort((entry[order], distance[order], whose[order]))]
    met = np.bincount(whose[order], minlength=_objects(asked))
    kinds = near.kind[place]
    order = order[ranks(whose[order], kinds[order]) < per_list]
    lists = kinds[order] >> LIST_SHIFT
    order = order[np.lexsort((entry[order], distance[order], lists, whose[order]))]
    crowded, left_out = _left_out(asked, query, near, counts, met, whose[order])
    return Chosen(whose[order], entry[order], distance[order], row[order], crowded, left_out)


def _objects(asked: Asked) -> int:
    return int(asked.object[-1]) + 1 if len(asked.object) else 0


def _left_out(
    asked: Asked, query: Indices, near: Near, counts: Indices, met: Indices, kept: Indices
) -> tuple[Indices, Indices]:
    """Return which objects have further entries, and how many at least.

    Exact for an object with one rendering. What two renderings left out may be the same entries: of an object
    with more renderings the most that one of them has is counted.
    """
    further = near.left_out[query]
    least, most = np.zeros(len(met), np.int64), met.copy()
    np.maximum.at(least, asked.object, further)
    np.maximum.at(most, asked.object, further + counts)
    least = np.maximum(least, most - np.bincount(kept, minlength=len(met)))
    crowded = np.flatnonzero(least)
    return crowded, least[crowded]
