"""Real S3 servers on loopback for tests: SeaweedFS, and moto for the key names that SeaweedFS alters."""

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from scanner.config import Target

ADMIN = ("admin", "admin-secret")
READER = ("reader", "reader-secret")
STRANGER = ("stranger", "stranger-secret")
IDENTITIES = {
    ADMIN: ["Admin", "Read", "Write", "List", "Tagging"],
    READER: ["Read", "List"],
    STRANGER: ["Read", "List:none"],
}
"""Who may do what at SeaweedFS; moto asks nobody."""

START_SECONDS = 60.0
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Server:
    """A running S3 server and the credentials to use it with."""

    endpoint_url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def client(self) -> Any:
        """Return a plain boto3 client with these credentials."""
        session = boto3.Session(self.access_key, self.secret_key, region_name=self.region)
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, max_pool_connections=32)
        return session.client("s3", endpoint_url=self.endpoint_url, config=config)

    def target(self, bucket: str, prefix: str = "", **settings: Any) -> Target:
        """Return a target in this server; the scanner takes its credentials from the environment."""
        settings = {"endpoint_url": self.endpoint_url, "region": self.region, **settings}
        return Target(url=f"s3://{bucket}/{prefix}", **settings)

    def new_bucket(self, versioned: bool = False) -> str:
        """Make an empty bucket under a name of its own and return the name."""
        name = f"bucket-{secrets.token_hex(6)}"
        client = self.client()
        client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def identity(self, keys: tuple[str, str]) -> "Server":
        """Return the same server as another identity sees it."""
        return replace(self, access_key=keys[0], secret_key=keys[1])

    def login(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put these credentials into the environment, where the scanner looks for them."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", self.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", self.secret_key)


@contextlib.contextmanager
def seaweedfs() -> Iterator[Server]:
    """Run SeaweedFS on free loopback ports in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="seaweedfs-") as folder:
        ports: list[int] = []
        try:
            yield from _serving(lambda: _seaweedfs(Path(folder), ports), Path(folder) / "log", _writes)
        finally:
            for port in ports:  # it leaves sockets where no setting reaches
                for socket_file in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                    socket_file.unlink(missing_ok=True)


@contextlib.contextmanager
def moto() -> Iterator[Server]:
    """Run moto's server on a free loopback port; it accepts any credentials."""
    with tempfile.TemporaryDirectory(prefix="moto-") as folder:
        yield from _serving(_moto, Path(folder) / "log", _lists)


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen]:
    """Run a server process that ends with this block, and with this process if that is killed."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(log.parent)},
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock to meet
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(1)  # SeaweedFS waits for connections that are kept alive; its folder is thrown away
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serving(
    command: Callable[[], tuple[list[str], Server]], log: Path, ready: Callable[[Server], bool]
) -> Iterator[Server]:
    """Start until it stands: a free port may be taken between choosing it and listening on it."""
    for _ in range(3):
        words, server = command()
        with running(words, log) as process:
            if _stands(process, server, ready):
                yield server
                return
    raise RuntimeError(f"{words[0]} did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _stands(process: subprocess.Popen, server: Server, ready: Callable[[Server], bool]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            if ready(server):
                return True
        time.sleep(0.05)
    return False


def _lists(server: Server) -> bool:
    server.client().list_buckets()
    return True


def _writes(server: Server) -> bool:
    """A volume can be written to somewhat later than buckets can be listed."""
    client = server.client()
    client.create_bucket(Bucket="ready")
    client.put_object(Bucket="ready", Key="ready", Body=b"ready")
    client.delete_object(Bucket="ready", Key="ready")
    client.delete_bucket(Bucket="ready")
    return True


def _moto() -> tuple[list[str], Server]:
    (port,) = free_ports(1)
    words = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return words, Server(f"http://127.0.0.1:{port}", *ADMIN)


def _seaweedfs(folder: Path, used: list[int]) -> tuple[list[str], Server]:
    identities = [
        {
            "name": access_key,
            "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
            "actions": actions,
        }
        for (access_key, secret_key), actions in IDENTITIES.items()
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    data = Path(tempfile.mkdtemp(dir=folder))
    parts = ("master", "volume", "filer", "s3", "admin")
    used.extend(free_ports(2 * len(parts)))
    ports = iter(used[-2 * len(parts) :])
    flags = {f"{part}.{kind}": next(ports) for part in parts for kind in ("port", "port.grpc")}
    settings = {
        **flags,
        "dir": data,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "admin.ui": "false",
        "webdav": "false",
        "volume.preStopSeconds": 0,
        "s3.config": config,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": data / "s3.sock",
        "filer.localSocket": data / "filer.sock",
    }
    weed = Path(sys.executable).with_name("weed")
    words = [str(weed), "mini", *(f"-{name}={value}" for name, value in settings.items())]
    return words, Server(f"http://127.0.0.1:{flags['s3.port']}", *ADMIN)
