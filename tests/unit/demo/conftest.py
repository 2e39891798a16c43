import pytest

from scanner.demo.store import make_store


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("demo"))
