"""The walls between the rooms, as ARCHITECTURE.md draws them, read off the imports of every module."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

ROOT = Path(__file__).parents[2]

ENGINE = ("dask", "distributed")
STORES = ("boto3", "botocore", "obstore", "s3transfer", "scanner.s3", "scanner.fetch", "scanner.inventory")
CLOCK = ("time", "random", "secrets", "uuid", "sched")
PIXELS = ("PIL", "pillow_heif", "imagehash", "simplejpeg", "cv2")


@dataclass(frozen=True)
class Wall:
    """What the modules below `inside` (but not below `except_in`) may not import, except `but`."""

    inside: tuple[str, ...]
    banned: tuple[str, ...]
    except_in: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def holds(self, module, name):
        if not below(module, self.inside) or below(module, self.except_in):
            return True
        return not below(name, self.banned) or below(name, self.but)


WALLS = (
    Wall(("scanner",), ENGINE),
    Wall(("scanner",), ("jobs",), except_in=("scanner.cli",)),
    Wall(("scanner.records",), ("scanner", "jobs")),
    Wall(
        ("scanner.config", "scanner.list_policy", "scanner.section"),
        ("scanner", "jobs"),
        but=(
            "scanner.errors",
            "scanner.records",
            "scanner.misconfigured",
            "scanner.list_policy",
            "scanner.section",
        ),
    ),
    Wall(
        ("scanner.fingerprint", "scanner.match"),
        (*STORES, *CLOCK, "scanner.retry", "scanner.hashlist.importer"),
    ),
    Wall(("scanner.media", "scanner.decoder"), STORES),
    Wall(("scanner.hashlist", "scanner.findings"), (*STORES, "scanner.decoder")),
    Wall(
        ("scanner.inventory", "scanner.fetch"),
        ("scanner.media", "scanner.fingerprint", "scanner.decoder", "scanner.match", "scanner.findings"),
        but=("scanner.media.sniff", "scanner.fingerprint.digest"),
    ),
    Wall(("scanner", "jobs"), PIXELS, except_in=("scanner.media", "scanner.fingerprint", "scanner.demo")),
    Wall(
        ("scanner", "jobs"),
        ("boto3", "botocore", "obstore", "s3transfer"),
        except_in=("scanner.s3", "scanner.fetch", "scanner.inventory", "scanner.retry"),
    ),
    Wall(
        ("jobs",), ("scanner.media", "scanner.decoder", "scanner.fetch", "scanner.inventory", "scanner.cli")
    ),
    # An import by a computed name would walk through every wall above.
    Wall(("scanner", "jobs"), ("importlib",), but=("importlib.metadata", "importlib.resources")),
)

SURROUNDINGS = {"now", "utcnow", "today", "environ", "getenv"}
"""Attributes by which code without forbidden imports would still ask for the time or the environment."""


def below(name, prefixes):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def imported(tree, module):
    """Yield every dotted name that a module imports, wherever in its body."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")[: -node.level or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("__import__", "exec", "eval"):
            yield f"importlib.{node.func.id}"


def breaches(source, module):
    """Return what a module imports across a wall."""
    names = sorted(set(imported(ast.parse(source), module)))
    return [name for name in names for wall in WALLS if not wall.holds(module, name)]


def _written_operations():
    model = botocore.session.Session().get_service_model("s3")
    reads = {"ListBuckets", "SelectObjectContent", "CreateSession"}
    for name in model.operation_names:
        if model.operation_model(name).http["method"] not in ("GET", "HEAD") and name not in reads:
            yield xform_name(name)
    yield from ("upload_file", "upload_fileobj")


WRITES = frozenset(_written_operations())
OBSTORE_WRITES = frozenset({"put", "delete", "copy", "rename", "open_writer", "sign"})


def writes(source):
    """Return every name in a module that would change a store."""
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of_obstore = isinstance(node.value, ast.Name) and node.value.id == "obstore"
            plain = node.attr.removesuffix("_async")
            if node.attr in WRITES or (of_obstore and plain in OBSTORE_WRITES):
                found.append(node.attr)
        elif isinstance(node, ast.Constant) and node.value in WRITES:
            found.append(node.value)
        elif isinstance(node, ast.ImportFrom) and node.module == "obstore":
            names = (alias.name.removesuffix("_async") for alias in node.names)
            found += [name for name in names if name in OBSTORE_WRITES]
    return found


def surroundings(source):
    """Return the attributes by which a module asks for the time or the environment."""
    return [
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in SURROUNDINGS
    ]


def _modules():
    for path in sorted([*(ROOT / "scanner").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(_modules())


def _own_name(module):
    """Relative imports of a package start one level lower than those of a module."""
    return f"{module}.__init__" if MODULES[module].name == "__init__.py" else module


@pytest.mark.parametrize("module", MODULES)
def test_a_module_stays_in_its_room(module):
    assert breaches(MODULES[module].read_text(), _own_name(module)) == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_writes_to_a_scanned_store(module):
    assert writes(MODULES[module].read_text()) == []


@pytest.mark.parametrize("module", [m for m in MODULES if below(m, ("scanner.fingerprint", "scanner.match"))])
def test_arithmetic_asks_for_neither_time_nor_environment(module):
    assert surroundings(MODULES[module].read_text()) == []


@pytest.mark.parametrize("module", MODULES)
def test_rooms_are_named_for_what_they_hold(module):
    for part in module.split("."):
        assert not re.search(r"(?:^|_)(?:utils?|helpers?|commons?|managers?|misc)(?:_|$)", part)


def _reached(name):
    """Return the modules of ours that run when a dotted name is imported: its packages too."""
    parts = name.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts) + 1)} & MODULES.keys()


