"""The only place where the demo's pictures are painted: benign scenes out of noise, gradients and shapes."""

import colorsys
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Canvas = NDArray[np.floating[Any]]
"""Colours of a picture, height x width x 3, from 0 to 1."""

Random = np.random.Generator


def paint(random: Random, size: tuple[int, int]) -> Image.Image:
    """Return a picture of a size (width, height); equal generators paint equal pictures."""
    scene = SCENES[int(random.integers(len(SCENES)))]
    canvas = scene(random, size) + 0.012 * random.standard_normal((size[1], size[0], 1), np.float32)
    return Image.fromarray((np.clip(canvas, 0, 1) * 255).astype(np.uint8))


def colours(random: Random, count: int) -> Canvas:
    """Return colours (count x 3) that go together: neighbours in hue, far apart in lightness."""
    hue, turn = random.random(), random.uniform(-0.35, 0.35)
    light = random.permutation(np.linspace(0.15, 0.95, count))
    tones = [
        colorsys.hls_to_rgb((hue + turn * n / count) % 1, light[n], random.uniform(0.35, 0.9))
        for n in range(count)
    ]
    return np.array(tones, np.float32)


def noise(random: Random, size: tuple[int, int], coarse: int = 3, octaves: int = 5) -> Canvas:
    """Return fractal noise (height x width) from 0 to 1, its largest forms `coarse` to a side."""
    small = (max(8, size[0] // 4), max(8, size[1] // 4))  # soft forms, so a quarter of the points will do
    total = np.zeros((small[1], small[0]), np.float32)
    for octave in range(octaves):
        cells = min(coarse << octave, *small)
        grid = Image.fromarray(random.random((cells, cells), np.float32))
        total += np.asarray(grid.resize(small, Image.Resampling.BICUBIC)) / (1 << octave)
    total -= total.min()
    field = Image.fromarray(total / max(float(total.max()), 1e-6)).resize(size, Image.Resampling.BICUBIC)
    full: Canvas = np.clip(np.asarray(field), 0, 1)
    return full


def blend(palette: Canvas, where: Canvas) -> Canvas:
    """Return the palette's colours, passed through from first to last as `where` goes from 0 to 1."""
    steps = np.linspace(0, len(palette) - 1, 1024)
    ramp = np.stack([np.interp(steps, np.arange(len(palette)), tone) for tone in palette.T], axis=1)
    blended: Canvas = ramp.astype(np.float32)[(np.clip(where, 0, 1) * 1023).astype(np.int32)]
    return blended


def _grid(size: tuple[int, int]) -> tuple[Canvas, Canvas]:
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    return x.astype(np.float32), y.astype(np.float32)


def landscape(random: Random, size: tuple[int, int]) -> Canvas:
    """Paint ridges behind each other, a low sun, clouds."""
    x, y = _grid(size)
    canvas = blend(colours(random, 3), 0.6 * y + 0.5 * noise(random, size))
    sun = np.hypot((x - random.random()) * size[0] / size[1], y - random.uniform(0.1, 0.6))
    canvas += (np.clip(random.uniform(0.06, 0.16) - sun, 0, 0.02) * 40)[..., None]
    haze, earth = colours(random, 2)
    ridges = int(random.integers(3, 6))
    for number in range(ridges):
        outline = noise(random, (size[0], 8), int(random.integers(2, 6)), 6)[4]
        top = 0.3 + 0.55 * number / ridges + random.uniform(0.2, 0.5) * (outline - 0.5)
        depth = (number + 1) / ridges
        ground = (haze * (1 - depth) + earth * depth) * (0.6 + 0.6 * noise(random, size, 8)[..., None])
        canvas = np.where((y > top)[..., None], ground, canvas)
    return canvas


def marble(random: Random, size: tuple[int, int]) -> Canvas:
    """Paint stone: noise bent by noise, and veins."""
    x, y = _grid(size)
    bent = (
        noise(random, size, 2) * random.uniform(2, 5) + x * random.uniform(-4, 4) + y * random.uniform(-4, 4)
    )
    veins = np.abs(np.sin(bent * math.pi)) ** 0.5
    return blend(colours(random, 5), 0.55 * veins + 0.45 * noise(random, size, 4))


def mosaic(random: Random, size: tuple[int, int]) -> Canvas:
    """Paint glass panes around random points, leaded."""
    x, y = _grid(size)
    points = random.random((int(random.integers(14, 40)), 2))
    panes = random.permutation(colours(random, len(points)))
    nearest, second = np.full_like(x, 9), np.full_like(x, 9)
    pane = np.zeros(x.shape, np.int64)
    for number, (px, py) in enumerate(points.astype(np.float32)):
        far = ((x - px) * np.float32(size[0] / size[1])) ** 2 + (y - py) ** 2
        pane[far < nearest] = number
        second = np.minimum(second, np.maximum(far, nearest))
        nearest = np.minimum(far, nearest)
    lead = np.clip((np.sqrt(second) - np.sqrt(nearest)) * 60, 0, 1)[..., None]
    canvas: Canvas = panes[pane] * lead * (0.75 + 0.4 * noise(random, size, 6)[..., None])
    return canvas


def skyline(random: Random, size: tuple[int, int]) -> Canvas:
    """Paint houses at dusk, some windows lit."""
    _, y = _grid(size)
    image = Image.fromarray(
        (blend(colours(random, 3), y + 0.4 * noise(random, size) - 0.2) * 255).astype(np.uint8)
    )
    draw = ImageDraw.Draw(image)
    width, height = size
    for row in range(3):
        left = -int(random.integers(width // 10))
        while left < width:
            across = int(random.integers(width // 14, width // 6))
            top = int(height * random.uniform(0.1 + 0.2 * row, 0.5 + 0.15 * row))
            wall = (colours(random, 1)[0] * random.uniform(40, 190)).astype(int)
            draw.rectangle((left, top, left + across, height), tuple(map(int, wall)))
            _light(draw, random, (left, top, left + across, height), max(6, width // 60))
            left += across + int(random.integers(-8, width // 20))
    return np.asarray(image, np.float32) / 255 * (0.8 + 0.3 * noise(random, size, 12)[..., None])


def _light(draw: ImageDraw.ImageDraw, random: Random, house: tuple[int, int, int, int], step: int) -> None:
    left, top, right, bottom = house
    lamp = (255, int(random.integers(190, 245)), int(random.integers(90, 190)))
    for y in range(top + step, bottom - step, 2 * step):
        for x in range(left + step // 2, right - step, step + step // 2):
            if random.random() < 0.4:
                draw.rectangle((x, y, x + step // 2, y + step), lamp)


def composition(random: Random, size: tuple[int, int]) -> Canvas:
    """Paint circles, polygons and lines over a washed ground."""
    palette = colours(random, 7)
    image = Image.fromarray((blend(palette[:2], noise(random, size)) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image, "RGBA")
    for _ in range(int(random.integers(12, 24))):
        tone = (palette[random.integers(7)] * 255).astype(int)
        fill = (*map(int, tone), int(random.integers(140, 256)))
        centre = random.random(2) * size
        reach = random.uniform(0.05, 0.3) * min(size)
        corners = int(random.integers(2, 8))
        angles = np.sort(random.random(corners)) * 2 * math.pi
        outline = [(centre[0] + reach * math.cos(a), centre[1] + reach * math.sin(a)) for a in angles]
        if corners == 2:
            draw.line(outline, fill, int(random.integers(3, 18)))
        elif corners < 6:
            draw.polygon(outline, fill)
        else:
            draw.ellipse((*(centre - reach), *(centre + reach)), fill)
    return np.asarray(image, np.float32) / 255


def ripples(random: Random, size: tuple[int, int]) -> Canvas:
    """Paint waves from a few stones thrown into coloured water."""
    x, y = _grid(size)
    water = noise(random, size, 3) * random.uniform(0.8, 1.6)
    for _ in range(int(random.integers(3, 6))):
        far = np.hypot((x - random.random()) * size[0] / size[1], y - random.random())
        water += 0.45 * np.sin(far * random.uniform(14, 45)) * np.exp(-2.2 * far)
    return blend(colours(random, 5), water / 2 + 0.2)


SCENES: tuple[Callable[[Random, tuple[int, int]], Canvas], ...] = (
    landscape,
    marble,
    mosaic,
    skyline,
    composition,
    ripples,
)
