"""Answers of NCMEC's hash-sharing platform; each trap of the platform has its test."""

import io
import itertools
import tracemalloc
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threatexchange.exchanges.clients.ncmec import hash_api as peer_api

from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats import ncmec, read_rows
from scanner.hashlist.formats.ncmec import Page, rows_of
from scanner.hashlist.importer import import_list
from scanner.hashlist.snapshot import open_snapshot
from scanner.hashlist.values import Refusal
from scanner.records import HashEntry, records_of
from tests.unit.hashlist.formats.documents import NAMESPACE, deleted, feedback, hashes, live, member, page

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "page.xml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read_rows(file, "ncmec", FileColumns({})))

    return read


@pytest.fixture
def bring(workspace, tmp_path):
    """Return a function that imports documents as one log, and tells the entries that there are then."""

    def bring(*texts, accept=False):
        files = [tmp_path / f"{number}.xml" for number, _ in enumerate(texts)]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        report = import_list(workspace, "ncmec", files, ListPolicy(), "ncmec", AT, accept_changes=accept)
        return report, list(records_of(HashEntry, open_snapshot(report.snapshot)))

    return bring


def test_image_md5_and_sha1_are_kept_although_the_peer_drops_them(bring):
    report, entries = bring(page([live("i1", **hashes(1))], [live("v1", "video", **hashes(2))]))
    kept = {(entry.entry_id, entry.algorithm, entry.media_type) for entry in entries}
    assert kept == {("i1", name, "image") for name in ("md5", "sha1", "pdq")} | {
        ("v1", name, "video") for name in ("md5", "sha1", "pdq")
    }
    assert {(entry.member, entry.classification, entry.scheme) for entry in entries} == {
        ("45", "A1", "ncmec")
    }
    assert report.to_dict()["rows"] == 6


def test_the_peer_reads_the_same_entries(read):
    text = page(
        [live("i1", **hashes(1)), deleted("i2")],
        [live("v1", "video", md5=hashes(3)["md5"])],
        "/v2/entries?start=1",
    )
    peer = peer_api.GetEntriesResponse.from_xml(
        peer_api._XMLWrapper(ElementTree.fromstring(text.replace(f' xmlns="{NAMESPACE}"', ""))), 0
    )
    theirs = {
        (str(update.member_id), update.id, kind, value)
        for update in peer.updates
        for kind, value in update.fingerprints.items()
    }
    ours = {
        (row["member"], row["entry_id"], row["algorithm"], row["value"])
        for _, row in read(text)
        if row.get("status") != "deleted"
    }
    assert ours == theirs
    assert [update.deleted for update in peer.updates] == [False, True, False]


def test_one_id_under_two_members_is_two_entries(bring):
    _, entries = bring(
        page([live("x", md5=hashes(1)["md5"]), live("x", member_id="46", md5=hashes(2)["md5"])])
    )
    assert [entry.member for entry in entries] == ["45", "46"]


@pytest.mark.parametrize(("images", "videos"), [(1, 0), (0, 1), (0, 0), (2, 3)])
def test_either_block_may_be_empty_without_a_time_or_missing(read, images, videos):
    listed = [
        [live(f"{kind}{n}", kind, md5=hashes(n)["md5"]) for n in range(count)]
        for kind, count in (("image", images), ("video", videos))
    ]
    text = page(*listed)
    assert len(read(text)) == images + videos
    assert (
        len(read(text.replace('<images count="0"/>', "").replace('<videos count="0"/>', "")))
        == images + videos
    )


def test_rows_of_one_entry_share_its_number(read):
    rows = read(page([live("a", **hashes(1)), deleted("b"), live("c", md5=hashes(2)["md5"])]))
    assert [number for number, _ in rows] == [1, 1, 1, 2, 3]


