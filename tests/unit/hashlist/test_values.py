import base64
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Media
from scanner.fingerprint import fingerprint
from scanner.hashlist.values import Refusal, algorithm_of, balanced, degenerate, value_of
from scanner.records import ALGORITHM_BYTES, DIGESTS, OPTIONAL, PERCEPTUAL
from tests import pictures
from tests.unit.hashlist import lists

FLAT = (
    "000000002c4b11342c4b2c4b0000554b00002c4b113411342c4b585e2c4b017e"  # what pdqhash gives for flat pictures
)
RECTANGLE = "f0b40f4b0f4b0f4bf0b4f0b40f4b0f4bf0b4f0b4f0b40f4b0f4bf0b4f0b40f4b"  # a black bar on white


@pytest.mark.parametrize("algorithm", ALGORITHM_BYTES)
def test_hex_of_any_case_with_space_and_byte_order_mark_is_read(algorithm):
    raw = lists.value(algorithm, 1)
    mixed = "".join(c.upper() if n % 2 else c for n, c in enumerate(raw.hex()))
    for text in (raw.hex(), raw.hex().upper(), mixed, f"  {raw.hex()}\r\n", "\ufeff" + raw.hex()):
        assert value_of(algorithm, text) == raw
    assert value_of(algorithm, raw) == raw
    assert value_of(algorithm, raw.hex().encode()) == raw


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_padded_base64_of_a_digest_is_read(algorithm):
    raw = lists.value(algorithm, 2)
    assert value_of(algorithm, base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize("algorithm", PERCEPTUAL)
def test_base64_of_a_perceptual_hash_is_refused(algorithm):
    encoded = base64.b64encode(lists.value(algorithm, 2)).decode()
    assert value_of(algorithm, encoded) == Refusal.WRONG_LENGTH


@pytest.mark.parametrize("algorithm", ALGORITHM_BYTES)
def test_a_value_of_the_wrong_length_is_refused(algorithm):
    text = lists.value(algorithm, 3).hex()
    for wrong in (text[:-1], text[:-2], text + "0", text + "00", "0", text * 2):
        assert value_of(algorithm, wrong) == Refusal.WRONG_LENGTH
    assert value_of(algorithm, bytes.fromhex(text) + b"\0") == Refusal.WRONG_LENGTH


@pytest.mark.parametrize("wrong", ["g", "é", " ", "_", "\0", "0x", "\u0661"])
@pytest.mark.parametrize("algorithm", ALGORITHM_BYTES)
def test_a_character_that_is_no_hex_digit_is_refused(algorithm, wrong):
    text = lists.value(algorithm, 4).hex()
    text = text[:3] + wrong + text[3 + len(wrong) :]
    assert value_of(algorithm, text) == Refusal.NOT_HEX


@pytest.mark.parametrize("damaged", ["====" * 6, "A" * 23 + "\n", "****" * 6])
def test_damaged_base64_is_refused(damaged):
    assert value_of("md5", damaged) in (Refusal.NOT_HEX, Refusal.WRONG_LENGTH)


@pytest.mark.parametrize("empty", ["", "  ", "\ufeff", b""])
def test_an_empty_value_is_missing(empty):
    assert value_of("sha1", empty) == Refusal.MISSING_VALUE


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_the_digest_of_the_empty_file_is_refused(algorithm):
    digest = hashlib.new(algorithm, b"")
    assert value_of(algorithm, digest.hexdigest().upper()) == Refusal.EMPTY_FILE
    assert value_of(algorithm, base64.b64encode(digest.digest()).decode()) == Refusal.EMPTY_FILE


@pytest.mark.parametrize("byte", ["00", "ff"])
@pytest.mark.parametrize(("algorithm", "width"), ALGORITHM_BYTES.items())
def test_all_zeros_and_all_ones_are_degenerate(algorithm, width, byte):
    assert value_of(algorithm, byte * width) == Refusal.DEGENERATE


@pytest.mark.parametrize(
    ("algorithm", "text"),
    [
        ("pdq", FLAT),
        ("pdq", RECTANGLE),
        ("pdq", "5555aaaa" * 8),  # a checkerboard
        ("pdq", "0000cccc0000cccc333300003333cccc0000000033333333000033333333cccc"),  # two halves
        ("phash", "8000000000000000"),  # any flat picture
        ("phash", "8000800080008000"),  # a gradient
        ("phash", "aa00aa00aa00aa00"),  # stripes
        ("phash", "8011004400110044"),  # four squares
        ("phash", "cccc3333cccc3333"),  # a dot
        ("dhash", "00000c0c0c000000"),  # a disk in a corner
        ("dhash", "0c0c0c0c0c0c0c0c"),  # an upright bar
        ("dhash", "ffffffffffffffff"),  # a gradient
        ("whash", "ffffffff00000000"),  # a bright sky
        ("whash", "f0f0f0f0f0f0f0f0"),  # a wall beside a window
        ("whash", "ffffff7e18000000"),  # a mountain under a bright sky
        ("whash", "0000001818000000"),  # a lamp in the dark
    ],
)
def test_hashes_of_pictures_that_say_too_little_are_degenerate(algorithm, text):
    assert value_of(algorithm, text) == Refusal.DEGENERATE


@pytest.mark.parametrize(
    ("algorithm", "rows", "expected"),
    [
        ("pdq", "f0b40f4b", True),
        ("pdq", "f0b40f4b3333cccc", True),
        ("pdq", "f0b40f4b3333cccc5a3ca5c3f0b40f4b", False),
        ("phash", "96693ac5", True),
        ("phash", "96693ac55ca366d9", False),
        ("dhash", "96693ac5", True),
        ("dhash", "96693ac55ca366d9", False),
        ("whash", "96693ac55ca3", True),
        ("whash", "96693ac55ca366d9", False),
    ],
)
def test_rows_of_few_patterns_and_their_inversions_are_degenerate_and_rows_of_one_more_are_not(
    algorithm, rows, expected
):
    whole = bytes.fromhex(rows) * ALGORITHM_BYTES[algorithm]
    assert degenerate(algorithm, whole[: ALGORITHM_BYTES[algorithm]]) == expected


def test_pictures_that_say_much_have_hashes_that_are_not_degenerate():
    everything = Media(also=OPTIONAL)
    for seed in range(20):
        seen = fingerprint(pictures.jpeg(seed), caps=everything)
        assert [name for name in PERCEPTUAL if degenerate(name, getattr(seen, name))] == []


def weighing(algorithm, ones):
    bits = np.zeros(8 * ALGORITHM_BYTES[algorithm], np.uint8)
    bits[np.random.default_rng(5).permutation(len(bits))[:ones]] = 1
    return np.packbits(bits).tobytes()


@pytest.mark.parametrize(
    ("algorithm", "low", "high"),
    [("pdq", 96, 160), ("phash", 16, 48), ("dhash", 10, 54), ("whash", 16, 48)],
)
def test_the_number_of_ones_decides_at_its_documented_bounds(algorithm, low, high):
    assert not degenerate(algorithm, weighing(algorithm, low))
    assert not degenerate(algorithm, weighing(algorithm, high))
    assert degenerate(algorithm, weighing(algorithm, low - 1))
    assert degenerate(algorithm, weighing(algorithm, high + 1))


def test_values_with_exactly_half_of_their_bits_are_balanced():
    rows = [weighing("pdq", ones) for ones in (128, 127, 129, 128, 130, 0)]
    assert balanced(np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)) == 2
    assert balanced(np.empty((0, 32), np.uint8)) == 0


