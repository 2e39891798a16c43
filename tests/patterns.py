"""The only place where pixels are made that no photograph has: each a uint8[height, width, 3] of a seed."""

import numpy as np
from PIL import Image


def noise(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def flat(seed, height, width):
    return np.full((height, width, 3), np.random.default_rng(seed).integers(0, 256, 3), np.uint8)


def gradient(seed, height, width):
    slope = np.random.default_rng(seed).uniform(0, 2, 2)
    grey = np.add.outer(np.arange(height) * slope[0], np.arange(width) * slope[1]) % 256
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def stripes(seed, height, width):
    random = np.random.default_rng(seed)
    tile = random.integers(0, 256, (random.integers(1, 30), random.integers(1, 30), 3), np.uint8)
    return np.tile(tile, (height // tile.shape[0] + 1, width // tile.shape[1] + 1, 1))[:height, :width]


def blocks(seed, height, width):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (random.integers(2, 20), random.integers(2, 20), 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST))


def clouds(seed, height, width):
    coarse = noise(seed, 9, 7)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def graphics(seed, height, width):
    """Return shapes of fully saturated colours, as in drawings and advertisements."""
    random = np.random.default_rng(seed)
    palette = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)], np.uint8)
    coarse = palette[random.integers(0, 8, (random.integers(3, 12), random.integers(3, 12)))]
    large = Image.fromarray(coarse).resize(
        (width + width // 4, height + height // 4), Image.Resampling.NEAREST
    )
    return np.asarray(large.rotate(random.uniform(0, 30)).crop((0, 0, width, height)))


KINDS = [noise, flat, gradient, stripes, blocks, clouds, graphics]