def test_the_order_of_children_is_free(read):
    text = page([live("a", md5=hashes(1)["md5"])])
    swapped = text.replace(
        "<timestamp>2026-01-05T10:00:00Z</timestamp><id>a</id>",
        "<id>a</id><timestamp>2026-01-05T10:00:00Z</timestamp>",
    )
    assert swapped != text
    assert read(swapped) == read(text)


def test_an_entry_without_a_classification_has_none(read):
    ((_, row),) = read(
        page([live("a", md5=hashes(1)["md5"]).replace("<classification>A1</classification>", "")])
    )
    assert row["classification"] is None


def test_a_classification_is_any_text(bring):
    text = page([live("a", md5=hashes(1)["md5"])]).replace("A1", "X9 new")
    assert bring(text)[1][0].classification == "X9 new"


def test_an_entry_without_hashes_is_refused_once(read):
    assert read(page([live("a")])) == [(1, Refusal.MISSING_VALUE)]
    without = page([live("a")]).replace("<fingerprints></fingerprints>", "")
    assert read(without) == [(1, Refusal.MISSING_VALUE)]


def test_large_fingerprints_are_links_and_no_hashes(read):
    link = '<tmk-pdqf rel="self" href="/v2/entries/45/v1/large/tmk-pdqf"/>'
    entry = live("v1", "video", **hashes(1)).replace("</fingerprints>", link + "</fingerprints>")
    assert len(read(page([], [entry]))) == 3
    only = live("v1", "video").replace("</fingerprints>", link + "</fingerprints>")
    assert read(page([], [only])) == [(1, Refusal.UNSUPPORTED_ALGORITHM)]


def test_unknown_kinds_of_hashes_are_refused_and_those_that_nothing_computes_are_told_apart(bring):
    many = [live(f"e{n}", md5=hashes(n)["md5"], pdna="AAAA") for n in range(100)]
    report, entries = bring(page([*many, live("x", newest="00", md5=hashes(200)["md5"])]))
    refusals = {reason: one["count"] for reason, one in report.to_dict()["refusals"].items()}
    assert refusals == {"unsupported_algorithm": 100, "unknown_algorithm": 1}
    assert len(entries) == 101


def test_upper_case_values_are_the_same_values(bring):
    upper = {name: value.upper() for name, value in hashes(1).items()}
    assert {entry.value.hex() for entry in bring(page([live("a", **upper)]))[1]} == set(hashes(1).values())


def test_a_malformed_hash_is_refused_and_the_others_of_its_entry_are_kept(bring):
    report, entries = bring(page([live("a", **hashes(1) | {"md5": "xyz"})]), accept=True)
    assert {entry.algorithm for entry in entries} == {"sha1", "pdq"}
    assert report.to_dict()["refused"] == 1


@pytest.mark.parametrize("missing", [' id="45"', "<id>a</id>"])
@pytest.mark.parametrize("entry", [live("a", md5=hashes(1)["md5"]), deleted("a")])
def test_an_entry_without_its_name_is_malformed(read, entry, missing):
    assert read(page([entry.replace(missing, "")])) == [(1, Refusal.MALFORMED_ROW)]


def test_unknown_kinds_of_entries_are_malformed_and_counted(read):
    entry = live("a", "hologram", md5=hashes(1)["md5"])
    assert read(page([entry])) == [(1, Refusal.MALFORMED_ROW)]


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_entries_come_in_any_order_of_time_and_the_latest_state_stands(bring, order):
    states = [
        live("a", at="2026-01-01T00:00:00Z", md5=hashes(1)["md5"]),
        deleted("a", at="2026-01-02T00:00:00Z"),
        live("a", at="2026-01-03T00:00:00Z", md5=hashes(3)["md5"]),
    ]
    other = live("z", md5=hashes(9)["md5"])
    _, entries = bring(page([*(states[n] for n in order), other]))
    assert [entry.value.hex() for entry in entries] == [hashes(3)["md5"], hashes(9)["md5"]]


