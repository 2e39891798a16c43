import threading

import hypothesis.strategies as st
import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings

from scanner.fingerprint import pdq as module
from scanner.fingerprint import pdq_linear as linear
from scanner.fingerprint import pdq_passes as passes
from scanner.fingerprint.pdq import TRANSFORMS, pdq, pdq_of_luma, pdq_transformed
from scanner.fingerprint.pdq_linear import _tents, sampled
from scanner.fingerprint.pdq_passes import passed
from scanner.media.colour import pixels_of
from tests.patterns import KINDS, flat, noise, stripes
from tests.pictures import picture


def reference(rgb):
    bits, quality = pdqhash.compute(np.ascontiguousarray(rgb))
    return np.packbits(bits.astype(np.uint8)).tobytes(), quality


SIDES = [
    *((height, width) for height in range(1, 7) for width in (1, 4, 5, 6)),
    *((64, 64), (64, 63), (63, 64), (64, 128), (65, 65), (127, 129), (128, 128), (129, 255), (257, 256)),
    *((5, 300), (300, 5), (7, 1000), (1000, 9), (640, 480), (481, 639)),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_hash_and_quality_are_those_of_the_reference(kind, sides):
    rgb = kind(sum(sides), *sides)
    assert pdq(rgb) == reference(rgb)


@pytest.mark.parametrize(
    ("seed", "size"), [(1, (4000, 3000)), (2, (3001, 1999)), (3, (50, 6000)), (4, (2500, 40))]
)
def test_large_pictures_are_those_of_the_reference(seed, size):
    rgb = np.asarray(picture(seed, size))
    assert pdq(rgb) == reference(rgb)


@pytest.mark.parametrize("seed", range(60))
def test_pictures_are_those_of_the_reference(seed):
    rgb = np.asarray(picture(seed, (200 + 7 * seed, 500 - 5 * seed)))
    assert pdq(rgb) == reference(rgb)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.integers(1, 400), st.integers(1, 400))
def test_any_picture_is_that_of_the_reference(kind, seed, height, width):
    rgb = kind(seed, height, width)
    assert pdq(rgb) == reference(rgb)


def reference_turned(rgb):
    hashes, quality = pdqhash.compute_dihedral(np.ascontiguousarray(rgb))
    return [np.packbits(bits.astype(np.uint8)).tobytes() for bits in hashes], quality


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300))
def test_all_eight_orientations_are_those_of_the_reference(kind, seed, height, width):
    rgb = kind(seed, height, width)
    assert pdq_transformed(rgb, TRANSFORMS) == reference_turned(rgb)


@pytest.mark.parametrize("seed", range(20))
def test_all_eight_orientations_of_pictures_are_those_of_the_reference(seed):
    rgb = np.asarray(picture(seed, (700, 500)))
    hashes, quality = pdq_transformed(rgb, TRANSFORMS)
    assert (hashes, quality) == reference_turned(rgb)
    assert (hashes[0], quality) == pdq(rgb)


