"""Where parts end: by content, within bounds, and in the same places however often a listing breaks off."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.inventory.cut import ends_part, spans
from tests.unit.inventory.listings import listing, marker, ref, version


def cut(items, part_objects, sample=None):
    return list(spans(iter(items), part_objects, sample))


def rows(span):
    return [row.object for row in span.rows]


def test_an_empty_listing_is_one_last_span_without_rows():
    (span,) = cut([], 10)
    assert (span.rows, span.delete_markers, span.last, span.sampled) == ([], 0, True, False)


def test_every_object_version_is_in_one_span_and_every_delete_marker_is_counted():
    items = listing(5000)
    cuts = cut(items, 100)
    assert [ref for span in cuts for ref in rows(span)] == [
        item.listed.object for item in items if item.listed
    ]
    assert sum(span.delete_markers for span in cuts) == sum(item.listed is None for item in items)
    assert [span.last for span in cuts] == [False] * (len(cuts) - 1) + [True]


def test_spans_hold_about_as_many_rows_as_asked_and_stay_within_half_and_twice():
    cuts = cut(listing(60_000), 100)
    sizes = [len(span.rows) for span in cuts[:-1]]
    assert min(sizes) >= 50
    assert max(sizes) <= 200
    assert 80 <= sum(sizes) / len(sizes) <= 110


def test_a_part_may_be_a_single_object():
    assert [len(span.rows) for span in cut([version("a"), version("b")], 1)] == [1, 1, 0]


def test_one_key_with_many_versions_is_cut_like_any_other_listing():
    items = [version("k", f"v{n}") for n in range(5000)]
    sizes = [len(span.rows) for span in cut(items, 100)[:-1]]
    assert len(set(sizes)) > 10
    assert sum(size == 200 for size in sizes) < len(sizes) / 4


def test_a_new_object_moves_no_end_but_those_next_to_it():
    items = listing(20_000)
    before = {tuple(rows(span)) for span in cut(items, 100)}
    items.insert(10_000, version("pictures/00007000-new.jpg", "new"))
    after = {tuple(rows(span)) for span in cut(items, 100)}
    assert len(after - before) <= 5
    assert len(before) > 150


def test_a_replaced_object_of_a_bucket_without_versions_moves_no_end():
    assert ends_part(ref("k", etag="1", size=1), 60, 100) == ends_part(ref("k", etag="2", size=2), 60, 100)


def test_names_that_are_not_utf8_are_cut_by_their_bytes():
    ends = [
        ends_part(ref(r"\xff", key_bytes=bytes([n, 0xFF])), 60, 100) for n in range(256)
    ]  # the readable text is the same
    assert 0 < sum(ends) < 30


def test_a_sample_ends_the_listing_without_asking_for_more():
    asked = iter(listing(1000, markers=0))
    cuts = list(spans(asked, 100, 250))
    assert sum(len(span.rows) for span in cuts) == 250
    assert (cuts[-1].last, cuts[-1].sampled) == (True, True)
    assert len(list(asked)) == 750


def test_a_listing_that_ends_before_its_sample_is_whole():
    cuts = cut(listing(50, markers=0), 100, 51)
    assert (cuts[-1].last, cuts[-1].sampled) == (True, False)


ITEM = st.tuples(st.integers(0, 30), st.booleans())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    shape=st.lists(ITEM, max_size=80),
    part_objects=st.integers(1, 12),
    sample=st.none() | st.integers(1, 60),
    kept=st.integers(0, 100),
)
def test_a_listing_taken_up_behind_any_span_yields_the_same_spans(shape, part_objects, sample, kept):
    keys = sorted(key for key, _ in shape)
    items = [
        marker(f"k{key}", f"v{n}") if deleted else version(f"k{key}", f"v{n}")
        for n, (key, (_, deleted)) in enumerate(zip(keys, shape, strict=True))
    ]
    whole = cut(items, part_objects, sample)
    kept %= len(whole)
    if kept == 0:
        resumed = cut(items, part_objects, sample)
    else:
        behind = [item.resume for item in items].index(whole[kept - 1].resume) + 1
        left = None if sample is None else sample - sum(len(span.rows) for span in whole[:kept])
        resumed = cut(items[behind:], part_objects, left)
    assert resumed == whole[kept:]
