import hashlib
import io
import threading
import warnings
import zlib
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.config import Media
from scanner.fingerprint import Perceived, fingerprint, methods, perceive
from scanner.fingerprint import pdq as pdq_module
from scanner.fingerprint.pdq import TRANSFORMS, pdq_transformed
from scanner.media.mending import bare_jpeg
from scanner.records import Fingerprint, Outcome, records_of, table_of
from tests import pictures
from tests.pictures import animation, encoded, picture
from tests.unit.fingerprint.peers import bits, peers

CAPS = Media()
PHOTO = picture(21, (400, 300))


def hashes(seen):
    return seen.pdq, seen.pdq_quality, seen.phash


def test_greys_of_16_bits_that_use_8_of_them_are_those_of_the_peers():
    image = Image.fromarray(np.asarray(PHOTO.convert("L")).astype(np.uint16))
    seen = perceive(encoded(image, "PNG"), CAPS)
    assert (seen.pdq_quality, seen.others[0].locator) == (0, "grey=clipped")
    assert hashes(seen.others[0]) == peers(PHOTO.convert("L").convert("RGB"))


@pytest.mark.parametrize(("file_format", "side"), [("ICO", 256), ("ICNS", 1024)])
def test_icons_are_seen_in_their_largest_size(file_format, side):
    image = PHOTO.resize((side, side))
    seen = perceive(encoded(image, file_format), CAPS)
    assert (seen.width, seen.height) == (side, side)
    assert hashes(seen) == peers(image)


def half_transparent(mode):
    """Return a picture whose right half is transparent and hides another one."""
    shown, hidden = PHOTO.copy(), picture(22)
    shown.paste(hidden.crop((200, 0, 400, 300)), (200, 0))
    alpha = Image.new("L", shown.size, 255)
    alpha.paste(0, (200, 0, 400, 300))
    shown.putalpha(alpha)
    return shown.convert(mode)


@pytest.mark.parametrize(
    ("file_format", "mode"),
    [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA"), ("TIFF", "RGBA"), ("TIFF", "LA"), ("TGA", "RGBA")],
)
def test_transparent_pictures_are_seen_on_white_and_with_alpha_dropped(file_format, mode):
    image = half_transparent(mode)
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    seen = perceive(encoded(image, file_format, **options), CAPS)
    on_white = Image.new("RGBA", image.size, "white")
    on_white.alpha_composite(image.convert("RGBA"))
    assert hashes(seen) == peers(on_white.convert("RGB"))
    assert [other.locator for other in seen.others] == ["alpha=dropped"]
    assert hashes(seen.others[0]) == peers(image.convert("RGBA").convert("RGB"))
    assert (seen.others[0].width, seen.others[0].height) == (400, 300)


def test_a_transparent_palette_colour_is_seen_both_ways():
    image = PHOTO.quantize(16)
    data = encoded(image, "PNG", transparency=5)
    seen = perceive(data, CAPS)
    assert hashes(seen.others[0]) == peers(image.convert("RGB"))
    assert seen.pdq != seen.others[0].pdq


LUMA = Media(pdq="luma")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(400, 300), (1100, 1030), (2500, 2100)], ids=str)
def test_the_luma_of_a_jpeg_gives_nearly_its_hashes_and_says_so(size, mode, options):
    data = encoded(picture(7, size).convert(mode), "JPEG", quality=88, **options)
    seen, full = perceive(data, LUMA), perceive(data, CAPS)
    assert (seen.method, full.method) == ("pdq/luma phash/luma", "pdq/full phash/imagehash")
    assert bits(seen.pdq, full.pdq) <= 6
    assert bits(seen.phash, full.phash) <= 2
    assert seen == replace(full, pdq=seen.pdq, phash=seen.phash, method=seen.method)


@pytest.mark.parametrize("data", [encoded(PHOTO, "PNG"), encoded(PHOTO.convert("CMYK"), "JPEG")], ids=len)
def test_what_holds_no_luma_is_hashed_in_full_and_says_so(data):
    assert perceive(data, LUMA) == perceive(data, CAPS)