REALLY = {
    "rotate90": np.rot90,
    "rotate180": lambda rgb: np.rot90(rgb, 2),
    "rotate270": lambda rgb: np.rot90(rgb, 3),
    "flip_vertical": lambda rgb: rgb[::-1],
    "flip_horizontal": lambda rgb: rgb[:, ::-1],
    "transpose": lambda rgb: rgb.transpose(1, 0, 2),
    "transverse": lambda rgb: np.rot90(rgb, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize("transform", REALLY)
def test_an_orientation_is_near_the_hash_of_a_picture_that_was_really_turned_so(transform):
    rgb = np.asarray(picture(4, (1200, 900)))
    turned, _ = pdq(np.ascontiguousarray(REALLY[transform](rgb)))
    distances = [
        (int.from_bytes(turned, "big") ^ int.from_bytes(value, "big")).bit_count()
        for value in pdq_transformed(rgb, TRANSFORMS)[0]
    ]
    assert distances.index(min(distances)) == TRANSFORMS.index(transform)
    assert min(distances) <= 16


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_a_thousand_odd_pictures_at_a_time_are_those_of_the_reference(seed):
    random = np.random.default_rng(seed)
    for _ in range(1000):
        kind = KINDS[random.integers(len(KINDS))]
        rgb = kind(random.integers(2**32), *(int(side) for side in 2 ** random.uniform(3, 11, 2)))
        assert pdq(rgb) == reference(rgb)


def test_the_linear_form_decides_most_pictures_and_never_differs():
    decided = 0
    for seed in range(40):
        rows = np.asarray(picture(seed, (700, 500))).reshape(500, 2100)
        rows.flags.writeable = False
        answer = module._linear(rows, 3)
        decided += answer is not None
        assert answer in (None, module._reference(rows, 3))
    assert decided > 20


@pytest.mark.parametrize("kind", [flat, stripes], ids=lambda kind: kind.__name__)
def test_the_linear_form_leaves_pictures_without_a_clear_median_to_the_passes(kind):
    rows = np.ascontiguousarray(kind(1, 200, 300)).reshape(200, 900)
    rows.flags.writeable = False
    assert module._linear(rows, 3) is None


def test_a_quality_on_a_rounding_edge_is_left_to_the_passes():
    rgb = np.asarray(picture(1635, (90, 70))) // 5 + 90  # its linear samples alone would say 34, not 33
    rows = rgb.reshape(70, 270)
    rows.flags.writeable = False
    assert module._linear(rows, 3) is None
    assert pdq(rgb) == reference(rgb)


def test_whoever_owns_the_pixels_one_kernel_is_compiled():
    rgb = flat(1, 40, 50)
    shared, _ = pixels_of(picture(1, (70, 60)))
    for pixels in (
        rgb,
        np.asarray(picture(1, (70, 60))),
        shared,
        rgb[:, :, 1],
        rgb[::2],
        np.asfortranarray(rgb),
    ):
        pdq(pixels)
    pdq_of_luma(rgb[:, :, 0], 80, 100, 2, TRANSFORMS)
    assert [len(kernel.signatures) for kernel in (passes._filtered, linear._apply)] == [1, 1]


@pytest.mark.parametrize("sides", [(5, 5), (64, 65), (200, 300), (129, 1000)], ids=str)
def test_the_linear_samples_lie_close_to_those_of_the_passes(sides):
    rows = noise(5, *sides).reshape(sides[0], 3 * sides[1])
    assert np.abs(sampled(rows, 3) - passed(rows, 3)).max() < 2e-3


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("side", [5, 6, 63, 64, 65, 127, 128, 129, 1000, 4000, 4097])
def test_tents_stand_inside_the_picture_and_sum_to_one(side, scale):
    starts, weights = _tents(side, scale)
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert weights.min() >= 0
    assert starts.min() >= 0
    assert (starts + weights.shape[1]).max() <= -(-side // scale)


@given(st.integers(5, 3000), st.sampled_from([2, 4, 8]))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_smaller_pixel_bears_the_weights_of_all_those_it_stands_for(side, scale):
    (starts, weights), (full_starts, full_weights) = _tents(side, scale), _tents(side, 1)
    for sample in range(64):
        full, small = np.zeros(-(-side // scale) * scale), np.zeros(-(-side // scale))
        full[full_starts[sample] :][: full_weights.shape[1]] = full_weights[sample]
        small[starts[sample] :][: weights.shape[1]] = weights[sample]
        assert small == pytest.approx(full.reshape(-1, scale).sum(axis=1), abs=1e-6)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300))
def test_the_layout_of_the_pixels_changes_nothing(kind, seed, height, width):
    rgb = kind(seed, height, width)
    four = np.concatenate([rgb, noise(seed + 1, height, width)[:, :, :1]], axis=2)
    assert pdq_transformed(four, TRANSFORMS) == pdq_transformed(rgb, TRANSFORMS)
    grey = np.ascontiguousarray(rgb[:, :, 0])
    assert pdq(grey) == reference(np.repeat(grey[:, :, None], 3, axis=2))


def scaled(grey, scale):
    """Return the means of squares, the last ones filled up with their edge: luma at a smaller scale."""
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % scale), (0, -width % scale)), "edge").astype(float)
    means = padded.reshape(padded.shape[0] // scale, scale, -1, scale).mean(axis=(1, 3))
    return np.rint(means).astype(np.uint8)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("seed", range(6))
def test_luma_gives_nearly_the_hash_of_the_full_picture(seed, scale):
    grey = np.asarray(picture(seed, (517 * scale + seed, 512 * scale)).convert("L"))
    value, quality = pdq(grey)
    (near, *turned), near_quality = pdq_of_luma(scaled(grey, scale), *grey.shape, scale, TRANSFORMS)
    assert (int.from_bytes(near, "big") ^ int.from_bytes(value, "big")).bit_count() <= 14
    assert abs(near_quality - quality) <= 2
    assert len({near, *turned}) == 8


@pytest.mark.parametrize("sides", [(4, 300), (300, 4), (1, 1)])
def test_luma_of_a_picture_that_is_too_small_has_no_hash(sides):
    plane = noise(1, *sides)[:, :, 0]
    assert pdq_of_luma(plane, *sides, 1, TRANSFORMS) == ([bytes(32)] * 8, 0)


def test_the_hex_text_begins_with_bit_255():
    rgb = np.asarray(picture(11))
    bits, _ = pdqhash.compute(rgb)
    assert pdq(rgb)[0].hex() == f"{int(''.join(str(int(bit)) for bit in bits), 2):064x}"


def test_pixels_need_not_be_contiguous_nor_writable():
    rgb = np.asarray(picture(12))
    assert not rgb.flags.writeable
    expected = reference(rgb[::2, ::3])
    assert pdq(rgb[::2, ::3]) == expected
    assert pdq(rgb[::2, ::3].copy()) == expected
    assert pdq(np.asfortranarray(rgb[::2, ::3])) == expected


def test_pixels_are_left_as_they_were():
    rgb = noise(13, 70, 80)
    before = rgb.copy()
    pdq(rgb)
    assert (rgb == before).all()
    assert rgb.flags.writeable


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((9, 9, 2), np.uint8), np.zeros(9, np.uint8), np.zeros((9, 9, 3)), np.zeros((9, 9), bool)],
)
def test_what_is_not_rgb_is_refused(pixels):
    with pytest.raises(ValueError, match="uint8"):
        pdq(pixels)


def test_an_empty_picture_has_no_hash():
    assert pdq(np.zeros((0, 9, 3), np.uint8)) == (bytes(32), 0)


def test_threads_agree():
    pictures = [np.asarray(picture(seed, (300, 200))) for seed in range(4)]
    answers = [[None] * 20 for _ in pictures]

    def work(number):
        for turn in range(20):
            answers[number][turn] = pdq(pictures[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[reference(rgb)] * 20 for rgb in pictures]
