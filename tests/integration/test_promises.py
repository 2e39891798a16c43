"""The promises of a run that users build on, each shown through the command."""

import io
import json
import signal
import time

import pyarrow.parquet as pq
import pytest
from PIL import Image

from scanner.fingerprint import fingerprint
from scanner.records import OPTIONAL
from tests import pictures
from tests.integration.test_inventory_s3 import MOTO_KEYS, SEAWEEDFS_KEYS
from tests.line import FOUND, content, hashsweep, import_known, rows, start, write_list, write_store
from tests.unit.hashlist import lists

OPTIONS = ("--scheduler", "none", "--json")
TOLERANT = {"HASHSWEEP_RUN__GAP_TOLERANCE": "1.0", "HASHSWEEP_RUN__PART_OBJECTS": "10"}


@pytest.fixture
def directory(tmp_path):
    return write_store(tmp_path / "store", content())


@pytest.fixture
def workspace(tmp_path):
    import_known(tmp_path / "workspace", content(6))
    return tmp_path / "workspace"


def scan(target, workspace, *more, **env):
    return hashsweep("scan", target, "-w", workspace, *OPTIONS, *more, env={**TOLERANT, **env})


@pytest.mark.parametrize(("name", "keys"), [("moto", MOTO_KEYS), ("seaweedfs", SEAWEEDFS_KEYS)])
def test_hostile_keys_survive_from_listing_to_manifest(request, name, keys, workspace):
    server = request.getfixturevalue(name)
    bucket = server.new_bucket()
    known = content(6)["photos/000.jpg"]
    keys = [key for key in keys if not key.endswith("/")]  # SeaweedFS drops the body of a folder's own key
    for key in keys:
        server.client().put_object(Bucket=bucket, Key=key, Body=known)
    done = scan(f"s3://{bucket}", workspace, "--endpoint-url", server.endpoint_url)
    assert done.code == 1, done.err
    assert sorted(row["key"] for row in rows(workspace)) == sorted(keys)
    table = hashsweep("findings", "-w", workspace, "--format", "csv")
    assert table.out.count("\n") == 1 + sum(len(row["matches"]) for row in rows(workspace))


def test_an_unfinished_run_is_taken_up_only_while_its_inventory_is_young(directory, workspace):
    command = ("scan", f"file://{directory}", "-w", workspace, *OPTIONS)
    running = start(*command, env=TOLERANT)
    while not list(workspace.glob("runs/*/parts/*.parquet")):
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    (stopped,) = (workspace / "runs").iterdir()
    old = scan(f"file://{directory}", workspace, HASHSWEEP_RUN__RESUME_WITHIN_HOURS="0")
    assert old.json["run_id"] != stopped.name
    finished = {path.name: path for path in (stopped / "parts").iterdir()}
    again = workspace / "runs" / old.json["run_id"] / "parts"
    assert all((again / name).samefile(path) for name, path in finished.items()), "finished parts serve again"
    young = scan(f"file://{directory}", workspace)
    assert young.json["run_id"] == stopped.name
    assert young.json["rows_digest"] == old.json["rows_digest"]


def test_gaps_above_the_tolerance_leave_a_run_incomplete(directory, workspace):
    done = scan(f"file://{directory}", workspace, HASHSWEEP_RUN__GAP_TOLERANCE="0.05")
    assert done.code == 3
    assert "undecodable" in " ".join(done.json["reasons"])
    assert {row["key"] for row in rows(workspace)} == FOUND, "incomplete beats findings, and keeps them"


def test_a_list_older_than_its_configured_age_leaves_a_run_incomplete(directory, workspace):
    done = scan(f"file://{directory}", workspace, HASHSWEEP_LISTS__TESTS__MAX_AGE_HOURS="1e-9")
    assert done.code == 3
    assert "tests" in " ".join(done.json["reasons"])


def test_a_configuration_that_expects_random_matches_is_refused_unless_it_says_so(directory, workspace):
    wide = {"HASHSWEEP_MATCH__PHASH_MAX_DISTANCE": "16"}
    refused = scan(f"file://{directory}", workspace, **wide)
    assert refused.code == 2
    assert "match.accept_expected_false_matches" in refused.err
    accepted = scan(
        f"file://{directory}", workspace, **wide, HASHSWEEP_MATCH__ACCEPT_EXPECTED_FALSE_MATCHES="true"
    )
    assert accepted.code == 1
    assert accepted.json["expected_false_matches"]["per_100000_objects"] > 1


