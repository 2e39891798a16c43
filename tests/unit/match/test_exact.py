import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.match.exact import exact_join

byte = st.sampled_from([0, 1, 127, 128, 255])  # numpy hides zeros at the end of strings


@st.composite
def problems(draw):
    width = draw(st.sampled_from([1, 2, 16, 20, 32]))
    row = st.lists(byte, min_size=width, max_size=width).map(bytes)
    known = sorted(draw(st.sets(row, max_size=12)))
    asked = draw(st.lists(st.one_of(row, st.sampled_from(known)) if known else row, max_size=12))
    return asked, known, width


def matrix(rows, width):
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, width)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(problems())
def test_the_join_finds_exactly_the_equal_values(problem):
    asked, known, width = problem
    query, row = exact_join(matrix(asked, width), matrix(known, width))
    expected = [(n, known.index(value)) for n, value in enumerate(asked) if value in known]
    assert list(zip(query.tolist(), row.tolist(), strict=True)) == expected
    assert (query.dtype, row.dtype) == (np.int64, np.int64)


def test_a_mapped_table_is_searched_in_place(tmp_path):
    random = np.random.default_rng(1)
    table = np.unique(random.integers(0, 256, (5000, 20), np.uint8), axis=0)
    np.save(tmp_path / "table.npy", table)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    chosen = random.choice(len(table), 100, replace=False)
    query, row = exact_join(table[chosen], mapped)
    np.testing.assert_array_equal(query, np.arange(100))
    np.testing.assert_array_equal(row, chosen)


@pytest.mark.parametrize(
    ("queries", "table"),
    [
        (np.zeros((1, 16), np.int8), np.zeros((1, 16), np.uint8)),
        (np.zeros((1, 16), np.uint8), np.zeros(16, np.uint8)),
        (np.zeros((1, 16), np.uint8), np.zeros((1, 20), np.uint8)),
        (np.zeros((1, 0), np.uint8), np.zeros((1, 0), np.uint8)),
    ],
)
def test_arrays_that_cannot_be_joined_are_refused(queries, table):
    with pytest.raises(ValueError, match=r"needed|cannot be joined"):
        exact_join(queries, table)