@pytest.mark.parametrize(
    "start", [m for m in MODULES if below(m, ("scanner.fingerprint", "scanner.match", "scanner.media"))]
)
def test_the_arithmetic_reaches_no_store_by_a_detour(start):
    """A module that fingerprinting imports may import another: none on any such way may know a store."""
    seen, waiting = {start}, [start]
    while waiting:
        module = waiting.pop()
        for name in imported(ast.parse(MODULES[module].read_text()), _own_name(module)):
            assert not below(name, STORES), f"{module} imports {name}"
            waiting.extend(_reached(name) - seen)
            seen |= _reached(name)


@pytest.mark.parametrize(
    ("module", "source", "across"),
    [
        ("scanner.scan", "import dask.array as da", "dask.array"),
        ("scanner.scan", "def f():\n    from distributed import Client", "distributed.Client"),
        ("scanner.scan", "from jobs import dask_engine", "jobs.dask_engine"),
        ("scanner.client", "import jobs", "jobs"),
        ("scanner.records", "from scanner.errors import Exit", "scanner.errors.Exit"),
        ("scanner.match.hamming", "import time", "time"),
        ("scanner.match.hamming", "from scanner import s3", "scanner.s3"),
        ("scanner.match.hamming", "from .. import s3", "scanner.s3"),
        ("scanner.match.__init__", "from ..fetch import source", "scanner.fetch.source"),
        ("scanner.fingerprint.pdq", "from time import monotonic", "time.monotonic"),
        ("scanner.fingerprint.pdq", "import numpy.random, random", "random"),
        ("scanner.media.picture", "from scanner.fetch.source import Source", "scanner.fetch.source.Source"),
        ("scanner.worker", "from PIL import Image", "PIL.Image"),
        ("scanner.findings.export", "import boto3", "boto3"),
        ("scanner.fetch.s3", "from scanner.media.picture import decode", "scanner.media.picture.decode"),
        ("jobs.worker", "from scanner.media import sniff", "scanner.media.sniff"),
        ("jobs.worker", "from importlib import import_module", "importlib.import_module"),
        ("jobs.worker", "__import__('da' + 'sk')", "importlib.__import__"),
    ],
)
def test_a_breach_is_seen(module, source, across):
    assert across in breaches(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("scanner.cli.scan", "from jobs import dask_engine"),
        ("scanner.demo.store", "from PIL import Image"),
        ("scanner.fetch.content", "from scanner.media.sniff import sniff\nimport obstore"),
        ("scanner.records", "from datetime import datetime"),
        ("scanner.runs", "import daskabout, timeout, jobspec"),
        ("jobs.engine", "import dask, distributed\nfrom scanner.worker import Spec"),
    ],
)
def test_a_door_is_no_breach(module, source):
    assert breaches(source, module) == []


@pytest.mark.parametrize(
    "source",
    [
        "client.put_object(Bucket=b)",
        "client.delete_objects",
        "getattr(client, 'put_object_tagging')",
        "s3.meta.client.copy_object()",
        "client.create_bucket()",
        "client.restore_object()",
        "client.upload_fileobj(f)",
        "obstore.put(store, 'x', b'')",
        "obstore.delete_async(store, 'x')",
        "from obstore import rename as r",
    ],
)
def test_a_write_is_seen(source):
    assert writes(source)


@pytest.mark.parametrize(
    "source",
    ["client.get_object()", "client.list_object_versions", "values.copy()", "obstore.get", "path.rename(p)"],
)
def test_a_read_is_no_write(source):
    assert writes(source) == []


@pytest.mark.parametrize("source", ["datetime.now()", "os.environ['X']", "dt.datetime.utcnow()", "os.getenv"])
def test_a_look_at_the_surroundings_is_seen(source):
    assert surroundings(source)


def test_the_walk_saw_the_rooms():
    assert {"scanner", "scanner.records", "scanner.config", "jobs"} <= set(MODULES)
    assert {"put_object", "delete_object", "copy_object", "put_object_tagging", "create_bucket"} <= WRITES
    assert {"get_object", "head_object", "list_objects_v2", "list_object_versions"} & WRITES == set()