def test_luma_too_is_seen_in_all_eight_orientations():
    seen = perceive(PHOTO_JPEG, Media(pdq="luma", transforms="all"))
    turned = perceive(PHOTO_JPEG, Media(transforms="all"))
    assert [other.transform for other in seen.others] == list(TRANSFORMS[1:])
    assert max(bits(*pair) for pair in zip(values(seen), values(turned), strict=True)) <= 6


def values(seen):
    return [seen.pdq, *(other.pdq for other in seen.others)]


def test_a_damaged_jpeg_is_seen_in_part_whatever_the_method():
    assert perceive(pictures.truncated(PHOTO_JPEG), LUMA) == perceive(pictures.truncated(PHOTO_JPEG), CAPS)


def test_a_picture_is_seen_in_all_eight_orientations_where_that_is_asked_for():
    seen = perceive(PHOTO_JPEG, Media(transforms="all"))
    assert [other.transform for other in seen.others] == list(TRANSFORMS[1:])
    hashes_of_all, quality = pdq_transformed(np.asarray(Image.open(io.BytesIO(PHOTO_JPEG))), TRANSFORMS)
    assert [seen.pdq, *(other.pdq for other in seen.others)] == hashes_of_all
    assert {(other.locator, other.pdq_quality, other.phash) for other in seen.others} == {("", quality, None)}
    assert replace(seen, others=()) == perceive(PHOTO_JPEG, CAPS)


def test_orientations_of_every_frame_are_seen_and_equal_ones_once():
    frames = perceive(animation((1, 2), "WEBP", lossless=True), Media(transforms="all"))
    assert [(other.locator, other.transform) for other in frames.others] == [
        *(("", transform) for transform in TRANSFORMS[1:]),
        *(("frame=1", transform) for transform in TRANSFORMS),
    ]
    black = encoded(Image.new("RGB", (64, 64), "black"), "PNG")
    assert perceive(black, Media(transforms="all")).others == ()


def test_an_alpha_channel_that_hides_nothing_adds_nothing():
    assert perceive(encoded(PHOTO.convert("RGBA"), "PNG"), CAPS).others == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_noted_and_not_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = perceive(encoded(PHOTO, "JPEG", exif=exif), CAPS)
    assert seen.orientation == orientation
    assert (seen.width, seen.height) == (400, 300)
    assert seen.pdq == perceive(encoded(PHOTO, "JPEG"), CAPS).pdq


def test_an_orientation_that_is_none_of_the_eight_is_not_noted():
    exif = Image.Exif()
    exif[0x0112] = 77
    assert perceive(encoded(PHOTO, "JPEG", exif=exif), CAPS).orientation is None


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "MPO"])
def test_every_frame_of_a_short_animation_is_seen(file_format):
    options = {"GIF": {}, "WEBP": {"lossless": True}, "AVIF": {"speed": 10}}.get(file_format, {})
    data = animation((1, 2, 3), file_format, **options)
    seen = perceive(data, CAPS)
    assert seen.frame_count == 3
    assert [other.locator for other in seen.others] == ["frame=1", "frame=2"]
    for seed, one in ((1, seen), (2, seen.others[0]), (3, seen.others[1])):
        assert bits(one.pdq, peers(picture(seed, (160, 120)))[0]) <= 20


def test_a_long_animation_is_sampled_evenly_up_to_the_last_frame():
    data = animation(range(30), "WEBP", lossless=True)
    seen = perceive(data, Media(max_frames=4))
    assert seen.frame_count == 30
    assert [other.locator for other in seen.others] == ["frame=9", "frame=19", "frame=29"]
    assert hashes(seen.others[2]) == peers(picture(29, (160, 120)))


def test_one_frame_may_be_all_that_is_wanted():
    assert perceive(animation((1, 2, 3)), Media(max_frames=1)).others == ()


