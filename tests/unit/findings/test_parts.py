"""The parts of a run by their digests: written once, written anew after a kill, read with suspicion."""

import hashlib
import json

import pytest

from scanner.findings.parts import NAME, put_parts, read_parts


@pytest.fixture
def parts(tmp_path):
    """Return three files in folders of a run."""
    made = [tmp_path / name for name in ("inventory/b", "parts/a", "matches/c")]
    for path in made:
        path.parent.mkdir()
        path.write_bytes(path.name.encode() * 5)
    return made


def test_parts_are_named_by_path_and_digest_in_the_order_given(tmp_path, parts):
    (named,) = put_parts(tmp_path, parts)
    content = (tmp_path / NAME).read_bytes()
    assert named == {"path": NAME, "sha256": hashlib.sha256(content).hexdigest()}
    assert list(read_parts(tmp_path)) == [
        {
            "path": path.relative_to(tmp_path).as_posix(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in parts
    ]


def test_no_parts_are_an_empty_file(tmp_path):
    put_parts(tmp_path, [])
    assert (tmp_path / NAME).read_bytes() == b""
    assert list(read_parts(tmp_path)) == []


def test_the_same_parts_again_change_nothing(tmp_path, parts):
    first = put_parts(tmp_path, parts)
    before = (tmp_path / NAME).stat()
    assert put_parts(tmp_path, parts) == first
    assert (tmp_path / NAME).stat().st_ino == before.st_ino


def test_what_a_killed_run_left_behind_is_written_anew(tmp_path, parts):
    left = put_parts(tmp_path, parts[:1])
    assert put_parts(tmp_path, parts) != left
    assert len(list(read_parts(tmp_path))) == 3


def test_a_part_outside_of_the_folder_is_refused(tmp_path, parts):
    with pytest.raises(ValueError, match="is not in the subpath"):
        put_parts(tmp_path / "parts", parts[:1])


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "42",
        '["path", "sha256"]',
        '"parts/a"',
        "{}",
        '{"path": "a"}',
        '{"path": "a", "sha256": "b", "more": 1}',
        "nonsense",
        "",
    ],
)
def test_a_foreign_line_is_refused(tmp_path, line):
    good = json.dumps({"path": "a", "sha256": "b"})
    (tmp_path / NAME).write_text(f"{good}\n{line}\n")
    told = read_parts(tmp_path)
    assert next(told) == {"path": "a", "sha256": "b"}
    with pytest.raises(ValueError, match=r"names no part|Expecting value"):
        next(told)
