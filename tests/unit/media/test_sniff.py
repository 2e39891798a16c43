import gzip
import io
import tarfile
import zipfile

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.media.sniff import UNKNOWN, Kind, sniff
from tests.pictures import animation, encoded, picture

PILLOW_WRITES = [
    ("JPEG", "RGB", "image/jpeg"),
    ("JPEG", "CMYK", "image/jpeg"),
    ("MPO", "RGB", "image/jpeg"),
    ("PNG", "RGBA", "image/png"),
    ("GIF", "P", "image/gif"),
    ("WEBP", "RGB", "image/webp"),
    ("TIFF", "RGB", "image/tiff"),
    ("BMP", "RGB", "image/bmp"),
    ("DIB", "RGB", "image/x-dib"),
    ("ICO", "RGB", "image/x-icon"),
    ("ICNS", "RGBA", "image/icns"),
    ("HEIF", "RGB", "image/heic"),
    ("AVIF", "RGB", "image/avif"),
    ("JPEG2000", "RGB", "image/jp2"),
    ("PPM", "RGB", "image/x-portable-anymap"),
    ("PPM", "L", "image/x-portable-anymap"),
    ("PPM", "1", "image/x-portable-anymap"),
    ("PPM", "F", "image/x-portable-anymap"),
    ("PCX", "RGB", "image/x-pcx"),
    ("PCX", "1", "image/x-pcx"),
    ("PCX", "P", "image/x-pcx"),
    ("SGI", "RGB", "image/sgi"),
    ("TGA", "RGB", "image/x-tga"),
    ("TGA", "RGBA", "image/x-tga"),
    ("TGA", "L", "image/x-tga"),
    ("TGA", "P", "image/x-tga"),
    ("DDS", "RGBA", "image/vnd-ms.dds"),
    ("XBM", "1", "image/x-xbitmap"),
    ("QOI", "RGB", "image/qoi"),
    ("BLP", "P", "image/x-blp"),
    ("MSP", "1", "image/x-ms-paint"),
    ("PDF", "RGB", "application/pdf"),
    ("EPS", "RGB", "application/postscript"),
]

