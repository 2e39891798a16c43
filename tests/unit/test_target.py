"""Addresses mean one place or are refused with the way out, and no object is listed twice."""

import os

import pytest

from scanner.config import Target
from scanner.errors import ConfigError
from scanner.target import place_of, places_of, refuse_workspace_inside
from scanner.workspace import Workspace


def _place(url, **settings):
    return place_of(Target(url=url, **settings))


def _refusal(*targets):
    with pytest.raises(ConfigError) as caught:
        places_of([target if isinstance(target, Target) else Target(url=target) for target in targets])
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://uploads", "uploads", ""),
        ("s3://uploads/", "uploads", ""),
        ("s3://uploads/photos/2026/", "uploads", "photos/2026/"),
        ("s3://uploads/a?b#c%20d +\t\u00e9", "uploads", "a?b#c%20d +\t\u00e9"),
        ("s3://uploads//lead", "uploads", "/lead"),
        ("s3://uploads/../up", "uploads", "../up"),
        ("s3://a/s3://b", "a", "s3://b"),
        ("s3://arn:aws:s3:eu-west-1:1:accesspoint/x", "arn:aws:s3:eu-west-1:1:accesspoint", "x"),
    ],
)
def test_a_bucket_and_any_prefix_are_taken_literally(url, bucket, prefix):
    place = _place(url)
    assert (place.scheme, place.store, place.bucket, place.prefix) == ("s3", "aws", bucket, prefix)


def test_the_store_is_the_configured_name_and_never_the_endpoint():
    assert _place("s3://a", store="ceph-1", endpoint_url="http://127.0.0.1:1").store == "ceph-1"
    assert _place("s3://a", endpoint_url="http://127.0.0.1:1").store == "aws"


def test_a_directory_is_known_by_its_resolved_root(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    place = _place(f"file://{tmp_path}/link/../link/")
    assert (place.scheme, place.store, place.prefix) == ("file", "file", "")
    assert place.bucket == str(tmp_path / "real")
    assert _place(f"file://{tmp_path}", store="nas").store == "nas"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a%20b", "a b"),
        ("caf%C3%A9", "caf\u00e9"),
        ("caf\u00e9", "caf\u00e9"),
        ("100%25", "100%"),
        ("a?b#c", "a?b#c"),
    ],
)
def test_a_directory_may_be_written_as_a_file_uri(tmp_path, written, name):
    (tmp_path / name).mkdir()
    assert _place(f"file://{tmp_path}/{written}").bucket == str(tmp_path / name)
    assert _place(f"file://localhost{tmp_path}/{written}").bucket == str(tmp_path / name)


@pytest.mark.parametrize("name", ["plain", "a b", "100%25", "a#b?c", "caf\u00e9", "[x"])
def test_a_printed_place_is_an_address_again(tmp_path, name):
    (tmp_path / name).mkdir()
    place = _place(f"file://{tmp_path}".replace("%", "%25") + "/" + name.replace("%", "%25"))
    assert _place(str(place)).bucket == place.bucket == str(tmp_path / name)
    assert str(_place("s3://a/b c?")) == "s3://a/b c?"


