"""The only place that says what is seen in an object's bytes: perceptual hashes, or why there are none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from scanner.config import Media
from scanner.fingerprint import dhash, pdq, phash, whash
from scanner.fingerprint.digest import Digests, digests_of
from scanner.media.picture import VERSIONS, Rendering, Unusable, opened
from scanner.media.picture import Picture as OpenedPicture
from scanner.media.sniff import Kind, MediaType, sniff
from scanner.records import Fingerprint, ObjectRef, Outcome, Picture

_ALSO = {"dhash": dhash, "whash": whash}
"""The modules of what is computed only where it is asked for."""

DECODERS = VERSIONS
"""What made the pixels: another version may open what this one cannot."""

NO_MEMORY = "not enough memory to hash it"

_SNIFFED = 64 << 10


@dataclass(frozen=True)
class Perceived:
    """What decoding came to; the hashes are those of the picture, or of the first frame.

    A picture may be `too_large` and still have hashes: those of what lies within the caps.
    """

    outcome: Outcome
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    frame_count: int | None = None
    orientation: int | None = None
    media_type: str | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    phash: bytes | None = None
    dhash: bytes | None = None
    whash: bytes | None = None
    others: tuple[Picture, ...] = ()
    method: str | None = None


def methods(caps: Media, luma_alone: bool = False) -> str:
    """Return the identifiers of the perceptual methods, as rows carry them.

    They are others for a JPEG of which the luma alone was decoded.
    """
    used = (pdq, phash, *(_ALSO[name] for name in caps.also))
    return " ".join(one.LUMA_METHOD if luma_alone else one.METHOD for one in used)


def methods_of(caps: Media) -> list[str]:
    """Return the identifiers that the rows of a run may carry."""
    return [methods(caps), *([methods(caps, luma_alone=True)] if caps.pdq == "luma" else [])]


Told = Callable[[Perceived], None]
"""Who is told of the first frame before others are decoded, which may cost this process its life."""


def perceive(data: bytes, caps: Media, told: Told = lambda _: None) -> Perceived:
    """Decode bytes in this process and hash what is seen; never raises for bad data.

    Videos, sounds, archives and documents are not looked into: they are `hashed`, with no perceptual hash.
    """
    media_type = sniff(data[:_SNIFFED])
    if media_type.kind not in (Kind.PICTURE, Kind.OTHER):
        return Perceived(Outcome.HASHED, "not looked into", media_type=media_type.name)
    try:
        with opened(data, media_type, caps) as picture:
            name = media_type.name if media_type.kind is Kind.PICTURE else picture.media_type
            return _seen(picture, name, caps, told)
    except Unusable as error:
        if media_type.kind is Kind.OTHER:
            return Perceived(Outcome.NOT_MEDIA, "no known media type", media_type=media_type.name)
        failed = Perceived(error.outcome, error.reason, media_type=media_type.name)
    except MemoryError:
        failed = Perceived(Outcome.TOO_LARGE, NO_MEMORY, media_type=media_type.name)
    # Not within the handlers: what they caught holds the pixels of the first try.
    return _in_part(data, media_type, caps, failed) if failed.outcome is Outcome.UNDECODABLE else failed


def _in_part(data: bytes, media_type: MediaType, caps: Media, failed: Perceived) -> Perceived:
    """Hash what viewers would still show of a damaged picture: it stays a gap, but its hashes may match."""
    try:
        with opened(data, media_type, caps.model_copy(update={"max_frames": 1}), lenient=True) as picture:
            seen = _seen(picture, media_type.name, caps, lambda _: None)
    except (Unusable, MemoryError):
        return failed
    if not seen.pdq_quality:  # nothing was seen but the ground
        return failed
    words = f"{failed.reason}; seen in part"
    return replace(seen, outcome=failed.outcome, reason=words)


def _seen(picture: OpenedPicture, media_type: str, caps: Media, told: Told) -> Perceived:
    transforms = pdq.TRANSFORMS if caps.transforms == "all" else pdq.TRANSFORMS[:1]
    pictures = _distinct(picture.renderings(), transforms, caps.also)
    first = next(pictures)
    seen = Perceived(
        outcome=picture.outcome,
        width=first.width,
        height=first.height,
        orientation=picture.orientation,
        media_type=media_type,
        pdq=first.pdq,
        pdq_quality=first.pdq_quality,
        phash=first.phash,
        dhash=first.dhash,
        whash=first.whash,
        method=methods(caps, picture.luma_alone),
    )
    told(seen)
    try:
        others = tuple(pictures)  # only now is known what came of them
    except MemoryError:
        return replace(seen, outcome=Outcome.TOO_LARGE, reason=f"{NO_MEMORY}; seen in part")
    return replace(
        seen,
        outcome=picture.outcome,
        reason=picture.reason,
        frame_count=picture.frame_count,
        others=others,
    )


def _distinct(
    renderings: Iterator[Rendering], transforms: Sequence[str], also: Sequence[str]
) -> Iterator[Picture]:
    """Hash renderings one by one; leave out those that look like one before."""
    known = set()
    for rendering in renderings:
        for hashed in _hashed(rendering, transforms, also):
            by_pdq = (hashed.pdq, hashed.pdq_quality)
            look = (*by_pdq, hashed.phash, hashed.dhash, hashed.whash)
            if look not in known:
                known |= {look, (*by_pdq, None, None, None)}  # what has PDQ alone says no more than that
                yield hashed


def _hashed(rendering: Rendering, transforms: Sequence[str], also: Sequence[str]) -> Iterator[Picture]:
    """Yield a rendering with all its hashes, then what it is turned and mirrored, with PDQ alone."""
    locator, width, height = rendering.locator, rendering.width, rendering.height
    if rendering.scale is None:
        values, quality = pdq.pdq_transformed(rendering.pixels, transforms)
    else:
        values, quality = pdq.pdq_of_luma(rendering.pixels, height, width, rendering.scale, transforms)
    further = {name: getattr(_ALSO[name], name)(rendering.pixels) for name in also}
    yield Picture(locator, width, height, values[0], quality, phash.phash(rendering.pixels), **further)
    for transform, value in zip(transforms[1:], values[1:], strict=True):
        yield Picture(locator, width, height, value, quality, None, transform)


_NO_OBJECT = ObjectRef("", "", "", None, "", 0, datetime(1970, 1, 1, tzinfo=UTC))


def fingerprint(data: bytes, object: ObjectRef | None = None, caps: Media | None = None) -> Fingerprint:  # noqa: A002
    """Return the whole fingerprint of bytes that are all there, as a scan would store it.

    Decodes in this process: hostile bytes belong into `scanner.decoder`.
    """
    seen = perceive(data, caps or Media())
    return recorded(object or replace(_NO_OBJECT, size=len(data)), digests_of(data), seen, len(data))


def recorded(
    object: ObjectRef,  # noqa: A002
    digests: Digests | None,
    seen: Perceived,
    bytes_read: int,
) -> Fingerprint:
    """Return the row of an object from what was read of it and what was seen in it."""
    return Fingerprint(
        object=object,
        outcome=seen.outcome,
        reason=seen.reason,
        hash_origin="computed" if digests is not None else None,
        md5=digests.md5 if digests is not None else None,
        sha1=digests.sha1 if digests is not None else None,
        sha256=digests.sha256 if digests is not None else None,
        pdq=seen.pdq,
        pdq_quality=seen.pdq_quality,
        phash=seen.phash,
        dhash=seen.dhash,
        whash=seen.whash,
        width=seen.width,
        height=seen.height,
        frame_count=seen.frame_count,
        orientation=seen.orientation,
        media_type=seen.media_type,
        method=seen.method,
        bytes_read=bytes_read,
        others=seen.others,
    )
