"""What every test stands on: an environment without anybody's credentials, and S3 servers on loopback."""

import os

import pytest

from tests import servers


@pytest.fixture(scope="session", autouse=True)
def aws_environment():
    """Replace whatever AWS settings this machine has with those of the servers here."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        access_key, secret_key = servers.ADMIN
        environment.setenv("AWS_ACCESS_KEY_ID", access_key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", secret_key)
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("NO_PROXY", "no_proxy"):
            environment.setenv(name, "127.0.0.1")
        yield


@pytest.fixture(autouse=True)
def umask():
    """Give the next test the umask that this one found: the command line makes it private."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def seaweedfs(aws_environment):
    """A SeaweedFS: checks credentials and permissions, alters some odd keys."""
    with servers.seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def moto(aws_environment):
    """A moto: keeps every key exactly, checks no credentials."""
    with servers.moto() as server:
        yield server
