"""Made listings: items as a store or a directory would yield them."""

import random
from datetime import UTC, datetime, timedelta

from scanner.inventory.item import Item
from scanner.records import Listed, ObjectRef

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def ref(key="a/b.jpg", version_id=None, size=100, **values):
    values = {"last_modified": DAY, "etag": "e", **values}
    return ObjectRef("aws", "bucket", key, version_id, size=size, **values)


def version(key, version_id=None, **values):
    return Item(Listed(ref(key, version_id, **values)), ("versions", key, version_id or "null"))


def marker(key, version_id):
    return Item(None, ("versions", key, version_id))


def listing(count, seed=0, markers=0.1):
    """A listing of so many items: keys in order, some with many versions, some deleted."""
    rng = random.Random(seed)
    items, key = [], 0
    for n in range(count):
        key += rng.random() < 0.7
        name = f"pictures/{key:08d}.jpg"
        if rng.random() < markers:
            items.append(marker(name, f"v{n}"))
        else:
            items.append(version(name, f"v{n}", size=n, last_modified=DAY + timedelta(seconds=n)))
    return items
