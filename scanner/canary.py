"""The only place for the picture whose answer is known: silence must never mean broken."""

import base64
import hashlib

import numpy as np
import numpy.typing as npt

from scanner.config import Media
from scanner.decoder import Perceiver
from scanner.errors import CanaryError
from scanner.hashlist.bands import band_index, plan
from scanner.match import hamming_join
from scanner.match.banded import banded_pairs
from scanner.match.exact import exact_join
from scanner.match.hamming import Bounds, words_of

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAGAAAABQBAMAAAAUzG2mAAAAElBMVEX18NwePHjIRijwvjwoeFAPDxQ3cV4yAAABuUlEQVR4"
    "2u1Wu23DMBB9PIs9U6QPPIEBL6DCA6jxlGkygIssYEATGNnA7mPGKShSFn93khEgAaLCOkJ89959eCbw//CPEuzZAraXA1Yb"
    "AMBxWBIL2ExePGAVvUlIEAwSEgSLpATeJCmBt1OAqbtIAErNBBRDGBaUKjKPMPAAxbXXwwyGSyxljod6QFKfLChXZvNzQav4"
    "3Nq7j1bE0McmZTvVZCisMIY+Mig7pLzRjRQ2F7SJLK1Hz704rfbof5LJp+4KdgaAPT7fZhZOVwtnIlsvaY2uAlBxhrscC5UG"
    "kpnfrTqriUr/RWrYqmefh64EiEU/Lz1xugBIRkWb10TCKc9LagqaiFUUaVo8ZkxRUaRJ7TC5GQTAnSTcLgmDrYRQpuavPNd3"
    "D+jrfszF7Q5fLM9yAADsSpKiEK4HtzswVBW5UePTxgb9CgDYnye+LJ6mKW8nzvfCtLrduhvzFAC5EAYpSSkad888hUvRFoDK"
    "SKlIcgXSXaZ2OYAvEM6SXvr6CAUSNJ/b3bT1ugSAC3tNL5AAricAWEtavfFZYV1PCxKciyTtMBaOl8RlJRkz7cK59JcBTVSH"
    "XyDpG88kTSqFDXwsAAAAAElFTkSuQmCC"
)
"""A hill, a sun and a house, 96 x 80, drawn for this purpose."""

SHA256 = "d7368d1a91e6af4dccd70b9f9491f2321469630bbfc1211ab68494a6413529fa"
PDQ = bytes.fromhex("b76d1d10d216cee915b1966ec8796db67484b29b934c4dc5cc96b272b361718c")
PHASH = bytes.fromhex("b899c327b4d01bec")
DHASH = bytes.fromhex("6b939317260fc106")
WHASH = bytes.fromhex("ffffdfcf83000000")

JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j"
    "q62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk"
    "pKSkpKSkpKT/wAARCABQAGADASIAAhEBAxEB/8QAGwABAAIDAQEAAAAAAAAAAAAAAAIEAQMGBQf/xAA0EAABAwIFAgIIBQUAAAAA"
    "AAABAAIDBBEFEiExQRNRcZEVIjJCYYGx8AZSocHxFCNTotH/xAAZAQADAQEBAAAAAAAAAAAAAAAAAgMBBAX/xAAfEQADAQADAAID"
    "AAAAAAAAAAAAAQIRAxIhMUEEExT/2gAMAwEAAhEDEQA/AOhRESGhERABFCOaOVz2se1zozZwB2KmgAiKEr+my9rnYLG8Ws1LTLnt"
    "b7RAWBLGdnD5qoSXG5NyVhcz53viKfrRfRV4JDcMOvZWF0RSpaibWMIiJjAq9fVNo6Z0p9rZgte7uFYXM41Viqqssbg6OMWBHJ5P"
    "32TxPZmU8RHDK40tZnlc4sk0kOp+f38V1C4ldJglWJ6UQucOpELW7t4P7fyqcs/Ysv6PSWiq935retIlhqTJGyRrnRus4A+yfv8A"
    "dctz2lpFZeMrIpOaWOsVFcLWFyUesjfFXVpgiy+s7fgLcuvhlzPpG3rCIsOcGtLnEAAXJPCsIUsXrBS0pa0kSyAhluO5XLqziNWa"
    "yqdLYhtrNB4CrLqieqJU9YVihqTSVTJRewNnAcjlV0TtaYdXXVzKbD3VTSDdo6d/eJ20+9FyuGYjJRVnWc572PP90X1d8deef5Wm"
    "pqHysjiLrxxXyC2191oXLmeFdPoALZGBwIc1wuCNQQshrRs0DwC5z8N4iI3f0UzgGuN4yTz+X5/XxXSJGvTQiIgDnvSdZ/m/1H/F"
    "pqsSqpIjE6UkOGtgBotSiyIOc4vAPbVMmp9ZDjVXXXSuit9GP8v6rDoWZTZutu6p/RJ0v8a0t1FVQldlZ8Tsr7MMrJDZsLhz6wt9"
    "VB+CVROaaSCDWzRJJYkd9E9Ws8IJHlIvVNBh8Jf1auafLplihIJN+50Kxmw2JoEeH1M5JuTK8tI8Mqjo+o8xrnMcHNJa4G4INiCv"
    "fo8RxGphzsL3WOUkRg6+SqHFalheaWigpidA5kPrAX2vsfJa3Ynib3tc+SUhvDRlv5LH6Y/V8nuD0oATJKyJo95+W36J15WAdXE4"
    "wTsGMD/oF5JcXnMSSTqSd1hYS7l00LIy7rVcLQ3cNOY38EbHQMGs0spPLG5beapKTTZLXwPw1KtN+F01NMwu6VG2+wL3Fw8lg4jM"
    "1tohHEN7MYNVUzBYLhZTyjurk4sfpOSpnlBD5XuDtSC7TyWpEVjywiIgwIiIAIiIA//Z"
)
"""The same as most pictures are stored."""

