"""Scenes are equal for equal generators, fill their canvas, and are worth looking at: none is flat."""

import numpy as np
import pytest

from scanner.demo.encoding import COMMON, RARE, encode, suffix
from scanner.demo.scene import SCENES, blend, noise, paint


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("size", [(96, 64), (64, 96), (160, 160)])
def test_a_scene_fills_its_canvas_and_is_not_flat(scene, size):
    canvas = scene(np.random.default_rng(3), size)
    assert canvas.shape == (size[1], size[0], 3)
    assert np.isfinite(canvas).all()
    assert np.clip(canvas, 0, 1).std() > 0.04


def test_equal_generators_paint_equal_pictures_and_others_do_not():
    one, same, other = (paint(np.random.default_rng(seed), (80, 60)) for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()
    assert one.size == (80, 60)
    assert one.mode == "RGB"


def test_noise_covers_its_whole_range():
    field = noise(np.random.default_rng(1), (70, 50))
    assert field.shape == (50, 70)
    assert field.min() == pytest.approx(0, abs=0.05)
    assert field.max() == pytest.approx(1, abs=0.05)
    assert 0 <= field.min() < field.max() <= 1


def test_a_blend_goes_from_the_first_colour_to_the_last():
    palette = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1]], np.float32)
    ends = blend(palette, np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]]))
    assert np.allclose(ends[0], [[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1]], atol=0.002)


@pytest.mark.parametrize("form", sorted({*COMMON, *RARE}))
def test_a_form_is_the_same_bytes_for_the_same_picture(form):
    image = paint(np.random.default_rng(1), (96, 64))
    assert encode(image, form) == encode(image, form)
    assert suffix(form) in (".jpg", ".png", ".webp", ".gif", ".tiff", ".bmp", ".heic", ".avif")
