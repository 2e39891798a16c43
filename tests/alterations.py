"""The only place that says what becomes of pictures that are passed on: named alterations, and their files.

What alters pixels ends as a JPEG of quality 90, as most programs write: each such copy was re-encoded, too.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

pillow_heif.register_heif_opener()

Picture = Image.Image

SEED = 20
TEXT = "example.org"


@dataclass(frozen=True)
class Alteration:
    """One thing that is done to a picture: RGB in, the bytes of a file out; equal for equal pictures."""

    group: str
    name: str
    file: Callable[[Picture], bytes]

    @property
    def title(self) -> str:
        """Return the name that no other alteration has."""
        return f"{self.group}: {self.name}"


def saved(picture: Picture, form: str = "JPEG", **options: object) -> bytes:
    """Return the file of a picture."""
    sink = io.BytesIO()
    picture.save(sink, form, **({"quality": 90} | options if form == "JPEG" else options))
    return sink.getvalue()


def resized(picture: Picture, across: float, down: float) -> Picture:
    size = (max(1, round(picture.width * across)), max(1, round(picture.height * down)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def cropped(picture: Picture, left: float, top: float, right: float, bottom: float) -> Picture:
    """Take shares of the width and height away from the sides."""
    width, height = picture.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return picture.crop(tuple(map(round, box)))


def bordered(picture: Picture, colour: str, share: float) -> Picture:
    """Lay a border around, on each side so wide as a share of the longer side."""
    return ImageOps.expand(picture, max(1, round(share * max(picture.size))), colour)


def noisy(picture: Picture, sigma: float) -> Picture:
    noise = np.random.default_rng(SEED).normal(0, sigma, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).round().astype(np.uint8))


def curved(picture: Picture, gamma: float) -> Picture:
    """Give every value v, of 0 to 1, the value v ** gamma: below 1 is brighter."""
    return picture.point([round(255 * (value / 255) ** gamma) for value in range(256)] * 3)


def blurred(picture: Picture, radius: float) -> Picture:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def enhanced(picture: Picture, way: type, factor: float) -> Picture:
    return way(picture).enhance(factor)


def leaning(picture: Picture, angle: float) -> Picture:
    """Turn a picture a little, as it is when a paper lies askew; it keeps its size."""
    return picture.rotate(angle, Image.Resampling.BICUBIC)


def written_across(picture: Picture, opacity: float) -> Picture:
    """Write white text along the diagonal, as long as two thirds of it."""
    diagonal = math.hypot(*picture.size)
    font = ImageFont.load_default(100)
    length = font.getlength(TEXT)
    font = ImageFont.load_default(100 * diagonal * 2 / 3 / length)
    mask = Image.new("L", picture.size)
    layer = Image.new("L", (math.ceil(diagonal),) * 2)
    middle = (layer.width / 2, layer.height / 2)
    ImageDraw.Draw(layer).text(middle, TEXT, round(255 * opacity), font, anchor="mm")
    turned = layer.rotate(math.degrees(math.atan2(picture.height, picture.width)), Image.Resampling.BILINEAR)
    mask.paste(turned, ((picture.width - layer.width) // 2, (picture.height - layer.height) // 2))
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, mask)


def with_logo(picture: Picture, share: float) -> Picture:
    """Put a disc with a letter into the lower right corner, as wide as a share of the shorter side."""
    copy = picture.copy()
    side = max(8, round(share * min(picture.size)))
    left, top = picture.width - side - side // 4, picture.height - side - side // 4
    draw = ImageDraw.Draw(copy)
    draw.ellipse((left, top, left + side, top + side), "#d22", "white", max(1, side // 16))
    draw.text(
        (left + side / 2, top + side / 2), "H", "white", ImageFont.load_default(side * 0.6), anchor="mm"
    )
    return copy


def shown_on_a_screen(picture: Picture) -> Picture:
    """Return a picture at 0.6 times its size within a light window with a bar at its top."""
    small = resized(picture, 0.6, 0.6)
    margin, bar = round(0.03 * small.width), round(0.08 * small.height)
    screen = Image.new("RGB", (small.width + 2 * margin, small.height + 2 * margin + bar), "#f4f4f4")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, screen.width, bar), "#30343c")
    draw.text((margin, bar / 2), "Pictures", "white", ImageFont.load_default(max(6, bar * 0.6)), anchor="lm")
    screen.paste(small, (margin, margin + bar))
    return screen


Change = Callable[[Picture], Picture]

CHANGES: dict[str, dict[str, Change]] = {
    "size": {
        f"{scale:g} times": partial(resized, across=scale, down=scale) for scale in (0.25, 0.5, 0.75, 1.5, 2)
    }
    | {"squeezed to 0.8 of its width": partial(resized, across=0.8, down=1)},
    "crop": {
        f"{100 * share:g} % of each side": partial(cropped, left=share, top=share, right=share, bottom=share)
        for share in (0.01, 0.02, 0.05, 0.1)
    }
    | {"10 % of the bottom alone": partial(cropped, left=0, top=0, right=0, bottom=0.1)},
    "border": {
        f"{colour}, {100 * share:g} %": partial(bordered, colour=colour, share=share)
        for colour in ("white", "black")
        for share in (0.02, 0.05, 0.1)
    },
    "blur": {f"Gaussian, radius {radius}": partial(blurred, radius=radius) for radius in (1, 2, 4)},
    "noise": {f"Gaussian, sigma {sigma}": partial(noisy, sigma=sigma) for sigma in (5, 10, 20)},
    "tone": {f"gamma {gamma:g}": partial(curved, gamma=gamma) for gamma in (0.6, 0.8, 1.25, 1.6)}
    | {
        f"{name} times {factor:g}": partial(enhanced, way=way, factor=factor)
        for name, way in (("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast))
        for factor in (0.8, 1.2)
    }
    | {"grey": partial(Image.Image.convert, mode="L")},
    "mark": {
        f"text across, {100 * opacity:g} % opaque": partial(written_across, opacity=opacity)
        for opacity in (0.3, 0.7)
    }
    | {"logo in a corner": partial(with_logo, share=0.2)},
    "turn": {
        f"{angle} degrees": partial(Image.Image.transpose, method=Image.Transpose[f"ROTATE_{angle}"])
        for angle in (90, 180, 270)
    }
    | {
        "mirrored": partial(Image.Image.transpose, method=Image.Transpose.FLIP_LEFT_RIGHT),
        "upside down": partial(Image.Image.transpose, method=Image.Transpose.FLIP_TOP_BOTTOM),
    }
    | {f"{angle} degrees, corners black": partial(leaning, angle=angle) for angle in (2, 5)},
}
"""Changes of the pixels, by group and name; a copy is a JPEG of quality 90 of what comes out."""

FILES: dict[str, dict[str, Callable[[Picture], bytes]]] = {
    "JPEG": {f"quality {quality}": partial(saved, quality=quality) for quality in (95, 85, 70, 50, 30)},
    "format": {
        "WebP, quality 80": partial(saved, form="WEBP", quality=80),
        "HEIC, quality 60": partial(saved, form="HEIF", quality=60),
        "AVIF, quality 60": partial(saved, form="AVIF", quality=60, speed=8),
        "GIF, 256 colours": lambda picture: saved(picture.quantize(256), "GIF"),
    },
    "together": {
        "0.5 times, quality 50": lambda picture: saved(resized(picture, 0.5, 0.5), quality=50),
        "screenshot of a window": lambda picture: saved(shown_on_a_screen(picture), quality=70),
    },
}
"""Alterations that say themselves what file comes out."""


def _of(change: Change) -> Callable[[Picture], bytes]:
    return lambda picture: saved(change(picture))


_ORDER = ("JPEG", "format", "size", "tone", "blur", "noise", "mark", "crop", "border", "turn", "together")

ALTERATIONS = tuple(
    Alteration(group, name, file)
    for group in _ORDER
    for name, file in (
        FILES.get(group) or {name: _of(change) for name, change in CHANGES[group].items()}
    ).items()
)
"""All of them; their titles are what the page of the documentation names."""

SAME_PLACES = ("JPEG", "format", "size", "tone", "blur", "noise")
"""Groups that leave each thing where it was in the picture; the others cover or move something."""