def test_several_buckets_of_several_stores_are_scanned_in_one_run(
    moto, seaweedfs, directory, workspace, tmp_path
):
    known = content(6)["photos/003.jpg"]
    lines = [f'[[targets]]\nurl = "file://{directory}"\n']
    for name, server in (("first", moto), ("second", seaweedfs)):
        bucket = server.new_bucket()
        server.client().put_object(Bucket=bucket, Key=f"in-{name}.jpg", Body=known)
        lines.append(
            f'[[targets]]\nurl = "s3://{bucket}"\nstore = "{name}"\nendpoint_url = "{server.endpoint_url}"\n'
        )
    settings = tmp_path / "settings.toml"
    settings.write_text("\n".join(lines))
    done = hashsweep("scan", "-c", settings, "-w", workspace, *OPTIONS, env=TOLERANT)
    assert done.code == 1, done.err
    assert {row["key"] for row in rows(workspace)} == FOUND | {"in-first.jpg", "in-second.jpg"}
    assert {row["store"] for row in rows(workspace)} == {"file", "first", "second"}
    assert [target["objects"] for target in done.json["inventory"]["targets"]][1:] == [1, 1]


def test_two_stores_may_each_have_a_bucket_of_the_same_name(moto, seaweedfs, workspace, tmp_path):
    bucket = moto.new_bucket()
    seaweedfs.client().create_bucket(Bucket=bucket)
    lines = []
    for server, seed in ((moto, 1), (seaweedfs, 2)):
        server.client().put_object(Bucket=bucket, Key="one.jpg", Body=content(6)[f"photos/00{seed}.jpg"])
        lines += [
            f'[[targets]]\nurl = "s3://{bucket}"\nstore = "s{seed}"',
            f'endpoint_url = "{server.endpoint_url}"',
        ]
    settings = tmp_path / "settings.toml"
    settings.write_text("\n".join(lines))
    done = hashsweep("scan", "-c", settings, "-w", workspace, *OPTIONS, env=TOLERANT)
    assert done.code == 1, done.err
    assert [(row["store"], row["key"]) for row in rows(workspace)] == [("s1", "one.jpg"), ("s2", "one.jpg")]


def test_one_list_may_be_stricter_than_the_join(directory, workspace):
    done = scan(
        f"file://{directory}",
        workspace,
        HASHSWEEP_LISTS__TESTS__PDQ_MAX_DISTANCE="0",
        HASHSWEEP_LISTS__TESTS__PHASH_MAX_DISTANCE="0",
    )
    assert done.code == 1
    thresholds = {m["threshold"] for row in rows(workspace) for m in row["matches"]}
    assert thresholds == {0}


def test_how_a_difference_is_asked_for_by_name_or_with_the_last_complete_run(directory, workspace, tmp_path):
    first = scan(f"file://{directory}", workspace).json["run_id"]
    scan(f"file://{directory}", workspace, HASHSWEEP_RUN__GAP_TOLERANCE="0")  # incomplete
    (directory / "copies" / "exact.jpg").unlink()
    third = scan(f"file://{directory}", workspace).json["run_id"]
    told = hashsweep("findings", third, "--diff", "last", "-w", workspace, "--format", "jsonl")
    assert told.code == 0, told.err
    assert told.out == hashsweep("findings", third, "--diff", first, "-w", workspace, "--format", "jsonl").out
    assert ["exact.jpg" in line for line in told.out.splitlines() if '"gone"' in line] == [True]
    write_store(tmp_path / "other", {"a.jpg": pictures.jpeg(1)})
    other = scan(f"file://{tmp_path / 'other'}", workspace).json["run_id"]
    assert "scanned other targets" in hashsweep("findings", other, "--diff", first, "-w", workspace).err
    assert hashsweep("findings", other, "--diff", "last", "-w", workspace).code == 2


