"""No value of a list leaves it in a message, a report, a header or a log, however bad its file is."""

import base64
import json
import logging
import traceback
from datetime import UTC, datetime

import pytest

from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.importer import import_list
from scanner.records import ALGORITHM_BYTES
from tests.unit.hashlist import lists

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
VALUES = {algorithm: lists.value(algorithm, 77) for algorithm in ALGORITHM_BYTES}
GOOD = [row for algorithm in ALGORITHM_BYTES for row in lists.rows(algorithm, 100)]
COLUMNS = (
    "entry_id",
    "member",
    "algorithm",
    "classification",
    "scheme",
    "status",
    "modified_at",
    "media_type",
    "tags",
)


def damaged_rows():
    """Yield rows that are bad in every way, each of which holds a value somewhere."""
    for algorithm, raw in VALUES.items():
        for text in (raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode()):
            row = {"entry_id": "e", "algorithm": algorithm, "value": text}
            yield from (
                row | {"value": wrong} for wrong in (text + "0", text + "zz", "x" + text[1:], text * 9)
            )
            yield from (row | {column: text} for column in COLUMNS)


def damaged_files(path):
    """Yield files that are bad in every way, with the format they are read as."""
    for text in (VALUES["pdq"].hex(), VALUES["md5"].hex().upper(), base64.b64encode(VALUES["sha1"]).decode()):
        row = {"algorithm": "pdq", "value": text}
        line = json.dumps(row)
        for name, content in (
            ("csv", f"{text},pdq\n{text},pdq\n"),
            ("csv", f"algorithm,{text}\npdq,{text}\n"),
            ("csv", f"algorithm,value,{text},{text}\npdq,{text},a,b\n"),
            ("csv", f'algorithm,value\npdq,"{text}\n'),
            ("csv", f'algorithm,value\npdq,"{text}"{text}\n'),
            ("csv", f"algorithm,value\npdq,{text}\xff\n".encode("latin-1")),
            ("csv", f"algorithm,value\npdq,{text},{text}\n"),
            ("csv", f"algorithm,value\n{text},{text}\n"),
            ("jsonl", text),
            ("jsonl", f'"{text}"'),
            ("jsonl", f"{line}\n{line[:-3]}"),
            ("jsonl", f"{line}\n{text}\n{text}\n"),
            ("jsonl", f"[{line}]"),
            ("jsonl", line.encode("utf-16")),
            ("jsonl", json.dumps({text: text})),
            ("jsonl", json.dumps({"algorithm": [text], "value": {text: text}})),
            ("parquet", text),
            ("parquet", b"PAR1" + text.encode() + b"PAR1"),
        ):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            yield name


def assert_secret(text):
    for raw in VALUES.values():
        for leak in lists.spellings(raw):
            assert leak not in text
            assert leak[:16] not in text  # nor the part that a shortened message would show


@pytest.fixture
def attempt(workspace, tmp_path, caplog, capfd):
    """Return a function that imports a file and asserts that nothing said or written holds a value."""

    def attempt(name, accept):
        path = tmp_path / "list"
        said = ""
        with caplog.at_level(logging.DEBUG):
            try:
                report = import_list(workspace, "iwf", path, ListPolicy(), name, AT, accept_changes=accept)
                said = (
                    report.describe()
                    + json.dumps(report.to_dict())
                    + json.dumps(report.snapshot.provenance())
                )
            except HashListError as error:
                said = str(error) + "".join(traceback.format_exception(error)).replace(str(path), "")
        headers = "".join(header.read_text() for header in workspace.lists.rglob("*.json"))
        assert_secret(said + headers + caplog.text + "".join(capfd.readouterr()))
        return said

    return attempt


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize(
    ("name", "write"),
    [("csv", lists.write_csv), ("jsonl", lists.write_jsonl), ("parquet", lists.write_parquet)],
)
def test_bad_rows_give_no_value_away(attempt, tmp_path, name, write, accept):
    write(tmp_path / "list", [*GOOD, *damaged_rows()])
    said = attempt(name, accept)
    assert "value_in_text" in said
    assert "wrong_length" in said


def test_bad_files_give_no_value_away(attempt, tmp_path):
    said = [attempt(name, accept=False) for name in damaged_files(tmp_path / "list")]
    assert len(said) == 54
    assert sum("HashListError" in text for text in said) > 45


def test_a_mixed_up_column_map_gives_no_value_away(workspace, tmp_path):
    rows = [row | {"md5": VALUES["md5"].hex()} for row in lists.rows("pdq", 30)]
    lists.write_csv(tmp_path / "a.csv", rows)
    for column in COLUMNS:
        try:
            policy = ListPolicy(columns={column: "md5"})
            said = import_list(workspace, f"l-{column}", tmp_path / "a.csv", policy, None, AT).describe()
        except HashListError as error:
            said = str(error)
        assert_secret(said + "".join(header.read_text() for header in workspace.lists.rglob("*.json")))
