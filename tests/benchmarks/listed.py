"""Lists of clearing houses at their size, as files: made values, made records."""

import hashlib
import json

from tests.unit.hashlist.formats.documents import NAMESPACE, vics, vics_record

CHUNK = 10_000


def write_ncmec(file, count):
    """Write a dump of so many entries as one document, each with MD5, SHA-1 and PDQ; return its bytes."""
    with file.open("w") as out:
        out.write(f'<?xml version="1.0" encoding="UTF-8"?><queryResult xmlns="{NAMESPACE}"><images>')
        for start in range(0, count, CHUNK):
            out.write("".join(_entry(number) for number in range(start, min(start + CHUNK, count))))
        out.write('</images><videos count="0"/></queryResult>')
    return file.stat().st_size


def _entry(number):
    seed = hashlib.sha512(b"%d" % number).hexdigest()
    half = bytes.fromhex(seed[:32])
    pdq = "".join(f"{byte:02x}{byte ^ 255:02x}" for byte in half)  # as many ones as PDQ has
    return (
        f'<image><member id="{number % 97}">Member {number % 97}</member>'
        f"<timestamp>2026-01-{number % 28 + 1:02}T10:00:00Z</timestamp>"
        f"<id>{number * 7919 % 99_999_989:08}</id>"
        f"<classification>{'AB'[number % 2]}{number % 4 // 2 + 1}</classification><fingerprints>"
        f"<md5>{seed[:32]}</md5><sha1>{seed[32:72]}</sha1><pdq>{pdq}</pdq></fingerprints></image>"
    )


def write_vics(file, size):
    """Write a hash set of so many bytes as one document; return how many records it has."""
    head, _, tail = vics(["@"]).partition('"@"')
    count = 0
    with file.open("w") as out:
        out.write(head)
        while out.tell() < size - len(tail):
            out.write(json.dumps(_record(count)) + ",")
            count += 1
        out.write(json.dumps(_record(count)) + tail)
    return count + 1


def _record(number):
    seed = hashlib.sha512(b"%d" % number).hexdigest().upper()
    return vics_record(
        0,
        MediaID=number,
        Category=number % 5,
        MD5=seed[:32],
        SHA1=seed[32:72],
        PhotoDNA=seed[:96] * 2,
        Series=None,
        VictimIdentified="false",
        IsDistributed=False,
        Tags=None,
        Comments=None,
    )
