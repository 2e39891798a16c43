"""The memory that one picture takes is bounded, as docs/fingerprints.md states it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import animation, encoded, picture

STATED = dict(
    re.findall(
        r"^\| ([A-Z][^|]*?) \| (\d+) \|$", Path("docs/fingerprints.md").read_text("utf-8"), re.MULTILINE
    )
)
SIZE = (2400, 1800)
ALLOWANCE = 0.5
"""Bytes a pixel for what does not grow with the picture: windows of rows, buffers of the decoders."""

PHOTO = picture(3, (800, 600)).resize(SIZE, Image.Resampling.NEAREST)


def see_through(mode):
    image = PHOTO.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(SIZE))
    return image.convert(mode)


def deep(kind):
    return Image.fromarray(np.asarray(PHOTO.convert("L")).astype(kind) * 257)


FAST = {"compress_level": 1}
PICTURES = {
    "JPEG": lambda: encoded(PHOTO, "JPEG"),
    "JPEG, progressive": lambda: encoded(PHOTO, "JPEG", progressive=True),
    "JPEG, grey": lambda: encoded(PHOTO.convert("L"), "JPEG"),
    "JPEG, print colours": lambda: encoded(PHOTO.convert("CMYK"), "JPEG"),
    'JPEG, `media.pdq = "luma"`': lambda: encoded(PHOTO, "JPEG"),
    'JPEG, `media.also = ["whash"]`': lambda: encoded(PHOTO.resize((2048, 2048)), "JPEG"),
    "PNG": lambda: encoded(PHOTO, "PNG", **FAST),
    "PNG, grey": lambda: encoded(PHOTO.convert("L"), "PNG", **FAST),
    "PNG, palette": lambda: encoded(PHOTO.quantize(64), "PNG", **FAST),
    "PNG, transparent": lambda: encoded(see_through("RGBA"), "PNG", **FAST),
    "PNG, grey and transparent": lambda: encoded(see_through("LA"), "PNG", **FAST),
    "PNG, 16-bit grey": lambda: encoded(deep(np.uint16), "PNG", **FAST),
    "GIF": lambda: encoded(PHOTO.quantize(64), "GIF"),
    "BMP": lambda: encoded(PHOTO, "BMP"),
    "TIFF": lambda: encoded(PHOTO, "TIFF"),
    "TIFF, floats": lambda: encoded(deep(np.float32), "TIFF"),
    "WebP": lambda: encoded(PHOTO, "WEBP", method=0),
    "HEIC": lambda: encoded(PHOTO, "HEIF", quality=30),
    "AVIF": lambda: encoded(PHOTO, "AVIF", speed=10),
    "JPEG XL": lambda: encoded(PHOTO, "JXL", level=90, effort=1),
    "JPEG XL, lossless": lambda: encoded(PHOTO, "JXL", effort=1),
    "JPEG XL, animated": lambda: animation((3, 4, 5), "JXL", SIZE, level=90, effort=1),
    "JPEG 2000": lambda: encoded(PHOTO.resize((1600, 1200)), "JPEG2000"),
}

WARM = """
import json, os, sys
from pathlib import Path
from scanner.config import Media
from scanner.fingerprint import perceive
from scanner.media.picture import load_plug_ins
from tests.pictures import animation, encoded, picture

def resident(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

def look(path):
    also = ("whash",) if "whash" in path else ()
    caps, data = Media(pdq="luma" if "luma" in path else "full", also=also), Path(path).read_bytes()
    for small in smalls:  # what a forked process shares with its parent counts once it is touched
        perceive(small, caps)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    seen = perceive(data, caps)
    grown = resident("VmHWM") - before
    print(json.dumps([path, seen.outcome, grown / seen.width / seen.height]), flush=True)

load_plug_ins()
FORMS = ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "HEIF", "AVIF", "JPEG2000")
smalls = [encoded(picture(1, (300, 200)), form) for form in FORMS]
perceive(smalls[0], Media())
for path in sys.argv[1:]:
    if not os.fork():
        look(path)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """Return for each picture the outcome, and the bytes a pixel that a warm process took for it."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = {str(folder / re.sub(r"\W+", "-", name)): name for name in PICTURES}
    for path, name in paths.items():
        Path(path).write_bytes(PICTURES[name]())
    command = [sys.executable, "-c", WARM, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {paths[path]: (outcome, grown) for path, outcome, grown in answers}


def test_every_kind_of_picture_has_a_stated_bound():
    assert list(STATED) == list(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_takes_no_more_memory_than_is_stated(name, taken):
    outcome, grown = taken[name]
    assert outcome == "hashed"
    assert grown <= int(STATED[name]) + ALLOWANCE
