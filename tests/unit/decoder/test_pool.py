import threading

import pytest

from scanner.decoder.pool import Pool
from scanner.errors import IncompleteRun
from scanner.fingerprint import Perceived
from scanner.records import Outcome

PATIENCE = 20.0


class Slow:
    """A decoder that answers once `together` askers are at work at once, and counts them."""

    def __init__(self, together):
        self.together = together
        self.asked = 0
        self.closed = False

    def perceive(self, data):
        self.asked += 1
        if data == b"poison":
            raise IncompleteRun("no child")
        self.together.wait(PATIENCE)
        return Perceived(Outcome.HASHED, data.decode())

    def close(self):
        self.closed = True


@pytest.mark.parametrize("count", [1, 2, 5])
def test_as_many_objects_are_looked_at_at_once_as_there_are_decoders(count):
    decoders = [Slow(threading.Barrier(count)) for _ in range(count)]
    for decoder in decoders:
        decoder.together = decoders[0].together
    pool, seen = Pool(decoders), []
    threads = [
        threading.Thread(target=lambda n=n: seen.append(pool.perceive(b"%d" % n))) for n in range(3 * count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(one.reason for one in seen) == sorted(str(n) for n in range(3 * count))
    assert sum(decoder.asked for decoder in decoders) == 3 * count


def test_one_asker_at_a_time_needs_one_decoder():
    decoders = [Slow(threading.Barrier(1)) for _ in range(3)]
    pool = Pool(decoders)
    for _ in range(5):
        pool.perceive(b"x")
    assert [decoder.asked for decoder in decoders] == [5, 0, 0]


def test_a_decoder_that_fails_is_lent_again():
    pool = Pool([Slow(threading.Barrier(1))])
    with pytest.raises(IncompleteRun):
        pool.perceive(b"poison")
    assert pool.perceive(b"x").reason == "x"


def test_closing_closes_every_decoder():
    decoders = [Slow(threading.Barrier(1)) for _ in range(3)]
    Pool(decoders).close()
    assert all(decoder.closed for decoder in decoders)
