"""The canary: a right installation passes, and every kind of wrong answer stops the run."""

import hashlib
from dataclasses import replace

import pytest

from scanner import canary
from scanner.errors import CanaryError, Exit
from scanner.fingerprint import Perceived
from scanner.records import Outcome
from tests.unit.sweeps import InProcess

SEEN = InProcess().perceive(canary.PICTURE)


class Answering:
    """A decoder that says one thing of everything."""

    def __init__(self, answer):
        self.answer = answer

    def perceive(self, data):
        return self.answer


def test_a_right_installation_passes():
    canary.check(InProcess())


def test_the_known_answer_is_that_of_the_whole_fingerprint():
    assert hashlib.sha256(canary.PICTURE).hexdigest() == canary.SHA256
    assert (SEEN.outcome, SEEN.pdq, SEEN.phash) == (Outcome.HASHED, canary.PDQ, canary.PHASH)
    assert (SEEN.width, SEEN.height, SEEN.media_type) == (96, 80, "image/png")


def flipped(value, bit=0):
    return bytes([value[0] ^ 1 << bit, *value[1:]])


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (replace(SEEN, pdq=flipped(SEEN.pdq)), "PDQ"),
        (replace(SEEN, pdq=None), "PDQ"),
        (replace(SEEN, pdq=bytes(32)), "PDQ"),
        (replace(SEEN, pdq_quality=99), "PDQ"),
        (replace(SEEN, pdq_quality=None), "PDQ"),
        (replace(SEEN, phash=flipped(SEEN.phash)), "pHash"),
        (replace(SEEN, phash=None), "pHash"),
        (Perceived(Outcome.CRASHED, "the decoder died of it: signal SIGILL"), "PDQ"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_is_wrong_and_what_to_do(answer, part):
    with pytest.raises(CanaryError, match=f"wrong {part}.*reinstall the locked dependencies") as refused:
        canary.check(Answering(answer))
    assert refused.value.exit_code is Exit.INCOMPLETE
    assert SEEN.pdq.hex() not in str(refused.value)