@pytest.mark.parametrize("kind", ["Image", "Video"])
def test_a_tombstone_ends_every_hash_of_its_entry(bring, kind):
    others = [live(f"z{n}", md5=hashes(50 + n)["md5"]) for n in range(3)]
    blocks = (
        ([live("a", **hashes(1)), *others], [])
        if kind == "Image"
        else (others, [live("a", "video", **hashes(1))])
    )
    bring(page(*blocks))
    end = deleted("a", f"deleted{kind}")
    report, entries = bring(page([end], []) if kind == "Image" else page([], [end]))
    assert [entry.entry_id for entry in entries] == ["z0", "z1", "z2"]
    assert (report.lost.removed, report.lost.vanished, report.to_dict()["tombstones"]) == (3, 0, 1)


def test_a_tombstone_of_unreadable_time_ends_its_entry_too(bring):
    bring(page([live("a", md5=hashes(1)["md5"]), live("b", md5=hashes(2)["md5"])]))
    assert len(bring(page([deleted("a", at="soon")]))[1]) == 1


def test_a_tombstone_of_what_never_was_here_changes_nothing(bring):
    first, _ = bring(page([live("a", md5=hashes(1)["md5"])]))
    assert bring(page([deleted("b")]))[0].snapshot.digest == first.snapshot.digest


def test_an_updated_entry_replaces_all_its_hashes(bring):
    bring(page([live("a", **hashes(1))]))
    _, entries = bring(page([live("a", at="2026-02-01T00:00:00Z", md5=hashes(2)["md5"]).replace("A1", "B2")]))
    assert [(entry.algorithm, entry.classification) for entry in entries] == [("md5", "B2")]


def test_an_update_of_the_classification_keeps_the_entry(bring):
    bring(page([live("a", **hashes(1))]))
    report, entries = bring(page([live("a", at="2026-02-01T00:00:00Z", **hashes(1)).replace("A1", "B2")]))
    assert {entry.classification for entry in entries} == {"B2"}
    assert report.lost.removed == 0


def test_an_answer_without_news_is_no_fault_of_a_list_that_is_there(bring):
    first, _ = bring(page([live("a", md5=hashes(1)["md5"])]))
    assert bring(page())[0].unchanged
    assert first.snapshot.counts["entries"] == 1


def test_members_for_and_against_an_entry_are_kept_by_hash(bring):
    said = feedback(("affirmative", "Md5", "7", "8"), ("negative", "Sha1", "9"))
    _, entries = bring(page([live("a", inner=said, **hashes(1))]))
    told = {entry.algorithm: (entry.status, entry.tags) for entry in entries}
    assert told == {
        "md5": ("active", ("by:7", "by:8")),
        "sha1": ("disputed", ("against:9",)),
        "pdq": ("active", ()),
    }


def test_times_keep_their_offset(bring):
    _, (entry,) = bring(page([live("a", at="2026-01-05T10:00:00-05:00", md5=hashes(1)["md5"])]))
    assert entry.modified_at == datetime(2026, 1, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (page().replace("queryResult", "status"), "not a queryResult of https"),
        (page().replace("hashsharing/v2", "hashsharing/v1"), "not a queryResult of https"),
        (page().replace(' xmlns="https://hashsharing.ncmec.org/hashsharing/v2"', ""), "not a queryResult"),
        ("<html><body>Sign in</body></html>", "not a queryResult"),
        ("", "cut off, or not XML, behind entry 0"),
        ("entry_id,md5\n", "cut off, or not XML"),
        (page(prolog='<?xml version="1.0"?><!DOCTYPE q [<!ENTITY a "b">]>'), "has a document type"),
        (page(prolog='<?xml version="1.0"?><!DOCTYPE q SYSTEM "file:///etc/passwd">'), "has a document type"),
        (page(prolog='<?xml version="1.0" encoding="ISO-8859-1"?>'), "not in UTF-8"),
        (page().replace("<images", "<a>" * 20 + "<images"), "nested more than 16 deep"),
        (page([live("a", md5="00" * 600_000)]), "an entry of more than 1048576 bytes"),
        (
            page([live("a", md5="00")]).replace('count="1"', 'count="2"'),
            "images: 1 entries, not 2 as it says",
        ),
    ],
)
def test_what_is_no_page_of_entries_is_refused_with_its_fault(read, text, words):
    with pytest.raises(HashListError, match=words):
        read(text)


