"""Documents of clearing houses, made for tests; their values belong to nothing."""

import json
from xml.sax.saxutils import escape, quoteattr

from tests.unit.hashlist import lists

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
NO_TIME = object()


def member(name="45", text="Example & Co"):
    return f"<member id={quoteattr(name)}>{escape(text)}</member>"


def live(entry_id, kind="image", member_id="45", at="2026-01-05T10:00:00Z", inner="", **hashes):
    """Return an entry as the platform writes it; `inner` stands behind its hashes."""
    prints = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in hashes.items())
    return (
        f"<{kind}>{member(member_id)}<timestamp>{at}</timestamp><id>{escape(entry_id)}</id>"
        f"<classification>A1</classification><fingerprints>{prints}</fingerprints>{inner}</{kind}>"
    )


def deleted(entry_id, kind="deletedImage", member_id="45", at="2026-02-05T10:00:00Z"):
    return f"<{kind}>{member(member_id)}<id>{escape(entry_id)}</id><timestamp>{at}</timestamp></{kind}>"


def hashes(seed):
    return {name: lists.value(name, seed).hex() for name in ("md5", "sha1", "pdq")}


def feedback(*said):
    """Return what members say: (affirmative or negative, a kind of hash, members...)."""
    at = 'lastUpdateTimestamp="2026-01-06T00:00:00Z"'
    return f"<feedback {at}>" + "".join(_said(at, *one) for one in said) + "</feedback>"


def _said(at, kind, name, *members):
    inside = f'<members timestamp="2026-01-06T00:00:00Z">{"".join(member(one) for one in members)}</members>'
    reason = f'<reasons><reason guid="g-1" name="Other" type="Md5"/>{inside}</reasons>'
    body = inside if kind == "affirmative" else reason
    return f'<{kind}Feedback type="{name}" {at}>{body}</{kind}Feedback>'


def page(images=(), videos=(), following=None, counts=True, prolog='<?xml version="1.0" encoding="UTF-8"?>'):
    """Return a page of entries; an empty block is closed at once, and has no maxTimestamp."""

    def block(name, entries):
        if not entries:
            return f'<{name} count="0"/>'
        count = f' count="{len(entries)}" maxTimestamp="2026-02-05T10:00:00Z"' if counts else ""
        return f"<{name}{count}>{''.join(entries)}</{name}>"

    blocks = "".join(block(name, entries) for name, entries in (("images", images), ("videos", videos)))
    paging = f"<paging><next>{escape(following)}</next></paging>" if following else ""
    return f'{prolog}<queryResult xmlns="{NAMESPACE}">{paging}{blocks}</queryResult>'


def vics_record(seed, **columns):
    record = {
        "MediaID": seed,
        "Category": 1,
        "MD5": lists.value("md5", seed).hex().upper(),
        "SHA1": lists.value("sha1", seed).hex().upper(),
        "MediaSize": "48213",
        "DateUpdated": "2026-01-05T00:00:00Z",
        "MimeType": "image/jpeg",
    }
    return record | columns


def vics(records, version="2.0", region="US", kind="Media"):
    """Return a document of the standard; of cases where `kind` says so, two records each."""
    root = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/"
    if version.startswith("1"):
        head = {"odata.metadata": f"http://github.com/ICMEC/ProjectVic/DataModels/{version}.xml#{kind}"}
    else:
        head = {"@odata.context": f"{root}{version}.xml/{region}/$metadata#{kind}"}
    if kind == "Cases":
        cut = [records[at : at + 2] for at in range(0, len(records), 2)]
        records = [{"CaseID": f"c{n}", "CaseNumber": "1", "Media": some} for n, some in enumerate(cut)]
    return json.dumps(head | {"value": records})
