"""What the tests of hash lists share: an empty workspace."""

import pytest

from scanner.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace").create()