def test_frames_that_look_alike_are_kept_once():
    data = animation((4, 5, 4, 5), "WEBP", lossless=True)
    assert [other.locator for other in perceive(data, CAPS).others] == ["frame=1"]


def test_frames_behind_the_reach_of_the_caps_are_named():
    data = animation(range(10), "WEBP", lossless=True)
    seen = perceive(data, Media(max_frames=3, max_pixels=160 * 120 * 3 // 2))
    assert (seen.outcome, seen.frame_count) == (Outcome.TOO_LARGE, 10)
    assert seen.reason == "frames 6 to 9 not looked at"
    assert [other.locator for other in seen.others] == ["frame=2", "frame=5"]


def test_a_broken_later_frame_keeps_the_hashes_of_those_before_it():
    whole = animation((1, 2, 3), "TIFF")
    seen = perceive(whole[:-20_000], CAPS)
    first = perceive(whole, CAPS)
    assert seen.outcome is Outcome.UNDECODABLE, "a frame that was not seen is a gap"
    assert hashes(seen) == hashes(first)
    assert seen.reason.startswith(("frame ", "not decodable"))


def test_a_page_that_cannot_be_decoded_hides_none_behind_it():
    data = bytearray(animation(range(4), "TIFF", compression="tiff_lzw"))
    with_unknown_compression(data, page=1)
    seen = perceive(bytes(data), CAPS)
    assert (seen.outcome, seen.frame_count) == (Outcome.UNDECODABLE, 4)
    assert seen.reason.startswith("frame 1: ")
    assert [other.locator for other in seen.others] == ["frame=2", "frame=3"]
    assert hashes(seen.others[1]) == peers(picture(3, (160, 120)))


def with_unknown_compression(data, page):
    """Give a page of a little-endian TIFF a compression that nobody knows."""
    at = int.from_bytes(data[4:8], "little")
    for _ in range(page):
        at += 2 + 12 * int.from_bytes(data[at : at + 2], "little")
        at = int.from_bytes(data[at : at + 4], "little")
    for entry in range(int.from_bytes(data[at : at + 2], "little")):
        tag = at + 2 + 12 * entry
        if int.from_bytes(data[tag : tag + 2], "little") == 259:
            data[tag + 8 : tag + 10] = (34712).to_bytes(2, "little")


def test_a_page_whose_directory_is_nonsense_is_a_gap():
    data = bytearray(animation(range(2), "TIFF"))
    at = int.from_bytes(data[4:8], "little")
    at += 2 + 12 * int.from_bytes(data[at : at + 2], "little")
    data[at : at + 4] = (len(data) - 3).to_bytes(4, "little")
    seen = perceive(bytes(data), CAPS)
    assert seen.outcome is Outcome.UNDECODABLE
    assert hashes(seen) == hashes(perceive(animation(range(2), "TIFF"), CAPS))


def test_pages_beyond_the_reach_of_the_caps_are_named_and_cost_nothing():
    data = animation(range(12), "TIFF", compression="tiff_lzw")
    seen = perceive(data, Media(max_pixels=160 * 120))
    assert (seen.outcome, seen.reason) == (Outcome.TOO_LARGE, "frames 5 to 11 not looked at")
    assert len(seen.others) == 4


def test_a_later_page_beyond_the_cap_makes_the_object_too_large_and_keeps_the_first_page():
    pages = [picture(1, (100, 80)), picture(2, (200, 160))]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    seen = perceive(data, Media(max_pixels=10_000))
    assert (seen.outcome, seen.reason) == (Outcome.TOO_LARGE, "frame 1: 200 x 160 is more than 10000 pixels")
    assert hashes(seen) == peers(pages[0])


@pytest.mark.parametrize("name", pictures.broken())
def test_broken_files_are_undecodable_with_a_short_reason(name):
    data = pictures.broken()[name]
    seen = perceive(data, CAPS)
    assert seen.outcome is Outcome.UNDECODABLE
    assert 0 < len(seen.reason) < 60
    if name in SEEN_IN_PART:
        assert seen.reason.endswith("; seen in part")
        assert seen.pdq_quality > 0
    else:
        assert hashes(seen) == (None, None, None)
        assert seen.method is None


SEEN_IN_PART = {f"a truncated {name}" for name in ("jpeg", "png", "gif", "bmp", "tiff")}


def adobe(content):
    return b"\xff\xee" + (len(content) + 2).to_bytes(2, "big") + content


def icc(content):
    return b"\xff\xe2" + (len(content) + 2).to_bytes(2, "big") + content


PHOTO_JPEG, PHOTO_PNG = encoded(PHOTO, "JPEG", quality=90), encoded(PHOTO, "PNG")
BROKEN_CHUNK = b"\0\0\0\3tEXta\0b\0\0\0\0"
DAMAGED = {
    "a jpeg without its last marker": (PHOTO_JPEG[:-2], PHOTO_JPEG),
    "a jpeg with a cut colour segment": (PHOTO_JPEG[:2] + adobe(b"Adobe") + PHOTO_JPEG[2:], PHOTO_JPEG),
    "a jpeg with a cut colour profile": (PHOTO_JPEG[:2] + icc(b"ICC_PROFILE\0") + PHOTO_JPEG[2:], PHOTO_JPEG),
    "a png with a comment of a wrong checksum": (PHOTO_PNG[:33] + BROKEN_CHUNK + PHOTO_PNG[33:], PHOTO_PNG),
    "a png with an empty gamma": (
        PHOTO_PNG[:33] + pictures.png_chunk(b"gAMA", b"") + PHOTO_PNG[33:],
        PHOTO_PNG,
    ),
    "a bmp without its last bytes": (encoded(PHOTO, "BMP")[:-3], PHOTO_PNG),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_beside_the_pixels_is_a_gap_and_takes_no_hash_away(name):
    damaged, whole = DAMAGED[name]
    seen = perceive(damaged, CAPS)
    assert seen.outcome is Outcome.UNDECODABLE, "what is not whole is never called hashed"
    assert seen.reason.endswith("; seen in part")
    assert bits(seen.pdq, perceive(whole, CAPS).pdq) <= 2


DISGUISED = {
    "avif": [b"mif1", b"MA1B", b"isom", b"msf1", b"mp42"],
    "heic": [b"mif1", b"MiHE", b"isom", b"heif", b"qt  "],
}


@pytest.mark.parametrize("brand", [b"mif1", b"mif2", b"miaf", b"isom", b"mp42"])
@pytest.mark.parametrize(("file_format", "kind"), [("AVIF", "avif"), ("HEIF", "heif")])
def test_a_picture_that_names_its_structure_alone_is_seen(file_format, kind, brand):
    data = encoded(PHOTO, file_format)
    names = b"".join([brand, bytes(4), b"mif1", b"miaf"])
    size = int.from_bytes(data[:4], "big")
    seen = perceive(data[:8] + names.ljust(size - 8, b" ") + data[size:], CAPS)
    assert (seen.outcome, seen.media_type) == (Outcome.HASHED, f"image/{kind}")
    assert hashes(seen) == hashes(perceive(data, CAPS))


@pytest.mark.parametrize("odd", [{3: 1, 4: 2, 7: 24}, {17: 0xE0}])
def test_a_tga_of_an_odd_header_is_seen_all_the_same(odd):
    data = bytearray(encoded(PHOTO, "TGA"))
    for at, value in odd.items():
        data[at] = value
    seen = perceive(bytes(data), CAPS)
    assert (seen.outcome, seen.media_type) == (Outcome.HASHED, "image/x-tga")
    assert seen.pdq is not None


def out_of_memory(monkeypatch, after):
    """Let hashing run out of memory once it was done so many times."""
    left, whole = iter(range(after)), pdq_module.pdq_transformed

    def hashed(*arguments):
        if next(left, None) is None:
            raise MemoryError
        return whole(*arguments)

    monkeypatch.setattr(pdq_module, "pdq_transformed", hashed)


def test_a_later_frame_without_memory_costs_the_first_one_nothing(monkeypatch):
    whole = perceive(animation((1, 2, 3), "TIFF"), CAPS)
    out_of_memory(monkeypatch, 1)
    seen = perceive(animation((1, 2, 3), "TIFF"), CAPS)
    assert (seen.outcome, seen.reason) == (Outcome.TOO_LARGE, "not enough memory to hash it; seen in part")
    assert hashes(seen) == hashes(whole)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(pictures.jpeg(1), Outcome.TOO_LARGE), (pictures.truncated(pictures.jpeg(1)), Outcome.UNDECODABLE)],
)
def test_a_picture_without_memory_is_a_gap_and_no_crash(monkeypatch, data, outcome):
    out_of_memory(monkeypatch, 0)
    assert (perceive(data, CAPS).outcome, perceive(data, CAPS).pdq) == (outcome, None)


@pytest.mark.parametrize(
    ("kind", "brand"), [(kind, brand) for kind in DISGUISED for brand in DISGUISED[kind]]
)
def test_a_picture_under_another_brand_is_seen(kind, brand):
    data = encoded(PHOTO, {"avif": "AVIF", "heic": "HEIF"}[kind])
    seen = perceive(data[:8] + brand + data[12:], CAPS)
    assert (seen.outcome, seen.media_type) == (Outcome.HASHED, f"image/{kind}")
    assert hashes(seen) == hashes(perceive(data, CAPS))


@pytest.mark.parametrize("file_format", ["SPIDER", "IM"])
def test_what_pillow_opens_without_a_magic_is_seen(file_format):
    image = PHOTO.convert("F") if file_format == "SPIDER" else PHOTO
    with warnings.catch_warnings():  # Pillow is about to give up writing one of them
        warnings.simplefilter("ignore")
        data = encoded(image, file_format)
    seen = perceive(data, CAPS)
    assert seen.outcome is Outcome.HASHED
    assert bits(seen.pdq, peers(image.convert("L").convert("RGB"))[0]) <= 8


@pytest.mark.parametrize(
    ("bomb", "reason"),
    [
        (pictures.pixel_bomb, "more than 100000000 pixels"),
        (lambda: pictures.pixel_bomb(12_000, 10_000), "12000 x 10000 is more than 100000000 pixels"),
        (pictures.text_bomb, "text chunks beyond 64 MB"),
        (pictures.frame_bomb, "more than 10000 frames"),
    ],
)
def test_bombs_are_too_large(bomb, reason):
    seen = perceive(bomb(), CAPS)
    assert (seen.outcome, seen.reason) == (Outcome.TOO_LARGE, reason)


def test_a_long_comment_is_no_bomb():
    text = pictures.png_chunk(b"tEXt", b"Comment\0" + b"x" * (3 << 20))
    packed = pictures.png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3 << 20)))
    assert perceive(pictures.png_of(8, 8, bytes(8 * 9), text, packed), CAPS).outcome is Outcome.HASHED


