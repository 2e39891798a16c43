import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scanner import kernels
from scanner.kernels import _private, cache_folder, njit, popcount, wide_features

# A program of its own, because the cache is set up when the module is imported.
PROGRAM = """
import numpy as np
from scanner.kernels import CACHE_FOLDER, njit, popcount

@njit
def ones(words):
    return popcount(words[0]) + popcount(words[1])

print(CACHE_FOLDER, ones(np.array([3, 7], np.uint64)), *ones.stats.cache_hits.values())
"""


@pytest.fixture
def program(tmp_path):
    """Return a function that starts the program with an environment."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)

    def start(environ):
        environ = {"PYTHONPATH": str(Path(__file__).parents[2]), **environ}
        command = [sys.executable, str(path)]
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)

    return start


def answer(process):
    said = process.communicate(timeout=120)[0].split()
    assert process.returncode == 0
    return said


@njit
def _ones(words):
    total = 0
    for word in words:
        total += popcount(word)
    return total


def test_popcount_counts_the_ones_of_every_byte_of_a_word():
    words = np.array([0, 1, 0xFF << 56, 2**64 - 1, 0x8000000000000001], np.uint64)
    assert _ones(words) == 0 + 1 + 8 + 64 + 2


def test_the_configured_cache_comes_before_the_home_folder(tmp_path):
    environ = {"HASHSWEEP_CACHE": str(tmp_path / "ours"), "HOME": str(tmp_path / "home")}
    assert cache_folder(environ).parent == tmp_path / "ours"
    assert cache_folder({"HOME": str(tmp_path / "home")}).parent == tmp_path / "home/.cache/hashsweep"
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path / "xdg")}).parent == tmp_path / "xdg/hashsweep"
    assert cache_folder({"NUMBA_CACHE_DIR": str(tmp_path / "numba")}) == tmp_path / "numba"


@pytest.mark.parametrize("environ", [{}, {"HOME": "/proc/nowhere"}, {"HASHSWEEP_CACHE": "/dev/null/x"}])
def test_without_a_folder_to_write_compiled_code_goes_to_a_temporary_one(environ):
    folder = cache_folder(environ)
    assert folder.name.startswith("hashsweep-")
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_others_can_write_is_not_used(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert not _private(tmp_path / "open")
    assert _private(tmp_path / "own")


def test_many_processes_fill_one_cache_at_once_and_the_next_one_uses_it(program, tmp_path):
    environ = {"HASHSWEEP_CACHE": str(tmp_path / "cache")}
    answers = [answer(process) for process in [program(environ) for _ in range(3)]]
    assert {said[1] for said in answers} == {"5"}
    assert answer(program(environ)) == [answers[0][0], "5", "1"]


def test_a_process_without_a_home_still_computes_and_leaves_nothing_behind(program, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    folder, ones = answer(program({"TMPDIR": str(temporary)}))
    assert Path(folder).parent == temporary
    assert ones == "5"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("features", "allowed"),
    [
        ("+sse2,+avx512f,+avx512vpopcntdq,+popcnt", True),
        ("+avx512f,-avx512vpopcntdq,+popcnt", False),
        ("+avx2,+popcnt", False),
        ("", False),
    ],
)
def test_wide_vectors_are_allowed_on_cpus_that_count_bits_in_them(features, allowed):
    assert wide_features(features) == (f"{features},-prefer-256-bit" if allowed else None)


def test_compiled_code_is_kept_apart_for_all_sources_that_compile_any():
    root = Path(kernels.__file__).parent
    compiling = {path for path in root.rglob("*.py") if "njit" in path.read_text()}
    assert compiling <= set(kernels.sources())


def test_another_version_of_any_kernel_keeps_its_code_elsewhere(monkeypatch, tmp_path):
    environ = {"HASHSWEEP_CACHE": str(tmp_path / "cache")}
    before = cache_folder(environ)
    copy = tmp_path / "banded.py"
    copy.write_text("another version")
    monkeypatch.setattr(kernels, "sources", lambda: [copy])
    other = cache_folder(environ)
    assert other != before
    copy.write_text("and another")
    assert cache_folder(environ) != other