def test_entries_without_a_classification_are_named_at_import(directory, workspace, tmp_path):
    policy = {"HASHSWEEP_LISTS__PLAIN__AFTER_CONFIRMATION": '"takedown"'}
    path = tmp_path / "plain.csv"
    path.write_text(
        "algorithm,value,classification\n" + "".join(f"md5,{n:032x},{'A' * (n % 2)}\n" for n in range(1, 6))
    )
    words = hashsweep("lists", "import", "plain", path, "-w", workspace, env=policy).out
    assert "2 entries have no classification" in words
    assert "names no `illegal` classification" in words
    assert "after_confirmation is `nothing`" not in words
    plain = hashsweep("lists", "import", "other", path, "-w", workspace).out
    assert "after_confirmation is `nothing`" in plain


def test_every_list_that_has_the_value_appears_in_the_match(directory, workspace, tmp_path):
    known = [content(6)["photos/000.jpg"]]
    other = write_list(tmp_path / "other.csv", known, ["md5", "pdq"])
    assert hashsweep("lists", "import", "second", other, "-w", workspace).code == 0
    assert scan(f"file://{directory}", workspace).code == 1
    row = next(row for row in rows(workspace) if row["key"] == "photos/000.jpg")
    assert {(m["list"], m["algorithm"]) for m in row["matches"]} == {
        ("tests", "sha256"),
        ("tests", "pdq"),
        ("tests", "phash"),
        ("second", "md5"),
        ("second", "pdq"),
    }


@pytest.mark.parametrize(
    ("method", "named"), [("full", "pdq/full phash/imagehash"), ("luma", "pdq/luma phash/luma")]
)
def test_the_method_is_part_of_the_fingerprint_and_either_finds_what_is_known(workspace, method, named):
    root = write_store(workspace.parent / "copies", {"copy.jpg": again(content(6)["photos/000.jpg"])})
    done = scan(f"file://{root}", workspace, HASHSWEEP_MEDIA__PDQ=method)
    assert done.code == 1, done.err
    (row,) = rows(workspace)
    assert {match["algorithm"] for match in row["matches"]} == {"pdq", "phash"}
    (part,) = workspace.glob("runs/*/parts/*.parquet")
    assert pq.read_table(part)["method"].to_pylist() == [named]


def again(data):
    """Return a picture re-encoded, so that its digests are new."""
    return pictures.encoded(Image.open(io.BytesIO(data)), "JPEG", quality=60)


def test_a_list_of_dhash_and_whash_finds_copies_frames_and_what_alpha_hides(tmp_path):
    known = [pictures.jpeg(seed, (320, 240)) for seed in range(3)]
    framed, hidden = (Image.open(io.BytesIO(data)).convert("RGB") for data in known[1:])
    hidden.putalpha(Image.linear_gradient("L").resize(hidden.size))
    frames = {"save_all": True, "append_images": [framed], "lossless": True}
    store = {
        "copy.jpg": again(known[0]),
        "frames.webp": pictures.encoded(pictures.picture(9, framed.size), "WEBP", **frames),
        "hidden.png": pictures.encoded(hidden, "PNG"),
        "other.jpg": pictures.jpeg(77, (320, 240)),
    }
    root = write_store(tmp_path / "store", store)
    listed = write_list(tmp_path / "list.csv", known, OPTIONAL)
    assert hashsweep("lists", "import", "tests", listed, "-w", tmp_path / "w").code == 0
    refused = scan(f"file://{root}", tmp_path / "w")
    assert refused.code == 2
    assert "the lists hold 3 dhash and 3 whash entries, which could never match" in refused.err
    assert 'set media.also = ["dhash", "whash"]' in refused.err
    done = scan(f"file://{root}", tmp_path / "w", HASHSWEEP_MEDIA__ALSO='["dhash", "whash"]')
    assert done.code == 1, done.err
    found = {
        (row["key"], match["entry_id"], match["algorithm"], match["locator"])
        for row in rows(tmp_path / "w")
        for match in row["matches"]
    }
    places = [("copy.jpg", "e0", ""), ("frames.webp", "e1", "frame=1"), ("hidden.png", "e2", "alpha=dropped")]
    assert found == {(key, entry, name, place) for key, entry, place in places for name in OPTIONAL}