HEADS = {
    "image/tiff": [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"],
    "image/jxl": [b"\xff\x0a\x7f", b"\0\0\0\x0cJXL \r\n\x87\n"],
    "image/jp2": [b"\xff\x4f\xff\x51\0\x2f", b"\0\0\0\x0cjP  \r\n\x87\n"],
    "image/heic": [
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc",
        b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf",
    ],
    "image/heif": [b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf"],
    "image/avif": [b"\0\0\0\x1cftypavif\0\0\0\0mif1avif", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf"],
    "image/x-canon-cr3": [b"\0\0\0\x18ftypcrx \0\0\0\1"],
    "image/vnd.adobe.photoshop": [b"8BPS\0\1\0\0\0\0\0\0"],
    "image/x-cursor": [b"\0\0\2\0\1\0\x20\x20\0\0\1\0\1\0\0\x10\0\0\x16\0\0\0"],
    "image/x-xpixmap": [b"/* XPM */\nstatic char"],
    "image/x-xbitmap": [b"/* drawn */\n#define a_width 16\n#define a_height 16\n"],
    "image/fits": [b"SIMPLE  =                    T"],
    "image/x-sun-raster": [b"\x59\xa6\x6a\x95\0\0\0\1"],
    "image/x-flic": [b"\0\0\0\0\x12\xaf\1\0\x40\1\xc8\0\x08\0\3\0"],
    "image/x-portable-anymap": [b"P5\n# a comment\n# another\r 12 8\n255\n", b"P6 12 8 255 "],
    "image/x-gimp-brush": [b"\0\0\0\x20\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\1GIMP"],
    "image/x-photo-cd": [bytes(2048) + b"PCD_OPA"],
    "application/dicom": [bytes(128) + b"DICM"],
    "video/mp4": [
        *(b"\0\0\0\x18" + box + bytes(16) for box in (b"styp", b"moof", b"sidx", b"emsg")),
        b"\0\0\0\x20ftypisom\0\0\2\0isomiso2",
        b"\0\0\0\x20ftypmp42",
        b"\0\0\0\x20ftypdash",
    ],
    "video/quicktime": [
        b"\0\0\0\x14ftypqt  ",
        b"\0\0\x10\0moov",
        b"\0\0\0\x08wide",
        b"\0\0\0\x08free",
        b"\0\0\0\x08skip",
    ],
    "video/h264": [b"\0\0\0\1\x67\x64\0\x1f", b"\0\0\1\x27\x42\xe0"],
    "video/h265": [b"\0\0\0\1\x40\1\x0c\1"],
    "video/mp4v-es": [b"\0\0\1\xb0\1\0\0\1\xb5"],
    "video/x-dv": [b"\x1f\7\0\x3f"],
    "video/x-wtv": [b"\xb7\xd8\0\x20\x37\x49\xda\x11\xa6\x4e"],
    "video/x-nut": [b"nut/multimedia container\0"],
    "video/x-nsv": [b"NSVf\0\0", b"NSVs\0\0"],
    "video/x-smacker": [b"SMK2\0\0", b"SMK4\0\0"],
    "video/x-bink": [b"BIKi\0\0", b"KB2a\0\0"],
    "video/x-red-r3d": [b"\0\0\1\0RED2"],
    "video/x-amv": [b"RIFF\0\0\0\0AMV LIST"],
    "audio/vnd.rn-realaudio": [b".ra\xfd\0\3"],
    "video/3gpp": [b"\0\0\0\x18ftyp3gp4", b"\0\0\0\x18ftyp3g2a"],
    "video/x-m4v": [b"\0\0\0\x20ftypM4V "],
    "audio/mp4": [b"\0\0\0\x20ftypM4A "],
    "video/x-matroska": [b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska"],
    "video/webm": [b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm"],
    "video/x-msvideo": [b"RIFF\0\0\0\0AVI LIST"],
    "video/x-flv": [b"FLV\1\5\0\0\0\x09"],
    "video/x-ms-asf": [b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9"],
    "video/mpeg": [b"\0\0\1\xba\x44\0", b"\0\0\1\xb3\x14\0"],
    "video/mp2t": [(b"G" + bytes(187)) * 3, (bytes(4) + b"G" + bytes(187)) * 3],
    "video/ogg": [b"OggS\0\2" + bytes(22) + b"\x80theora"],
    "audio/ogg": [b"OggS\0\2" + bytes(22) + b"\1vorbis", b"OggS\0\2" + bytes(22) + b"OpusHead"],
    "audio/mpeg": [
        b"ID3\4\0\0",
        (b"\xff\xfb\x90\x00" + bytes(413)) * 2,  # layer III, 128 kbit/s, 44.1 kHz: 417 bytes a frame
        (b"\xff\xf3\x48\x00" + bytes(140)) * 2,  # MPEG 2 layer III, 32 kbit/s, 16 kHz: 144 bytes
        (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)) * 2,  # AAC, 16 bytes a frame
    ],
    "audio/flac": [b"fLaC\0\0\0\x22"],
    "audio/x-wav": [b"RIFF\0\0\0\0WAVEfmt "],
    "audio/x-aiff": [b"FORM\0\0\0\0AIFFCOMM"],
    "application/zip": [b"PK\3\4\x14\0", b"PK\5\6\0\0"],
    "application/gzip": [gzip.compress(b"words", mtime=0)],
    "application/x-bzip2": [b"BZh91AY&SY", b"BZh9\x17\x72\x45\x38\x50\x90"],
    "application/x-xz": [b"\xfd7zXZ\0\0\4"],
    "application/zstd": [b"\x28\xb5\x2f\xfd\x20"],
    "application/x-7z-compressed": [b"7z\xbc\xaf\x27\x1c\0\4"],
    "application/vnd.rar": [b"Rar!\x1a\7\0", b"Rar!\x1a\7\1\0"],
    "application/x-iso9660-image": [bytes(32769) + b"CD001"],
    "application/pdf": [b"%PDF-1.7\n"],
    "application/x-ole-storage": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
    "application/rtf": [b"{\\rtf1\\ansi"],
    "application/vnd.adobe.flash.movie": [b"CWS\x09\0\0"],
    "image/svg+xml": [
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<?xml version='1.0'?>\n<!-- a > b -->\n<!DOCTYPE svg>\n<svg\n",
    ],
}

NOT_MEDIA = [
    b"",
    b"\0",
    b"\xff",
    b"\xff\xd8",
    b"BM",
    b"BMW and other makers",
    b"P1 is the first of them",
    b"P6",
    b"GIF",
    b"\0\0\1\0",
    bytes(4096),
    b"\0\0\2\0" + bytes(40),
    b"\xff\xfe" + "some words of text in UTF-16".encode("utf-16-le"),
    b"\xff\xfb\x90\x00" + bytes(2000),
    b"RIFF\0\0\0\0ABCD",
    b"#define LIMIT 12\nint main(void)\n",
    b"#!/bin/sh\necho\n",
    b"<html><svg></svg></html>",
    b'{"a": 1}',
    b"G" + bytes(187) + b"G",
    "\r\n        a text".encode("utf-16-le"),
    b"".join((n * 7).to_bytes(2, "little") for n in range(40)),
]


def in_mode(mode: str) -> Image.Image:
    return picture(3, (64, 48)).convert(mode)


@pytest.mark.parametrize(("file_format", "mode", "name"), PILLOW_WRITES)
def test_files_that_pillow_writes_are_recognised(file_format, mode, name):
    options = {"speed": 10} if file_format == "AVIF" else {}
    data = encoded(in_mode(mode), file_format, **options)
    assert sniff(data[:4096]).name == name
    assert sniff(data[:4096]).kind is (Kind.PICTURE if name.startswith("image/") else Kind.CONTAINER)


@pytest.mark.parametrize("options", [{}, {"big_tiff": True}, {"compression": "tiff_lzw"}])
def test_every_flavour_of_tiff_is_a_tiff(options):
    assert sniff(encoded(in_mode("RGB"), "TIFF", **options)).name == "image/tiff"


@pytest.mark.parametrize("options", [{}, {"rle": True}, {"id_section": b"a name"}, {"orientation": 1}])
def test_every_flavour_of_tga_is_a_tga(options):
    if "rle" in options:
        options = {"compression": "tga_rle"}
    assert sniff(encoded(in_mode("RGB"), "TGA", **options)).name == "image/x-tga"


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_animations_are_pictures(file_format):
    assert sniff(animation((1, 2), file_format)).kind is Kind.PICTURE


def test_a_bare_jpeg_2000_codestream_is_recognised():
    assert sniff(encoded(in_mode("RGB"), "JPEG2000", no_jp2=True)).name == "image/jp2"


@pytest.mark.parametrize(("name", "head"), [(name, head) for name, heads in HEADS.items() for head in heads])
def test_heads_are_recognised(name, head):
    assert sniff(head).name == name


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_videos_and_sounds_have_their_kind(kind):
    for name, heads in HEADS.items():
        if name.startswith(kind):
            assert {sniff(head).kind for head in heads} == {Kind(kind)}


def test_archives_that_python_writes_are_recognised():
    tar, archive = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as file:
        file.addfile(tarfile.TarInfo("a"), io.BytesIO())
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", "b")
    assert sniff(tar.getvalue()).name == "application/x-tar"
    assert sniff(archive.getvalue()).name == "application/zip"


@pytest.mark.parametrize("head", NOT_MEDIA)
def test_what_is_no_media_is_not_taken_for_it(head):
    assert sniff(head) == UNKNOWN


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=600), st.sampled_from([b"", *(heads[0][:12] for heads in HEADS.values())]))
def test_any_bytes_have_an_answer(tail, head):
    assert isinstance(sniff(head + tail).kind, Kind)


@pytest.mark.parametrize(
    "repeated", [b"<!-- --> ", b"<?x?>", b"# \n", b"a:\n", b"/* */", b" ", b"P6 #", b"#define a_width "]
)
def test_a_head_made_to_be_slow_is_not(repeated):
    for start in (b"", b"P6 ", b"<svg", b"#define "):
        assert sniff(start + repeated * 8000).name


PHOTO_JPEG, PHOTO_BMP, PHOTO_AVIF, PHOTO_HEIC = (
    encoded(in_mode("RGB"), file_format, **options)
    for file_format, options in (
        ("JPEG", {}),
        ("BMP", {}),
        ("AVIF", {"speed": 10}),
        ("HEIF", {}),
    )
)


def with_mark(data: bytes, at: int, mark: bytes) -> bytes:
    return data[:at] + mark + data[at + len(mark) :]


DISGUISED = {
    "a jpeg whose first comment reads as a box of an mp4": (
        PHOTO_JPEG[:2] + b"\xff\xfeftyp" + bytes(0x6674 - 4) + PHOTO_JPEG[2:],
        "image/jpeg",
    ),
    "a bmp with the magic of a tar": (with_mark(PHOTO_BMP, 257, b"ustar"), "image/bmp"),
    "a bmp with the magic of a dicom": (with_mark(PHOTO_BMP, 128, b"DICM"), "image/bmp"),
    "a bmp whose size reads as lzh": (with_mark(PHOTO_BMP, 2, b"-lh"), "image/bmp"),
    "a bmp whose size reads as quicktime": (with_mark(PHOTO_BMP, 4, b"moov"), "image/bmp"),
    "a bmp whose size reads as an mp4": (with_mark(PHOTO_BMP, 4, b"ftyp"), "image/bmp"),
    "a ppm whose comment reads as quicktime": (b"P6\n#moov\n12 8\n255\n", "image/x-portable-anymap"),
    "a webp whose size reads as an mp4": (b"RIFFftypWEBPVP8 ", "image/webp"),
    "an avif of a profile": (with_mark(PHOTO_AVIF, 8, b"MA1B"), "image/avif"),
    "an avif that calls itself a structure": (with_mark(PHOTO_AVIF, 8, b"mif1"), "image/avif"),
    "an avif that calls itself a video": (with_mark(PHOTO_AVIF, 8, b"isom"), "image/avif"),
    "a heic that calls itself a video": (with_mark(PHOTO_HEIC, 8, b"mp42"), "image/heic"),
    "a heic that calls itself a film": (with_mark(PHOTO_HEIC, 8, b"qt  "), "image/heic"),
    "a heic of a brand of later days": (with_mark(PHOTO_HEIC, 8, b"MiHE"), "image/heic"),
    "an av1 picture that names its structure alone": (
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf....av01",
        "image/avif",
    ),
}


@pytest.mark.parametrize("name", DISGUISED)
def test_a_picture_with_the_mark_of_something_else_is_still_a_picture(name):
    data, media_type = DISGUISED[name]
    assert sniff(data).name == media_type


def test_a_second_kind_of_magic_inside_does_not_count():
    inside = encoded(in_mode("RGB"), "PNG") + b"\xff\xd8\xff"
    assert sniff(b"\0" + inside).kind is Kind.OTHER
    assert sniff(inside).name == "image/png"