def test_the_frame_bomb_keeps_its_first_frame():
    assert perceive(pictures.frame_bomb(), CAPS).pdq is not None


@pytest.mark.parametrize("name", pictures.lying())
def test_what_a_file_is_called_does_not_matter(name):
    file_format, data = pictures.lying()[name]
    assert perceive(data, CAPS).media_type == f"image/{file_format.lower()}"


@pytest.mark.parametrize(
    ("data", "outcome", "media_type"),
    [
        (b"", Outcome.NOT_MEDIA, "application/octet-stream"),
        (b"plain words", Outcome.NOT_MEDIA, "application/octet-stream"),
        (b"BM this is a text", Outcome.NOT_MEDIA, "application/octet-stream"),
        (b"\0" * 5000, Outcome.NOT_MEDIA, "application/octet-stream"),
        (np.random.default_rng(1).bytes(5000), Outcome.NOT_MEDIA, "application/octet-stream"),
        (b"\0\0\0\x20ftypisom" + bytes(50), Outcome.HASHED, "video/mp4"),
        (b"PK\3\4" + bytes(50), Outcome.HASHED, "application/zip"),
        (b"%PDF-1.4\n", Outcome.HASHED, "application/pdf"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", Outcome.HASHED, "application/postscript"),
        (b"fLaC" + bytes(50), Outcome.HASHED, "audio/flac"),
        (b"BPG\xfb" + bytes(50), Outcome.UNDECODABLE, "image/bpg"),
    ],
)
def test_what_is_no_picture_has_no_perceptual_hash(data, outcome, media_type):
    seen = perceive(data, CAPS)
    assert (seen.outcome, seen.media_type, seen.method) == (outcome, media_type, None)
    assert hashes(seen) == (None, None, None)


def test_a_format_without_a_decoder_is_a_gap_with_a_name():
    assert perceive(b"BPG\xfb" + bytes(50), CAPS).reason == "no decoder for image/bpg"


def test_an_odd_header_that_pillow_still_reads_is_a_picture():
    data = bytearray(encoded(PHOTO.convert("P"), "PCX"))
    data[2] = 7  # an encoding that nobody defined
    seen = perceive(bytes(data), CAPS)
    assert (seen.outcome, seen.media_type) == (Outcome.HASHED, "image/x-pcx")


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (4, 4), (5, 5), (3000, 2)])
def test_tiny_pictures_have_hashes_of_no_quality(size):
    seen = perceive(encoded(picture(3, (64, 64)).resize(size), "PNG"), CAPS)
    assert seen.outcome is Outcome.HASHED
    assert hashes(seen) == peers(picture(3, (64, 64)).resize(size))