def test_a_bomb_of_entities_is_never_expanded(read):
    bomb = '<!DOCTYPE q [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 20)
    )
    with pytest.raises(HashListError, match="document type"):
        read(f"{bomb}]><queryResult>&a19;</queryResult>")


def test_a_document_that_is_cut_off_anywhere_is_an_error(read):
    whole = page([live("a", **hashes(1)), deleted("b")], [live("c", "video", md5=hashes(2)["md5"])]).encode()
    for end in range(len(whole)):
        with pytest.raises(HashListError, match="cut off"):
            read(whole[:end])


def test_an_error_quotes_no_value(read):
    text = page([live("a", **hashes(1))])
    with pytest.raises(HashListError) as error:
        read(text[:-20])
    assert not any(value in str(error.value) for value in hashes(1).values())


def test_a_byte_order_mark_is_accepted(read):
    text = page([live("a", md5=hashes(1)["md5"])])
    assert read(b"\xef\xbb\xbf" + text.encode()) == read(text)


@pytest.mark.parametrize(
    "following",
    [
        None,
        "/v2/entries?from=2026-01-01T00%3A00%3A00.000Z&to=2026-02-01T00:00:00Z&start=2001&size=1000&max=4000",
    ],
)
def test_a_page_tells_its_entries_and_where_the_next_one_is(following):
    told = Page()
    text = page([live("a", md5=hashes(1)["md5"]), deleted("b")], following=following)
    assert len(list(rows_of(io.BytesIO(text.encode()), "page", told))) == 2
    assert (told.entries, told.next) == (2, following)


def test_memory_does_not_grow_with_a_document(monkeypatch):
    entry = live("a", **hashes(1)).encode()

    class Endless(io.RawIOBase):
        left = 40_000

        def read(self, size=-1):
            if self.left == 40_000:
                self.left -= 1
                return page([]).encode().partition(b"<images")[0] + b"<images>"
            self.left -= 20
            return entry * 20 if self.left > 0 else b""

    monkeypatch.setattr(ncmec, "CHUNK", 1)
    tracemalloc.start()
    with pytest.raises(HashListError, match="cut off"):
        for _ in rows_of(Endless(), "page", Page()):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(noise):
    for text in (noise, page([live("a", md5="00")]).encode().replace(b"A1", noise)):
        try:
            rows = list(rows_of(io.BytesIO(text), "page", Page()))
        except HashListError:
            continue
        assert all(number > 0 for number, _ in rows)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["45", "46"]),
            st.dictionaries(st.sampled_from(["md5", "sha1", "pdq", "pdna", "odd"]), st.integers(0, 3)),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_every_hash_and_every_tombstone_is_a_row(listed):
    made = [
        deleted(name, member_id=who)
        if ends
        else live(name, member_id=who, **{kind: hashes(seed)["md5"] for kind, seed in prints.items()})
        for name, who, prints, ends in listed
    ]
    rows = list(rows_of(io.BytesIO(page(made).encode()), "page", Page()))
    assert len(rows) == sum(1 if ends else max(1, len(prints)) for _, _, prints, ends in listed)


def test_a_member_may_have_any_name(read):
    text = page([live("a", md5=hashes(1)["md5"])]).replace(member("45"), member("45", "<&> ]]>"))
    assert read(text)[0][1]["member"] == "45"


def test_a_tombstone_ends_all_hashes_of_an_id_that_looks_like_a_digest(bring):
    name = hashes(7)["md5"]
    bring(page([live(name, **hashes(1)), live("b", md5=hashes(2)["md5"])]))
    _, entries = bring(page([deleted(name)]))
    assert [entry.entry_id for entry in entries] == ["b"]