@pytest.mark.parametrize(
    ("transforms", "found"), [("original", set()), ("all", {"mirrored.jpg", "turned.png"})]
)
def test_turned_and_mirrored_copies_are_found_where_that_is_asked_for(workspace, tmp_path, transforms, found):
    known = Image.open(io.BytesIO(content(6)["photos/000.jpg"]))
    mirrored = known.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turned = known.transpose(Image.Transpose.ROTATE_90)
    store = {
        "mirrored.jpg": pictures.encoded(mirrored, "JPEG", quality=90),
        "turned.png": pictures.encoded(turned, "PNG"),
        "other.jpg": pictures.jpeg(77, (320, 240)),
    }
    root = write_store(tmp_path / "turned", store)
    done = scan(f"file://{root}", workspace, HASHSWEEP_MEDIA__TRANSFORMS=transforms)
    assert done.code == (1 if found else 0), done.err
    named = {row["key"]: row["matches"][0]["transform"] for row in rows(workspace)}
    assert set(named) == found
    if found:
        assert named == {"mirrored.jpg": "flip_horizontal", "turned.png": "rotate270"}


@pytest.mark.parametrize("scheduler", ["none", "local"])
def test_new_lists_meet_stored_fingerprints_and_nothing_is_read_again(
    directory, workspace, tmp_path, scheduler
):
    url, engine = f"file://{directory}", ("--scheduler", scheduler, "--json")
    first = scan(url, workspace)
    for path in directory.rglob("*.*"):
        path.write_bytes(b"nothing that was there")
    more = [content()[f"photos/{seed:03d}.jpg"] for seed in range(1, 8)]
    update = ("lists", "import", "tests", write_list(tmp_path / "more.csv", more), "--accept-changes")
    assert hashsweep(*update, "-w", workspace).code == 0
    done = hashsweep("rematch", url, "-w", workspace, *engine, env=TOLERANT)
    assert done.code == 1, done.err
    assert done.json["rematch_of"] == first.json["run_id"]
    gone = {"photos/000.jpg", "copies/exact.jpg"}
    assert {row["key"] for row in rows(workspace)} == FOUND - gone | {"photos/006.jpg", "photos/007.jpg"}
    difference = hashsweep(
        "findings", "-w", workspace, "--diff", first.json["run_id"], "--format", "jsonl"
    ).out
    told = [json.loads(line) for line in difference.splitlines()]
    assert {one["key"]: one["reason"] for one in told if one["state"] == "gone"} == dict.fromkeys(
        gone, "entry_withdrawn"
    )


def test_overflow_bounds_pairs_and_never_objects(directory, workspace, tmp_path):
    pdqs = [fingerprint(content(6)[f"photos/00{seed}.jpg"]).pdq for seed in (0, 4)]
    near = [{lists.near(pdq, 1 + number % 9, number).hex() for number in range(400)} for pdq in pdqs]
    known = [value for values in near for value in values]
    flood = lists.write_csv(tmp_path / "flood.csv", [{"algorithm": "pdq", "value": one} for one in known])
    assert hashsweep("lists", "import", "flood", flood, "-w", workspace).code == 0
    done = scan(f"file://{directory}", workspace, HASHSWEEP_MATCH__MAX_ENTRIES_PER_LIST="3")
    assert done.code == 1, done.err
    found = {row["key"]: [m for m in row["matches"] if m["list"] == "flood"] for row in rows(workspace)}
    assert {*found} == FOUND, "no object is left out"
    flooded = {"photos/000.jpg", "photos/004.jpg", "copies/exact.jpg"}
    assert {key: len(matches) for key, matches in found.items() if matches} == dict.fromkeys(flooded, 3)
    assert {m["distance"] for key in flooded for m in found[key]} == {1}, "the nearest ones stay"
    assert done.json["counts"]["matches_omitted"] == 2 * len(near[0]) + len(near[1]) - 9, (
        "what is left out is counted"
    )


def test_a_rematch_before_any_scan_says_which_command_comes_first(directory, workspace):
    refused = hashsweep("rematch", f"file://{directory}", "-w", workspace)
    assert refused.code == 2
    assert "`hashsweep scan` makes one" in refused.err