def test_a_root_whose_name_is_not_utf8_is_refused_for_identities_are_text(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")  # noqa: PTH102 - a name that no text has
    assert "not UTF-8" in _refusal(f"file://{tmp_path}/caf%E9")
    assert "not UTF-8" in _refusal(f"file://{tmp_path}/caf\udce9")


@pytest.mark.parametrize(
    ("url", "way_out"),
    [
        ("uploads", "write s3://bucket/prefix or file:///directory"),
        ("gs://bucket", "write s3://bucket/prefix or file:///directory"),
        ("S3://bucket", "write s3://bucket/prefix or file:///directory"),
        ("s3:/bucket", "write s3://bucket/prefix or file:///directory"),
        ("://bucket", "write s3://bucket/prefix or file:///directory"),
        ("https://bucket/x", "write s3://bucket/prefix or file:///directory"),
        ("s3://", "write s3://bucket"),
        ("s3:///prefix", "write s3://bucket"),
        ("file://", "three slashes"),
        ("file://localhost", "three slashes"),
        ("file://server/share", "three slashes"),
        ("file://[x/share", "three slashes"),
        ("file://relative", "three slashes"),
        ("file:///none/such/directory", "no such directory"),
        ("file:///none%00such", "no such directory"),
    ],
)
def test_what_is_no_target_is_refused_with_the_way_out(url, way_out):
    refusal = _refusal(url)
    assert refusal.startswith(f"{url}: ")
    assert way_out in refusal


def test_a_bare_directory_is_told_how_to_be_written(tmp_path):
    (tmp_path / "a b").mkdir()
    assert f"write a directory as {(tmp_path / 'a b').as_uri()}" in _refusal(str(tmp_path / "a b"))


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "no such directory" in _refusal(f"file://{tmp_path}/file")


def test_no_target_at_all_is_refused_with_the_command():
    assert "hashsweep scan s3://" in _refusal()


def test_places_keep_the_order_of_their_targets(tmp_path):
    urls = ["s3://b/2/", "s3://b/1/", "s3://a", f"file://{tmp_path}"]
    assert [str(place) for place in places_of([Target(url=url) for url in urls])] == [
        "s3://b/2/",
        "s3://b/1/",
        "s3://a/",
        tmp_path.as_uri(),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3://a", "s3://a"),
        ("s3://a", "s3://a/photos"),
        ("s3://a/photos/2026", "s3://a/photos"),
        ("s3://a/photos", "s3://a/photos-old/"),
    ],
)
def test_targets_of_which_one_holds_the_other_are_refused(one, other):
    for pair in ((one, other), (other, one)):
        assert "one contains the other" in _refusal(*pair)


def test_directories_of_which_one_holds_the_other_are_refused(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    for url in (f"file://{tmp_path}", f"file://{tmp_path}/a", f"file://{tmp_path}/link"):
        assert "one contains the other" in _refusal(f"file://{tmp_path}/a/b", url)


def test_neighbours_are_not_taken_for_one_another(tmp_path):
    for name in ("photos", "photos-old"):
        (tmp_path / name).mkdir()
    urls = [
        f"file://{tmp_path}/photos",
        f"file://{tmp_path}/photos-old",
        "s3://a/x/",
        "s3://a/y/",
        "s3://ab/x/",
    ]
    assert len(places_of([Target(url=url) for url in urls])) == 5


def test_buckets_of_one_name_at_two_stores_are_two_places():
    one = Target(url="s3://a", store="ceph-1", endpoint_url="http://127.0.0.1:1")
    other = Target(url="s3://a", store="ceph-2", endpoint_url="http://127.0.0.1:2")
    assert len(places_of([one, other])) == 2


def test_one_store_name_for_two_endpoints_is_refused():
    one = Target(url="s3://a", endpoint_url="http://127.0.0.1:1")
    assert "give each its own `store` name" in _refusal(one, "s3://a")


@pytest.mark.parametrize("url", ["s3://user:sesame@bucket", "https://sesame@host/b", "gs://a:sesame@b/x@y"])
def test_an_address_with_a_password_is_refused_and_not_repeated(url):
    refusal = _refusal(url)
    assert refusal.startswith(url.partition("//")[0])
    assert "names no user and no password" in refusal
    assert "sesame" not in refusal


def test_a_prefix_may_hold_an_at_sign():
    assert _place("s3://bucket/users/a@b").prefix == "users/a@b"


@pytest.mark.parametrize(
    "target", ["", "data", "data/workspace", "data/workspace/runs", "data/workspace/runs/r1"]
)
@pytest.mark.parametrize("through", ["data", "link"])
def test_a_workspace_within_a_target_is_refused_with_both(tmp_path, target, through):
    (tmp_path / "data" / "workspace" / "runs" / "r1").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    place = _place(f"file://{tmp_path / target}")
    workspace = Workspace(tmp_path / through / "workspace")
    with pytest.raises(ConfigError, match="one contains the other") as caught:
        refuse_workspace_inside([_place("s3://data"), place], workspace)
    assert str(place) in str(caught.value)
    assert str(workspace.root) in str(caught.value)


def test_a_workspace_beside_a_target_is_fine(tmp_path):
    for name in ("data", "data-workspace/store"):
        (tmp_path / name).mkdir(parents=True)
    places = [_place(f"file://{tmp_path}/data"), _place(f"file://{tmp_path}/data-workspace/store")]
    refuse_workspace_inside(places, Workspace(tmp_path / "data-workspace"))
    refuse_workspace_inside(places, Workspace(tmp_path / "none" / "yet"))
