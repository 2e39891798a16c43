import pytest
from botocore.awsrequest import AWSRequest

from scanner.config import Target
from scanner.fetch.canonical import Sent, is_canonical, store_of
from scanner.target import place_of

SIGNED = "AWS4-HMAC-SHA256 Credential=KEY/20240229/eu-west-3/s3/aws4_request, SignedHeaders=host, Signature=0"
PLACE = place_of(Target(url="s3://bucket"))


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a/b.jpg",
        "a b",
        "trail ",
        " lead",
        "100%",
        "%2F",
        "a+b",
        "a#b",
        "a?b",
        "back\\slash",
        "ünï/日本",
        "...",
        "a/.b",
    ],
)
def test_keys_that_obstore_takes_as_they_are_are_canonical(key):
    assert is_canonical(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/lead",
        "trail/",
        "a//b",
        ".",
        "..",
        "a/./b",
        "a/../b",
        "./a",
        "../a",
        "a/..",
        "a\tb",
        "a\nb",
        "\x7f",
        "\x85",
    ],
)
def test_keys_that_obstore_would_alter_or_refuse_are_not(key):
    assert not is_canonical(key)


@pytest.mark.parametrize("kind", [str, str.encode])
def test_what_is_kept_of_a_request_is_its_address_and_region(kind):
    request = AWSRequest("GET", "http://h/bucket/key?versionId=1", {"Authorization": kind(SIGNED)}).prepare()

    assert Sent.by(request) == Sent("http://h/bucket/key", "eu-west-3")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        SIGNED.replace("/s3/", "/s3express/"),
        SIGNED.replace("HMAC-SHA256", "ECDSA-P256-SHA256"),
        "AWS KEY:signature",
    ],
)
def test_a_request_that_is_not_signed_like_s3_has_no_region_and_no_obstore(authorization):
    sent = Sent.by(AWSRequest("GET", "http://h/bucket/key", {"Authorization": authorization}).prepare())

    assert sent.region is None
    assert store_of(sent, "key", PLACE, 60.0) is None


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:9/bucket/dir/a%20b", "http://127.0.0.1:9/bucket"),
        ("https://bucket.s3.eu-west-3.amazonaws.com/dir/a%20b", "https://bucket.s3.eu-west-3.amazonaws.com"),
        ("https://127.0.0.1:9/gateway/bucket/dir/a%20b", "https://127.0.0.1:9/gateway/bucket"),
    ],
)
def test_obstore_asks_below_the_address_that_boto3_asked(url, endpoint):
    store = store_of(Sent(url, "eu-west-3"), "dir/a b", PLACE, 60.0)

    assert store.config["endpoint_url_s3"] == endpoint
    assert store.config["region"] == "eu-west-3"
    assert store.client_options["allow_http"] == ("true" if url.startswith("http:") else "false")


def test_an_address_that_does_not_end_with_the_key_is_not_guessed_from():
    assert store_of(Sent("http://h/bucket/other", "eu-west-3"), "key", PLACE, 60.0) is None