OF_JPEG = {
    "full": (
        bytes.fromhex("b36d3d90d8964ee91533936eca796d967c84b29f934c0dc5cc169272b361718c"),
        bytes.fromhex("b898c327b4d01bfc"),
    ),
    "luma": (
        bytes.fromhex("b36d3db0d8964ee91533936eca796d967484b29f934c0dc5cc169272b361718c"),
        bytes.fromhex("b898c327b4d01bfc"),
    ),
}
"""PDQ and pHash of that, by `media.pdq`."""

_PLANNED = 1000
"""For how many values the bands are planned by which the canary is joined."""


def check(decoder: Perceiver, caps: Media) -> None:
    """Fingerprint and join the canary; raise CanaryError when any answer is not the known one.

    `caps` are the decoder's. It must compute what they name beside PDQ and pHash, and nothing else.
    """
    digest = hashlib.sha256(PICTURE).digest()
    if digest.hex() != SHA256:
        raise _wrong("digest")
    seen = decoder.perceive(PICTURE)
    if seen.pdq != PDQ or seen.pdq_quality != 100:
        raise _wrong("PDQ fingerprint")
    if seen.phash != PHASH:
        raise _wrong("pHash fingerprint")
    if seen.dhash != (DHASH if "dhash" in caps.also else None):
        raise _wrong("dHash fingerprint")
    if seen.whash != (WHASH if "whash" in caps.also else None):
        raise _wrong("wHash fingerprint")
    of_jpeg = decoder.perceive(JPEG)
    if (of_jpeg.pdq, of_jpeg.phash, of_jpeg.pdq_quality) != (*OF_JPEG[caps.pdq], 100):
        raise _wrong("fingerprint of a JPEG")
    for value, width in ((seen.pdq, 32), (seen.phash, 8)):
        _check_join(value, width)
    _check_exact_join(digest)


def _check_join(value: bytes, width: int) -> None:
    """Join the canary with itself, with a neighbour 4 bits away, and with its opposite."""
    query = np.frombuffer(value, np.uint8).reshape(1, width)
    table = np.repeat(query, 3, axis=0)
    table[1, 0] ^= 0x0F
    table[2] ^= 0xFF
    words = words_of(query), words_of(table)
    indices = [band_index(words[1], 8 * width, band) for band in plan(8 * width, 4, _PLANNED)]
    banded = banded_pairs(*words, 8 * width, indices, 4, Bounds(_PLANNED, _PLANNED))
    for found in (hamming_join(query, table, 4), banded and banded[:3]):
        if found is None or [array.tolist() for array in found] != [[0, 0], [0, 1], [0, 4]]:
            raise _wrong("join")


def _check_exact_join(value: bytes) -> None:
    """Join the canary, and a value that no list holds, with a table of the canary and both its neighbours."""
    number = int.from_bytes(value, "big")
    query, table = _rows(number, number + 1), _rows(number - 1, number, number + 2)
    found = [array.tolist() for array in exact_join(query, table)]
    if found != [[0], [1]]:
        raise _wrong("exact join")


def _rows(*numbers: int) -> npt.NDArray[np.uint8]:
    values = b"".join(number.to_bytes(32, "big") for number in numbers)
    return np.frombuffer(values, np.uint8).reshape(len(numbers), 32)


def _wrong(part: str) -> CanaryError:
    return CanaryError(
        f"canary: this installation gives a wrong {part} for a known picture, so none of its answers can be "
        "trusted; reinstall the locked dependencies (see README) and run the same command again"
    )
