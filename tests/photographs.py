"""Real, freely licensed photographs from Debian packages, fetched when a test or benchmark asks for them."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

PACKAGES = {
    "lomiri-wallpapers-16.04": "usr/share/backgrounds/*.jpg",
    "lomiri-wallpapers-20.04": "usr/share/backgrounds/*.jpg",
    "mate-backgrounds": "usr/share/backgrounds/mate/nature/*.jpg",
    "tuxpaint-stamps-default": "usr/share/tuxpaint/stamps/*/**/*.png",
}
"""Photographs by their package; the stamps are photographs cut out of their background."""

LEAST_PIXELS = 30_000
LEAST_COLOURS = 0.12
LEAST_CONTRAST = 30.0
"""What tells a photograph from a drawing among the stamps: many colours for its size, and contrast."""


def photographs(cache: Path, wanted: int) -> list[Path]:
    """Return `wanted` photographs of different motifs, at most 1,600 pixels wide, as PNG files in `cache`."""
    done = sorted(cache.glob("*.png"))
    if len(done) >= wanted:
        return done[:wanted]
    cache.mkdir(parents=True, exist_ok=True)
    unpacked = _unpacked(cache)
    kept: list[np.ndarray] = []
    for path in (
        path for package, glob in PACKAGES.items() for path in sorted((unpacked / package).glob(glob))
    ):
        if len(kept) == wanted:
            break
        if "cartoon" not in path.parts:
            _keep(path, cache, kept)
    shutil.rmtree(unpacked)
    done = sorted(cache.glob("*.png"))
    assert len(done) == wanted, f"the packages hold only {len(done)} usable photographs"
    return done


def _unpacked(cache: Path) -> Path:
    unpacked = cache / "packages"
    download = unpacked / "debs"
    download.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *PACKAGES]
    if subprocess.run(command, cwd=download, capture_output=True, check=False).returncode:
        subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
        subprocess.run(command, cwd=download, check=True, capture_output=True)
    for package in PACKAGES:
        (deb,) = download.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, unpacked / package], check=True)
    return unpacked


def _keep(path: Path, cache: Path, kept: list[np.ndarray]) -> None:
    """Store one photograph as PNG, unless it is small, drawn, flat, or too like one that was kept."""
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    picture.thumbnail((1600, 1600))
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    sample = (slice(None, None, 1 + flat.height // 400), slice(None, None, 1 + flat.width // 400))
    pixels = np.asarray(flat)[sample]
    shown = np.count_nonzero(np.asarray(picture)[(*sample, 3)] > 128)
    colours = len(np.unique(pixels.reshape(-1, 3).astype(np.int32) @ (65536, 256, 1)))
    drawn = colours < LEAST_COLOURS * shown
    if flat.width * flat.height < LEAST_PIXELS or drawn or pixels.std() < LEAST_CONTRAST:
        return
    small = np.asarray(flat.convert("L").resize((16, 16)), float)
    small = (small - small.mean()) / (small.std() + 1e-9)
    if any((small * other).mean() > 0.92 for other in kept):
        return
    kept.append(small)
    flat.save(cache / f"photograph-{len(kept):03d}.png", compress_level=1)


def encoded(path: Path, form: str = "JPEG", scale: float = 1.0, **options: object) -> bytes:
    """Return a photograph in another form and size."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if scale != 1.0:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    sink = io.BytesIO()
    picture.save(sink, form, **options)
    return sink.getvalue()
