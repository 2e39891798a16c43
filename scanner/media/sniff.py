"""The only place where an object's first bytes say what it is; names and content types are never believed."""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from scanner.media import headers


class Kind(enum.StrEnum):
    """What can be done with a media type: decode it, or only keep its digests."""

    PICTURE = "picture"
    VIDEO = "video"
    AUDIO = "audio"
    CONTAINER = "container"
    OTHER = "other"


@dataclass(frozen=True)
class MediaType:
    """A media type by its IANA-like name and by kind."""

    name: str
    kind: Kind


UNKNOWN = MediaType("application/octet-stream", Kind.OTHER)

_STARTS = (b"\0\0\0\1", b"\0\0\1")
"""Start codes of raw MPEG-4 streams (ISO 14496-10, annex B)."""

# Magic bytes: (offset, magic, name). The first that fits decides, so longer ones stand before their prefixes.
_MAGIC: dict[Kind, tuple[tuple[int, bytes, str], ...]] = {
    Kind.PICTURE: (
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (0, b"\x89PNG\r\n\x1a\n", "image/png"),
        (0, b"\x8bJNG\r\n\x1a\n", "image/x-jng"),
        (0, b"GIF87a", "image/gif"),
        (0, b"GIF89a", "image/gif"),
        (0, b"II*\0", "image/tiff"),
        (0, b"MM\0*", "image/tiff"),
        (0, b"II\0*", "image/tiff"),  # wrong, but written and read
        (0, b"MM*\0", "image/tiff"),
        (0, b"II+\0", "image/tiff"),  # BigTIFF
        (0, b"MM\0+", "image/tiff"),
        (0, b"II\xbc\x01", "image/jxr"),
        (0, b"IIU\0", "image/x-panasonic-rw2"),
        (0, b"IIRO", "image/x-olympus-orf"),
        (0, b"IIRS", "image/x-olympus-orf"),
        (0, b"MMOR", "image/x-olympus-orf"),
        (0, b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
        (0, b"FOVb", "image/x-sigma-x3f"),
        (0, b"\0MRM", "image/x-minolta-mrw"),
        (0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
        (0, b"\xff\x0a", "image/jxl"),
        (0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
        (0, b"\xff\x4f\xff\x51", "image/jp2"),
        (0, b"8BPS\0\1", "image/vnd.adobe.photoshop"),
        (0, b"8BPS\0\2", "image/x-photoshop-large"),
        (0, b"qoif", "image/qoi"),
        (0, b"DDS ", "image/vnd-ms.dds"),
        (0, b"icns", "image/icns"),
        (0, b"/* XPM */", "image/x-xpixmap"),
        (0, b"SIMPLE  =", "image/fits"),
        (0, b"\x59\xa6\x6a\x95", "image/x-sun-raster"),
        (0, b"DanM", "image/x-ms-paint"),
        (0, b"LinS", "image/x-ms-paint"),
        (0, b"FTEX", "image/x-ftex"),
        (0, b"FTC\0", "image/x-ftex"),
        (0, b"BLP1", "image/x-blp"),
        (0, b"BLP2", "image/x-blp"),
        (0, b"\x80\xe8\0\0", "image/x-pixar"),
        (0, b"\xb1\x68\xde\x3a", "image/x-dcx"),
        (0, b"P7 332", "image/x-xv-thumbnail"),
        (20, b"GIMP", "image/x-gimp-brush"),
        (2048, b"PCD_", "image/x-photo-cd"),
        (0, b"gimp xcf", "image/x-xcf"),
        (0, b"\x76\x2f\x31\x01", "image/x-exr"),
        (0, b"#?RADIANCE", "image/vnd.radiance"),
        (0, b"#?RGBE", "image/vnd.radiance"),
        (0, b"BPG\xfb", "image/bpg"),
        (0, b"FLIF", "image/flif"),
        (128, b"DICM", "application/dicom"),
    ),
    Kind.VIDEO: (
        (0, b"\x1a\x45\xdf\xa3", "video/x-matroska"),
        (0, b"FLV\1", "video/x-flv"),
        (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
        (0, b"\0\0\1\xba", "video/mpeg"),
        (0, b"\0\0\1\xb3", "video/mpeg"),
        (0, b".RMF", "video/vnd.rn-realvideo"),
        (0, b"\x8aMNG\r\n\x1a\n", "video/x-mng"),
        (0, b"YUV4MPEG2", "video/x-y4m"),
        (0, b"DKIF", "video/x-ivf"),
        (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", "video/mxf"),
        (0, b"OggS", "video/ogg"),
        *(
            (4, box, "video/quicktime")
            for box in (b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip", b"udta")
        ),
        *((4, box, "video/mp4") for box in (b"styp", b"moof", b"sidx", b"emsg", b"pdin", b"prft")),
        *((4, mark, "video/x-red-r3d") for mark in (b"RED1", b"RED2")),
        (0, b"\0\0\1\xb0", "video/mp4v-es"),
        *((0, start + unit, "video/h264") for start in _STARTS for unit in (b"\x67", b"\x27", b"\x47")),
        *((0, start + b"\x40\1", "video/h265") for start in _STARTS),
        (0, b"\x1f\7\0", "video/x-dv"),
        (0, b"\xb7\xd8\0\x20\x37\x49\xda\x11", "video/x-wtv"),
        (0, b"nut/multimedia container\0", "video/x-nut"),
        *((0, mark, "video/x-nsv") for mark in (b"NSVf", b"NSVs")),
        *((0, mark, "video/x-smacker") for mark in (b"SMK2", b"SMK4")),
        *((0, mark, "video/x-bink") for mark in (b"BIKb", b"BIKf", b"BIKg", b"BIKh", b"BIKi", b"KB2")),
    ),
    Kind.AUDIO: (
        (0, b"ID3", "audio/mpeg"),
        (0, b"fLaC", "audio/flac"),
        (0, b"#!AMR", "audio/amr"),
        (0, b".ra\xfd", "audio/vnd.rn-realaudio"),
        (0, b"MThd", "audio/midi"),
        (0, b".snd", "audio/basic"),
        (0, b"MAC ", "audio/x-ape"),
        (0, b"wvpk", "audio/x-wavpack"),
    ),
    Kind.CONTAINER: (
        (0, b"PK\3\4", "application/zip"),
        (0, b"PK\5\6", "application/zip"),
        (0, b"PK\7\x08", "application/zip"),
        (0, b"\x1f\x8b", "application/gzip"),
        (0, b"\x1f\x9d", "application/x-compress"),
        (0, b"\xfd7zXZ\0", "application/x-xz"),
        (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
        (0, b"\x04\x22\x4d\x18", "application/x-lz4"),
        (0, b"LZIP\1", "application/x-lzip"),
        (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (0, b"Rar!\x1a\7", "application/vnd.rar"),
        (0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
        (0, b"xar!", "application/x-xar"),
        (0, b"!<arch>\n", "application/x-archive"),
        (0, b"070701", "application/x-cpio"),
        (0, b"WARC/1.", "application/warc"),
        (2, b"-lh", "application/x-lzh-compressed"),
        (257, b"ustar", "application/x-tar"),
        (32769, b"CD001", "application/x-iso9660-image"),
        (0, b"%PDF-", "application/pdf"),
        (0, b"%!PS", "application/postscript"),
        (0, b"\xc5\xd0\xd3\xc6", "application/postscript"),
        (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (0, b"{\\rtf", "application/rtf"),
        (0, b"AT&TFORM", "image/vnd.djvu"),
        (0, b"ITSF", "application/vnd.ms-htmlhelp"),
        (0, b"\xd7\xcd\xc6\x9a", "image/wmf"),
        (40, b" EMF", "image/emf"),
    ),
}
_MAGICS = tuple(
    (at, magic, MediaType(name, kind)) for kind, rows in _MAGIC.items() for at, magic, name in rows
)
_FIRST = tuple(row for row in _MAGICS if row[0] == 0 and row[2].kind is Kind.PICTURE)
"""What a decoder of pictures goes by: whatever else such a file seems to be, a decoder opens it."""
_LATER = tuple(row for row in _MAGICS if row not in _FIRST)

# Forms of IFF files, by outer identifier and form type.
_FORMS = {
    (b"RIFF", b"WEBP"): MediaType("image/webp", Kind.PICTURE),
    (b"RIFF", b"ACON"): MediaType("image/x-ani", Kind.PICTURE),
    (b"RIFF", b"AVI "): MediaType("video/x-msvideo", Kind.VIDEO),
    (b"RIFF", b"AMV "): MediaType("video/x-amv", Kind.VIDEO),
    (b"RIFF", b"CDXA"): MediaType("video/mpeg", Kind.VIDEO),
    (b"RIFF", b"WAVE"): MediaType("audio/x-wav", Kind.AUDIO),
    (b"RF64", b"WAVE"): MediaType("audio/x-wav", Kind.AUDIO),
    (b"FORM", b"AIFF"): MediaType("audio/x-aiff", Kind.AUDIO),
    (b"FORM", b"AIFC"): MediaType("audio/x-aiff", Kind.AUDIO),
    (b"FORM", b"ILBM"): MediaType("image/x-ilbm", Kind.PICTURE),
    (b"FORM", b"PBM "): MediaType("image/x-ilbm", Kind.PICTURE),
}

# Brands of ISO media files. `mif1` and its like name a structure only: there the compatible brands decide.
_AVIF = (b"avif", b"avis", b"MA1A", b"MA1B")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"MiHE", b"MiHA", b"heif")
_CODED = {
    **dict.fromkeys(_AVIF, MediaType("image/avif", Kind.PICTURE)),
    **dict.fromkeys(_HEIC, MediaType("image/heic", Kind.PICTURE)),
}
_STRUCTURES = (b"mif1", b"mif2", b"msf1", b"miaf")
_STRUCTURE = MediaType("image/heif", Kind.PICTURE)
_BRANDS = {
    **_CODED,
    **dict.fromkeys((b"jpeg", b"jpgs", b"j2ki", b"vvic"), _STRUCTURE),
    b"crx ": MediaType("image/x-canon-cr3", Kind.PICTURE),
    b"qt  ": MediaType("video/quicktime", Kind.VIDEO),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "), MediaType("audio/mp4", Kind.AUDIO)),
    **dict.fromkeys((b"M4V ", b"M4VH", b"M4VP"), MediaType("video/x-m4v", Kind.VIDEO)),
}
_MP4 = MediaType("video/mp4", Kind.VIDEO)
_3GPP = MediaType("video/3gpp", Kind.VIDEO)


def sniff(head: bytes) -> MediaType:
    """Return the media type that the first bytes of an object show; `head` may be short or empty.

    Pictures come first: one that carries the mark of something else further on is still shown as a picture
    by every viewer. What has no magic (BMP, ICO, TGA, PCX, ...) is recognised only by a header that is
    consistent in itself.
    """
    return (
        _by_magic(head, _FIRST)
        or _FORMS.get((head[:4], head[8:12]))
        or _by_header(head, _PICTURES)
        or (_brand(head) if head[4:8] == b"ftyp" else None)
        or _by_magic(head, _LATER)
        or _by_header(head, _OTHERS)
        or UNKNOWN
    )


def _by_magic(head: bytes, magics: tuple[tuple[int, bytes, MediaType], ...]) -> MediaType | None:
    for at, magic, media_type in magics:
        if head.startswith(magic, at):
            refine = _REFINED.get(media_type.name)
            return refine(head, media_type) if refine else media_type
    return None


def _by_header(head: bytes, guards: "_Guards") -> MediaType | None:
    return next((media_type for guard, media_type in guards if guard(head)), None)


def _brand(head: bytes) -> MediaType:
    """Tell what an ISO media file is: a picture where any of its brands says so, for those show it as one."""
    major, minor = head[8:12], head[16 : int.from_bytes(head[:4], "big")]
    compatible = {minor[at : at + 4] for at in range(0, len(minor), 4)}
    found = _BRANDS.get(major)
    if found is not None and found.kind is Kind.PICTURE:
        return found
    for brand, coded in _CODED.items():
        if brand in compatible:
            return coded
    if found is None and not {major, *compatible}.isdisjoint(_STRUCTURES):
        return _CODED[b"avif"] if b"av01" in head else _STRUCTURE
    return found or (_3GPP if major[:2] == b"3g" else _MP4)


def _matroska(head: bytes, found: MediaType) -> MediaType:
    return MediaType("video/webm", Kind.VIDEO) if b"webm" in head[:64] else found


def _ogg(head: bytes, found: MediaType) -> MediaType:
    audio = any(codec in head[:128] for codec in (b"vorbis", b"OpusHead", b"FLAC", b"Speex"))
    return MediaType("audio/ogg", Kind.AUDIO) if audio and b"theora" not in head[:4096] else found


_REFINED: dict[str, Callable[[bytes, MediaType], MediaType]] = {
    "video/x-matroska": _matroska,
    "video/ogg": _ogg,
}


_Guards = tuple[tuple[Callable[[bytes], bool], MediaType], ...]

_PICTURES: _Guards = (
    (headers.bmp, MediaType("image/bmp", Kind.PICTURE)),
    (headers.dib, MediaType("image/x-dib", Kind.PICTURE)),
    (headers.icon, MediaType("image/x-icon", Kind.PICTURE)),
    (headers.cursor, MediaType("image/x-cursor", Kind.PICTURE)),
    (headers.pcx, MediaType("image/x-pcx", Kind.PICTURE)),
    (headers.sgi, MediaType("image/sgi", Kind.PICTURE)),
    (headers.tga, MediaType("image/x-tga", Kind.PICTURE)),
    (headers.flic, MediaType("image/x-flic", Kind.PICTURE)),
    (headers.portable_anymap, MediaType("image/x-portable-anymap", Kind.PICTURE)),
    (headers.x_bitmap, MediaType("image/x-xbitmap", Kind.PICTURE)),
)

_OTHERS: _Guards = (
    (headers.bzip, MediaType("application/x-bzip2", Kind.CONTAINER)),
    (headers.flash, MediaType("application/vnd.adobe.flash.movie", Kind.CONTAINER)),
    (headers.svg, MediaType("image/svg+xml", Kind.CONTAINER)),
    (headers.transport_stream, MediaType("video/mp2t", Kind.VIDEO)),
    (headers.mpeg_audio, MediaType("audio/mpeg", Kind.AUDIO)),
)
