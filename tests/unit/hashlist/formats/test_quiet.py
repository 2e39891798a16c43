"""No format of a clearing house lets a value out: not in an error, a report, a log or a header."""

import json
import logging
from datetime import UTC, datetime

import pytest

from scanner.errors import HashListError
from scanner.hashlist.importer import import_list
from scanner.list_policy import ListPolicy
from tests.unit.hashlist import lists
from tests.unit.hashlist.formats.documents import hashes, live, page, vics, vics_record
from tests.unit.hashlist.formats.test_feeds import ARRAYS, descriptor, indicator, listed, submitted

AT = datetime(2026, 3, 1, tzinfo=UTC)
VALUE = lists.value("md5", 3).hex()


def documents():
    """Return a document of each format, with records that are refused and that name themselves by a value."""
    bad = {
        "ncmec": page(
            [live(f"e{n}", **hashes(n)) for n in range(20)] + [live(VALUE, md5=VALUE, sha1="zz" + VALUE)]
        )
    }
    bad["vics"] = vics(
        [vics_record(n) for n in range(20)] + [vics_record(3, MediaID=VALUE, SHA1=VALUE, Series=VALUE)]
    )
    video = submitted(3, signalType="VideoMD5", hashValue=VALUE)
    feeds = {
        "stopncii": [*map(submitted, range(20)), video, video | {"hashValue": VALUE + VALUE}],
        "threatexchange": [indicator(3, descriptor(owner=VALUE, tags=[VALUE]), kind="HASH_MD5")],
        "tat": [*map(listed, range(20)), listed(3, id=VALUE, ideology=VALUE)],
    }
    return bad | {name: json.dumps({ARRAYS[name]: records}) for name, records in feeds.items()}


@pytest.mark.parametrize("name", ["ncmec", "vics", *ARRAYS])
@pytest.mark.parametrize("cut", [0, 25])
def test_a_value_is_nowhere_but_in_the_entries(workspace, tmp_path, caplog, name, cut):
    caplog.set_level(logging.DEBUG)
    text = documents()[name]
    file = tmp_path / "list"
    file.write_text(text[: len(text) - cut])
    said = ""
    try:
        report = import_list(workspace, "l", file, ListPolicy(), name, AT, accept_changes=True)
        said = report.describe() + json.dumps(report.to_dict())
        assert not cut
    except HashListError as error:
        assert cut
        said = str(error) + repr(error.__cause__)
    said += caplog.text
    said += "".join(path.read_text() for path in workspace.root.rglob("*.json"))
    assert not any(spelling in said for spelling in lists.spellings(bytes.fromhex(VALUE)))
    assert {path.stat().st_mode & 0o077 for path in workspace.root.rglob("*")} == {0}
    assert [path.name for path in workspace.lists.iterdir() if path.is_file()] == []
