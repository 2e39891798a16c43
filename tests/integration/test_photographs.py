"""Real photographs and their re-encoded copies on a real store: every copy is found, and nothing else."""

import pytest

from scanner.fingerprint import fingerprint
from tests.line import hashsweep, rows, write_list
from tests.photographs import encoded, photographs

PHOTOGRAPHS = 110
KNOWN = 40
FORMS = {
    "jpeg-85.jpg": {"form": "JPEG", "quality": 85},
    "jpeg-50.jpg": {"form": "JPEG", "quality": 50},
    "webp.webp": {"form": "WEBP", "quality": 75},
    "half.jpg": {"form": "JPEG", "quality": 80, "scale": 0.5},
}


@pytest.fixture(scope="module")
def scanned(seaweedfs, tmp_path_factory):
    """Scan a bucket of photographs with a list of some of them; return what was known and what was found."""
    root = tmp_path_factory.mktemp("photographs")
    pictures = photographs(root / "pictures", PHOTOGRAPHS)
    bucket = seaweedfs.new_bucket(versioned=True)
    client = seaweedfs.client()
    for number, path in enumerate(pictures):
        client.put_object(Bucket=bucket, Key=f"{path.stem}/original.png", Body=path.read_bytes())
        if number < KNOWN:
            for name, options in FORMS.items():
                client.put_object(Bucket=bucket, Key=f"{path.stem}/{name}", Body=encoded(path, **options))
    known = pictures[:KNOWN]
    listed = write_list(root / "list.csv", [path.read_bytes() for path in known])
    workspace = root / "workspace"
    assert hashsweep("lists", "import", "photographs", listed, "-w", workspace).code == 0
    done = hashsweep(
        "scan", f"s3://{bucket}", "--endpoint-url", seaweedfs.endpoint_url, "-w", workspace, "--workers", "2"
    )
    assert done.code == 1, done.err
    return known, rows(workspace)


def test_every_copy_of_a_known_photograph_is_found_and_nothing_else(scanned):
    known, found = scanned
    clear = [path for path in known if (fingerprint(path.read_bytes()).pdq_quality or 0) >= 50]
    assert len(clear) >= KNOWN - 3, "too few photographs with a usable PDQ"
    copies = {f"{path.stem}/{name}" for path in clear for name in FORMS}
    originals = {f"{path.stem}/original.png" for path in known}
    assert {row["key"] for row in found} == copies | originals


def test_each_finding_names_the_entry_that_it_is_a_copy_of(scanned):
    known, found = scanned
    entry_of = {path.stem: f"e{number}" for number, path in enumerate(known)}
    for row in found:
        assert {match["entry_id"] for match in row["matches"]} == {entry_of[row["key"].split("/")[0]]}


def test_exact_and_near_copies_are_told_apart(scanned):
    _, found = scanned
    for row in found:
        exact = "sha256" in {match["algorithm"] for match in row["matches"]}
        assert exact == row["key"].endswith("original.png")