def test_no_warning_and_no_limit_of_pillow_escapes():
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        perceive(pictures.pixel_bomb(11_000, 10_000), CAPS)
        perceive(b"Image type: L\r\n" + bytes(1000), CAPS)
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_threads_may_perceive_at_the_same_time():
    data = [pictures.jpeg(seed, (200, 150)) for seed in range(6)]
    seen: list[Perceived | None] = [None] * 6

    def work(number):
        seen[number] = perceive(data[number], CAPS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [perceive(one, CAPS) for one in data]


def test_a_fingerprint_holds_digests_and_hashes_of_the_same_bytes():
    data = pictures.jpeg(5)
    row = fingerprint(data)
    assert (row.md5, row.sha1) == (hashlib.md5(data).digest(), hashlib.sha1(data).digest())
    assert row.sha256 == hashlib.sha256(data).digest()
    assert hashes(row) == peers(Image.open(io.BytesIO(data)))
    assert (row.hash_origin, row.bytes_read, row.method) == ("computed", len(data), methods(CAPS))
    assert row == fingerprint(data)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(2, 800), st.binary(max_size=40))
def test_a_jpeg_without_its_segments_shows_the_same_or_is_left_as_it_is(at, noise):
    assert bare_jpeg(noise) == noise
    garbled = PHOTO_JPEG[:at] + noise + PHOTO_JPEG[at:]
    assert len(bare_jpeg(garbled)) <= len(garbled)
    bare = Image.open(io.BytesIO(bare_jpeg(PHOTO_JPEG)))
    assert bare.info == {}


@pytest.mark.parametrize(
    "data", [b"", b"words", pictures.broken()["a truncated jpeg"], pictures.text_bomb(80)]
)
def test_a_fingerprint_keeps_digests_whatever_the_outcome(data):
    row = fingerprint(data)
    assert row.outcome is not Outcome.HASHED
    assert row.sha256 == hashlib.sha256(data).digest()


def test_a_fingerprint_is_stored_and_read_back_as_it_was():
    rows = [
        fingerprint(animation((1, 2))),
        fingerprint(encoded(half_transparent("RGBA"), "PNG")),
        fingerprint(b""),
    ]
    assert list(records_of(Fingerprint, table_of(Fingerprint, rows))) == rows