@settings(max_examples=200, derandomize=True)
@given(st.sampled_from(sorted(ALGORITHM_BYTES)), st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_any_text_or_bytes_become_a_value_of_the_right_width_or_a_refusal(algorithm, given_value):
    read = value_of(algorithm, given_value)
    assert isinstance(read, Refusal) or len(read) == ALGORITHM_BYTES[algorithm]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("md5", "md5"),
        ("SHA-1", "sha1"),
        (" Sha_256 ", "sha256"),
        ("PDQ", "pdq"),
        ("pHash", "phash"),
        ("dHash", "dhash"),
        ("W-Hash", "whash"),
    ],
)
def test_names_of_algorithms_are_read_in_any_spelling(text, name):
    assert algorithm_of(text) == name


@pytest.mark.parametrize("text", ["photodna", "PhotoDNA", "PDNA", "vpdq", "aHash", "TMK_PDQF"])
def test_algorithms_that_are_not_computed_here_are_unsupported(text):
    assert algorithm_of(text) == Refusal.UNSUPPORTED_ALGORITHM


@pytest.mark.parametrize("text", ["", "md4", "hash", "sha", "d41d8cd98f00b204e9800998ecf8427e"])
def test_other_names_are_unknown(text):
    assert algorithm_of(text) == Refusal.UNKNOWN_ALGORITHM
