import hashlib
import threading
import time

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from scanner.fingerprint.digest import Digester, digests_of


def test_the_digests_of_nothing_are_the_known_ones():
    digests = Digester().digests()
    assert digests.md5.hex() == "d41d8cd98f00b204e9800998ecf8427e"
    assert digests.sha1.hex() == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert digests.sha256.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@settings(derandomize=True, deadline=None)
@given(st.lists(st.binary(max_size=300)))
def test_chunks_do_not_change_the_digests(chunks):
    digester = Digester()
    for chunk in chunks:
        digester.update(chunk)
    whole = b"".join(chunks)
    assert digester.digests() == digests_of(whole)
    assert digester.digests().md5 == hashlib.md5(whole).digest()
    assert digester.digests().sha1 == hashlib.sha1(whole).digest()
    assert digester.digests().sha256 == hashlib.sha256(whole).digest()


@pytest.mark.parametrize("view", [bytearray, memoryview])
def test_any_buffer_will_do(view):
    assert digests_of(view(b"abc")) == digests_of(b"abc")


def test_other_threads_run_while_a_large_chunk_is_digested():
    data = bytes(64 << 20)
    worker = threading.Thread(target=digests_of, args=(data,))
    worker.start()
    steps = 0
    while worker.is_alive():
        steps += 1
        time.sleep(0.001)
    assert steps > 5  # three, if every update held the lock
