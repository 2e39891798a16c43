"""An exchange as StopNCII.org's, with its traps."""

import json
from dataclasses import dataclass
from hashlib import sha256

from tests.exchanges.serving import Exchange

KEYS = ("function key", "subscription key")
START = 1_767_571_200


@dataclass
class Record:
    """The latest state of a hash."""

    at: int
    status: str = "Active"
    signal: str = "VideoMD5"


class StopNciiExchange(Exchange):
    """Records come by time; the token of a next page is opaque, and is there on the last page too.

    The time that a page names as the next beginning goes back and forth between pages, but for the last one.
    `too_large` is the size of a page that never arrives whole; `lasts` how many requests a token is good for.
    """

    root = "/v1"

    def __init__(self, records=(), too_large=10**9, lasts=10**9, most=800, moves=None, fault=None):
        super().__init__(fault)
        self.records = dict(records)
        self.too_large, self.lasts, self.most = too_large, lasts, most
        self.moves = moves or (lambda number, exchange: None)
        self.tokens = {}

    def truth(self):
        """Return the values that a copy of the exchange matches."""
        return {value for value, one in self.records.items() if one.status not in ("Withdrawn", "Deleted")}

    def answer(self, method, path, query, headers, sent):
        given = (headers.get("x-functions-key"), headers.get("Ocp-Apim-Subscription-Key"))
        if given != KEYS:
            return 401, b"{}"
        if path != "/FetchHashes":
            return 404, b"{}"
        self.moves(len(self.requests), self)
        size = min(int(query["pageSize"]), self.most)
        since, first = int(query["startTimestamp"]), 0
        if "nextPageToken" in query:
            asked, first = self.tokens.get(query["nextPageToken"], (-(10**10), 0))
            if len(self.requests) - asked > self.lasts:
                return 400, b"{}"
        found = sorted((one.at, value, one) for value, one in self.records.items() if one.at >= since)
        shown = found[first : first + size]
        token = f"t{len(self.requests)}-{first + size}"
        self.tokens[token] = (len(self.requests), first + size)
        more = first + size < len(found)
        upper = found[-1][0] if found and not more else since + 1
        answer = {
            "count": len(shown),
            "nextPageToken": token,
            "nextSetTimestamp": upper,
            "hasMoreRecords": more,
            "hashRecords": [
                {
                    "lastModtimestamp": at,
                    "hashValue": value,
                    "hashStatus": one.status,
                    "caseNumbers": {},
                    "signalType": one.signal,
                }
                for at, value, one in shown
            ],
        }
        body = json.dumps(answer).encode()
        return 200, body[: len(body) // 2] if size > self.too_large else body


def records(count, at=START):
    """Return so many records, one a minute."""
    return {sha256(b"r%d" % number).hexdigest()[:32]: Record(at + 60 * number) for number in range(count)}
