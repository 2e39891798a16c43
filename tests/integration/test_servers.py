"""The servers of the tests do what the tests lean on."""

import pytest
from botocore.exceptions import ClientError

from scanner.s3 import client_of
from tests.servers import READER


@pytest.mark.parametrize("name", ["seaweedfs", "moto"])
def test_a_server_keeps_what_is_put_and_every_version_of_it(name, request):
    server = request.getfixturevalue(name)
    bucket = server.new_bucket(versioned=True)
    for body in (b"one", b"two"):
        server.client().put_object(Bucket=bucket, Key="key", Body=body)
    client = client_of(server.target(bucket))
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"two"
    assert len(client.list_object_versions(Bucket=bucket)["Versions"]) == 2


def test_seaweedfs_lets_a_reader_read_and_never_write(seaweedfs, monkeypatch):
    bucket = seaweedfs.new_bucket()
    seaweedfs.client().put_object(Bucket=bucket, Key="key", Body=b"one")
    seaweedfs.identity(READER).login(monkeypatch)
    client = client_of(seaweedfs.target(bucket))
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"one"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=bucket, Key="key", Body=b"two")


def test_seaweedfs_refuses_a_wrong_secret(seaweedfs):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        seaweedfs.identity(("admin", "wrong")).client().list_buckets()
