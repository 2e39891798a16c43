"""What every file promises: no place of one machine, nothing unfinished, modules that say what they are."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")


def _tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    ).stdout
    return [ROOT / name for name in sorted(listed.decode().split("\0")) if name and (ROOT / name).is_file()]


FILES = _tracked()
TEXTS = [path for path in FILES if path.suffix not in (".png", ".jpg", ".webp", ".ico", ".woff2")]
CODE = [path for path in FILES if path.suffix == ".py"]
OURS = [path for path in CODE if path.relative_to(ROOT).parts[0] in ("scanner", "jobs")]

if not FILES:
    pytest.skip("not a git checkout: which files are ours is unknown", allow_module_level=True)


def _name(path):
    return str(path.relative_to(ROOT))


def _matching(paths, pattern):
    """Return the lines of files that match, as file:line."""
    return [
        f"{_name(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_pins_every_package_by_hash(lock):
    text = (ROOT / lock).read_text()
    assert _matching([ROOT / lock], r"://|^\s*-(?!-hash=)|\s@\s|\blocalhost\b") == []
    pins = re.findall(r"^[^\s#].*", text, re.MULTILINE)
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9.-]+(\[[a-z0-9,-]+\])?==\S+ .*\\$", pin), pin
    blocks = re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_every_dependency_of_the_project_is_in_the_locks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = zip(LOCKS, (project["project"]["dependencies"], groups["dev"], groups["bench"]), strict=True)
    for lock, requirements in wanted:
        pinned = set(re.findall(r"^([a-z0-9.-]+)", (ROOT / lock).read_text(), re.MULTILINE))
        assert {re.match(r"[A-Za-z0-9.-]+", r)[0].lower() for r in requirements} <= pinned


def test_the_locks_pin_the_same_versions_of_what_they_share():
    pins = [set(re.findall(r"^\S+==.*", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS]
    assert pins[0] <= pins[1] <= pins[2]


def test_no_file_holds_a_path_of_one_machine():
    places = "|".join(("work", "root", "home", "Users", "tmp"))
    assert _matching(TEXTS, rf"(?<![\w.~$}}])/(?:{places})/\w") == []


def test_no_file_names_a_package_registry():
    hosts = ("pypi" + r"\.org", "python" + "hosted", "docker" + r"\.io", "ghcr" + r"\.io", "quay" + r"\.io")
    assert _matching(TEXTS, "|".join((*hosts, "index-url" + r"\s*[=h]"))) == []


def test_nothing_is_left_for_later():
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
    assert _matching(CODE, rf"\b(?:{'|'.join(marks)})\b") == []


@pytest.mark.parametrize("path", OURS, ids=_name)
def test_a_module_is_small_and_says_what_it_is(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    said = ast.get_docstring(ast.parse(text))
    assert said is not None
    assert re.match(r"[A-Z].{20,}", said)
    assert re.search(r"[.:]$", said.split("\n\n")[0])


def _functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", OURS, ids=_name)
def test_a_function_fits_on_a_page(path):
    assert [f.name for f in _functions(path) if f.end_lineno - f.lineno >= 60] == []


@pytest.mark.parametrize("path", OURS, ids=_name)
def test_nothing_only_promises_to_be_written(path):
    bodies = {f.name: ast.unparse(f.body[-1]) for f in _functions(path)}
    assert [name for name, last in bodies.items() if last.startswith("raise NotImplementedError")] == []


def test_every_folder_of_code_and_tests_is_a_package():
    rooms = {path.parent for path in CODE if path.relative_to(ROOT).parts[0] in ("scanner", "jobs", "tests")}
    assert [_name(room) for room in rooms - {ROOT / "tests"} if not (room / "__init__.py").is_file()] == []


def test_no_file_is_large():
    assert [_name(path) for path in FILES if path.stat().st_size > 1 << 20] == []


def test_no_stray_data_lies_in_the_repository():
    """Lists, keys and pictures are made by tests and demo, and never kept."""
    stray = {
        ".jpg",
        ".jpeg",
        ".gif",
        ".heic",
        ".avif",
        ".tiff",
        ".bmp",
        ".mp4",
        ".parquet",
        ".pem",
        ".key",
        ".csv",
    }
    assert [_name(path) for path in FILES if path.suffix.lower() in stray] == []


def test_the_changelog_has_one_open_section_with_something_in_it():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.count("\n## [Unreleased]\n") == 1
    assert re.search(r"^- ", text, re.MULTILINE)


def test_the_licence_is_what_the_project_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    licence = (ROOT / project["license-files"][0]).read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    assert re.findall(r"^ *Copyright .*", licence, re.MULTILINE) == [
        "   Copyright [yyyy] [name of copyright owner]"
    ]


def test_hooks_run_the_tools_of_the_environment_and_fetch_nothing():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry: (\S+)", text))