def test_severity_follows_the_list_and_exactness(directory, workspace):
    assert scan(f"file://{directory}", workspace, HASHSWEEP_LISTS__TESTS__ILLEGAL='["A"]').code == 1
    severity = {row["key"]: row["severity"] for row in rows(workspace)}
    assert severity["copies/exact.jpg"] == "report"
    assert severity["copies/smaller.png"] == "review"


def test_large_files_that_are_no_media_cost_one_small_read_unless_all_is_asked_for(directory, workspace):
    (directory / "big.log").write_bytes(b"a line of a log\n" * 700_000)
    size = (directory / "big.log").stat().st_size
    sniffed = scan(f"file://{directory}", workspace).json["coverage"]
    whole = scan(f"file://{directory}", workspace, "--read-all").json["coverage"]
    assert sniffed["bytes_read"] + size > whole["bytes_read"] > sniffed["bytes_read"] + size - 100_000
    assert sniffed["unseen"]["application/octet-stream"]["bytes"] >= size


def test_any_changed_byte_of_a_manifest_or_a_part_is_noticed(directory, workspace):
    folder = scan(f"file://{directory}", workspace).json["folder"]
    assert hashsweep("verify", folder).code == 0
    assert "unsigned" in hashsweep("verify", folder).out
    (run,) = (workspace / "runs").iterdir()
    for victim in [path for path in run.rglob("*") if path.is_file()]:
        whole = victim.read_bytes()
        victim.write_bytes(
            whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
        )
        assert hashsweep("verify", folder).code in (2, 3), victim.name
        victim.write_bytes(whole)


def test_a_signed_manifest_says_whose_key_signed_it(directory, workspace, tmp_path):
    made = hashsweep("signing-key", tmp_path / "key.pem")
    done = scan(f"file://{directory}", workspace, HASHSWEEP_SIGNING__KEY_FILE=str(tmp_path / "key.pem"))
    assert done.code == 1, done.err
    folder = done.json["folder"]
    assert hashsweep("verify", folder, "--public-key", made.out.strip()).code == 0
    other = hashsweep("signing-key", tmp_path / "other.pem")
    assert hashsweep("verify", folder, "--public-key", other.out.strip()).code == 3


def test_a_signing_key_inside_the_workspace_is_refused(directory, workspace):
    assert hashsweep("signing-key", workspace / "key.pem").code == 0
    done = scan(f"file://{directory}", workspace, HASHSWEEP_SIGNING__KEY_FILE=str(workspace / "key.pem"))
    assert done.code == 2
    assert "workspace" in done.err


def test_elsewhere_than_on_a_terminal_progress_is_json_lines(directory, workspace):
    done = scan(f"file://{directory}", workspace)
    events = [json.loads(line) for line in done.err.splitlines()]
    assert events[0]["event"] == "run begins"
    assert events[-1]["listed"] == events[-1]["objects"] == len(content())


def test_the_demo_finds_its_copies_and_says_what_to_do_next(tmp_path):
    done = hashsweep("demo", tmp_path / "demo", "--scheduler", "none")
    assert done.code == 0, done.err
    words = [line.split() for line in done.out.splitlines()]
    assert ["exact", "84", "84"] in words
    assert ["reencoded", "27", "27"] in words
    assert ["resized", "27", "27"] in words
    assert ["anything", "else", "0", "0"] in words
    assert "undecodable" in done.out
    verify = next(
        line.strip() for line in done.out.splitlines() if line.strip().startswith("hashsweep verify")
    )
    assert hashsweep(*verify.split()[1:]).code == 0


def test_no_picture_of_a_bomb_or_a_broken_file_ends_a_run(tmp_path, workspace):
    store = {name.replace(" ", "-"): data for name, data in pictures.broken().items()}
    store |= {"pixels.png": pictures.pixel_bomb(), "text.png": pictures.text_bomb(70)}
    root = write_store(tmp_path / "bombs", store)
    done = scan(f"file://{root}", workspace)
    assert done.code == 0, done.err
    assert done.json["coverage"]["objects"] == len(store)
    assert set(done.json["coverage"]["outcomes"]) <= {"undecodable", "too_large", "hashed", "not_media"}
