"""What unit tests share: a room with a small store and a workspace that knows some of it."""

import pytest

from scanner.workspace import Workspace
from tests.unit.sweeps import Room


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path, Workspace(tmp_path / "workspace").create())
    made.import_pictures()
    return made
