"""The only place that speaks HTTP with an exchange: patiently, within bounds, and with nobody else.

No error names a credential, a header, a query or anything of an answer: host, path and fault are enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from scanner.errors import ExchangeError

T = TypeVar("T")

ATTEMPTS = 8
MAX_BYTES = 64 << 20
"""Bytes of the largest answer that is read."""

TIMEOUT = urllib3.Timeout(connect=20, read=120)
MAX_WAIT = 600.0
"""Seconds that are waited at most, whatever an exchange asks for; the next attempt may be refused again."""

BUSY = (429, 500, 502, 503, 504)
REFUSED = (401, 403)
GONE = (400, 404, 410)

CHUNK = 1 << 16


class Malformed(ExchangeError):
    """An answer is no answer, or cut off, or leads elsewhere; asking again may help."""

    def __init__(self) -> None:
        super().__init__("the exchange gave what is no answer, or leads elsewhere; try again later")


class CutOff(ExchangeError):
    """An answer never arrived whole, however often it was asked for."""


_CUT_OFF = "its answer is cut off, or is no answer"


class Gone(ExchangeError):
    """What an address stood for is no longer there."""


@dataclass(frozen=True)
class Around:
    """Time and chance, which come from outside."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    random: Callable[[], float]


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Asks one exchange; `headers` hold the credentials, and go to `base` alone."""

    def __init__(self, base: str, headers: Mapping[str, str], around: Around) -> None:
        self.around = around
        self._base, self._headers = base.rstrip("/"), dict(headers)
        self._host = urlsplit(base).netloc
        self._pool = urllib3.PoolManager(timeout=TIMEOUT, retries=False, maxsize=1)

    def get(self, path: str, check: Callable[[bytes], T], params: Mapping[str, str] | None = None) -> T:
        """Return what `check` makes of the answer at a path; it raises Malformed for what is none.

        Raises ExchangeError once nothing helps, and Gone where there is nothing at this address.
        """
        target = f"{path}?{urlencode(params)}" if params else path
        return self._answered("GET", target, check)

    def put(self, path: str, body: bytes, content_type: str) -> None:
        """Send what the exchange is to know; raises as `get` does."""
        self._answered("PUT", path, lambda _: None, body, {"Content-Type": content_type})

    def _answered(
        self,
        method: str,
        target: str,
        check: Callable[[bytes], T],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        where = f"{self._host}{urlsplit(self._base + target).path}"
        for attempt in range(ATTEMPTS):
            asked = None
            try:
                answer = self._once(method, target, body, headers or {})
                if answer.status not in BUSY:
                    return check(self._accepted(answer, where))
                trouble, asked = f"it answered {answer.status}", self._asked_wait(answer)
            except Malformed:
                trouble = _CUT_OFF
            except (HTTPError, OSError) as error:
                trouble = type(error).__name__
            if attempt < ATTEMPTS - 1:
                self.around.sleep(self._wait(attempt, asked))
        kind = CutOff if trouble is _CUT_OFF else ExchangeError
        raise kind(
            f"{where}: {trouble}, {ATTEMPTS} times; the list stays as it was, and the same command goes on"
        )

    def _once(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> _Answer:
        response = self._pool.request(
            method,
            self._base + target,
            body=body,
            headers={**self._headers, **headers},
            redirect=False,  # credentials go nowhere else
            preload_content=False,
        )
        try:
            pieces, size = [], 0
            for piece in response.stream(CHUNK):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_BYTES:
                    raise ExchangeError(f"{self._host}: an answer of more than {MAX_BYTES} bytes; not read")
            return _Answer(response.status, response.headers, b"".join(pieces))
        finally:
            response.close()

    def _accepted(self, answer: _Answer, where: str) -> bytes:
        if answer.status in REFUSED:
            raise ExchangeError(
                f"{where}: the exchange refuses the credentials ({answer.status}); see that they are those "
                "of this exchange and environment (credentials_file, or the variables that README.md names)"
            )
        if answer.status in GONE:
            raise Gone(f"{where}: the exchange knows no such thing ({answer.status})")
        if answer.status != 200:
            raise ExchangeError(f"{where}: the exchange answered {answer.status}; is the address right?")
        return answer.body

    def _asked_wait(self, answer: _Answer) -> float | None:
        """Return the seconds that an exchange asks to wait, by number or by date; None where it does not."""
        asked = answer.headers.get("Retry-After", "").strip()
        if asked.isascii() and asked.isdigit():
            return float(asked[:9])
        try:
            until = parsedate_to_datetime(asked)
            return (until - self.around.now()).total_seconds()
        except (ValueError, TypeError):
            return None

    def _wait(self, attempt: int, asked: float | None) -> float:
        """Return seconds to wait: what is asked for, else twice as long each time, less a share by chance."""
        if asked is not None:
            return min(max(asked, 0.0), MAX_WAIT)
        return min(2.0**attempt, 60.0) * (0.5 + self.around.random() / 2)


def utc_text(moment: datetime) -> str:
    """Return a time with a zone as exchanges write it, in UTC whatever the machine's own zone is."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
