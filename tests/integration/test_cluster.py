"""Schedulers as they really are: encrypted, without workers, unreachable, dead in the middle, or local."""

import datetime
import http.client
import ipaddress
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import dask
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobs.engine import dask_engine
from jobs.worker import ScanPlugin
from scanner.config import Scheduler
from scanner.errors import ConfigError, IncompleteRun
from scanner.slices import read_fingerprints
from scanner.worker import Spec
from scanner.workspace import put_once
from tests import pictures
from tests.cluster import PATIENT, processes, work_of
from tests.line import content, hashsweep, import_known


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Four parts of one picture each, in a workspace with a hash list."""
    root = tmp_path_factory.mktemp("cluster") / "workspace"
    import_known(root, content(6))
    return work_of(root, "store", {f"{n}.jpg": pictures.jpeg(n, (64, 64)) for n in range(4)}, 1)


@pytest.fixture
def remote(tmp_path):
    """A scheduler process without workers."""
    with dask.config.set(PATIENT), processes(tmp_path / "scheduler") as started:
        yield started


def engine_at(address, work, lost_seconds=60.0, connect_seconds=60.0):
    """Return an engine on a scheduler over tcp."""
    settings = Scheduler(address=address, allow_insecure=True)
    return dask_engine(settings, work.root, connect_seconds=connect_seconds, lost_seconds=lost_seconds)


def keys(slices):
    """Return the keys whose fingerprints are at rest."""
    return {row.object.key for one in slices if one.output.exists() for row in read_fingerprints(one.output)}


def interrupted(slices, interrupt):
    """Yield slices, and interrupt the cluster before the second one."""
    for number, one in enumerate(slices):
        if number == 1:
            interrupt()
        yield one


def test_a_run_whose_workers_are_lost_waits_for_others_and_loses_nothing(remote, work):
    remote.add_worker()
    slices = work.slices("replaced")

    def replace():
        remote.kill_workers()
        remote.add_worker(wait=False)

    with engine_at(remote.address, work)(work.spec) as executor:
        done = list(executor.fingerprint(interrupted(slices, replace)))
    assert {one for one, _ in done} == set(slices)
    assert keys(slices) == {"0.jpg", "1.jpg", "2.jpg", "3.jpg"}


def test_a_run_without_any_worker_left_says_what_to_do(remote, work):
    remote.add_worker()
    slices = work.slices("abandoned")
    with (
        pytest.raises(
            IncompleteRun, match=r"no worker for 1 s.* start workers, and the same command continues"
        ),
        engine_at(remote.address, work, lost_seconds=1.0)(work.spec) as executor,
    ):
        list(executor.fingerprint(interrupted(slices, remote.kill_workers)))


def test_a_scheduler_that_dies_leaves_a_run_that_the_same_command_continues(remote, work):
    remote.add_worker()
    slices = work.slices("orphaned")
    with (
        pytest.raises(IncompleteRun, match=r"scheduler: lost .* the same command continues"),
        engine_at(remote.address, work)(work.spec) as executor,
    ):
        list(executor.fingerprint(interrupted(slices, remote.kill)))


def test_a_scheduler_without_a_worker_is_refused(remote, work):
    with (
        pytest.raises(IncompleteRun, match=f"{remote.address}: has no worker; start one"),
        engine_at(remote.address, work)(work.spec),
    ):
        pass


def test_a_scheduler_that_nobody_answers_for_is_named(work):
    engine = engine_at("tcp://127.0.0.1:1", work, connect_seconds=1.0)
    with pytest.raises(IncompleteRun, match=r"tcp://127\.0\.0\.1:1: cannot be reached"), engine(work.spec):
        pass


def test_threads_of_one_worker_share_one_line_that_ends_with_it(work):
    probe = work.root / "probe-threads"
    put_once(probe, b"threads")
    plugin = ScanPlugin(work.spec, probe, "threads")
    together = threading.Barrier(4)

    def line(_):
        together.wait()
        return plugin.line()

    before = set(psutil.Process().children())
    with ThreadPoolExecutor(4) as pool:
        lines = list(pool.map(line, range(4)))
    assert len({id(one) for one in lines}) == 1
    assert len(set(psutil.Process().children()) - before) == 1
    plugin.teardown(None)
    assert set(psutil.Process().children()) <= before


def authority(folder, name):
    """Write a certificate authority, and a certificate with its key of this host; return the three paths."""
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject, key, issuer, issuer_key, ca):
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, issuer)]
        hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(names[0])
            .issuer_name(names[1])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem = serialization.Encoding.PEM
    written = {
        "ca": certificate(name, ca_key, name, ca_key, True).public_bytes(pem),
        "cert": certificate("localhost", key, name, ca_key, False).public_bytes(pem),
        "key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    paths = [folder / f"{name}-{kind}.pem" for kind in written]
    for path, data in zip(paths, written.values(), strict=True):
        path.write_bytes(data)
    return paths


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A scheduler and a worker that speak TLS alone, and the files that this takes."""
    folder = tmp_path_factory.mktemp("tls")
    files = authority(folder, "ours")
    with processes(folder / "scheduler", files) as started:
        started.add_worker()
        yield started, files, authority(folder, "foreign")


def settings_of(path, files):
    """Write settings that name TLS files."""
    names = ("tls_ca_file", "tls_cert_file", "tls_key_file")
    lines = [f'{name} = "{file}"' for name, file in zip(names, files, strict=True)]
    path.write_text("\n".join(["[scheduler]", *lines, ""]))
    return path


def test_an_encrypted_scheduler_scans_with_its_certificates(encrypted, work, tmp_path):
    started, files, _ = encrypted
    target = work.spec.config.targets[0].url
    settings = settings_of(tmp_path / "settings.toml", files)
    done = hashsweep(
        "scan", target, "-c", settings, "-w", work.root, "--scheduler", started.address, "--json"
    )
    assert done.code in {0, 1}, done.err
    assert done.json["coverage"]["objects"] == 4, done.json


def test_an_encrypted_scheduler_is_refused_without_certificates(encrypted, work):
    started, _, _ = encrypted
    target = work.spec.config.targets[0].url
    done = hashsweep("scan", target, "-w", work.root, "--scheduler", started.address)
    assert done.code == 2
    assert "tls:// needs scheduler.tls_ca_file, scheduler.tls_cert_file" in done.err


def test_certificates_that_cannot_be_read_are_refused(work, tmp_path):
    files = dict.fromkeys(("tls_ca_file", "tls_cert_file", "tls_key_file"), tmp_path / "missing.pem")
    with pytest.raises(ConfigError, match="tls_ca_file, tls_cert_file and tls_key_file cannot be used"):
        dask_engine(Scheduler(address="tls://127.0.0.1:1", **files), work.root)


def test_certificates_of_somebody_else_do_not_open_a_scheduler(encrypted, work):
    started, _, foreign = encrypted
    files = dict(zip(("tls_ca_file", "tls_cert_file", "tls_key_file"), foreign, strict=True))
    engine = dask_engine(Scheduler(address=started.address, **files), work.root, connect_seconds=2.0)
    with pytest.raises(IncompleteRun, match="are its certificates those of this command"), engine(work.spec):
        pass


def listening():
    """Return the addresses that this process and its workers listen on."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    ours = [one for one in family if one == family[0] or "spawn_main" in " ".join(one.cmdline())]
    found = {c.laddr for one in ours for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return len(ours), found


def answers(port, path):
    """Return the HTTP status that a port answers with, or None when it speaks something else."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=0.5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (OSError, http.client.HTTPException):
        return None


@pytest.mark.parametrize("dashboard", [False, True])
def test_the_local_engine_listens_on_loopback_alone_and_serves_pages_only_when_asked(work, dashboard):
    _, before = listening()
    settings = Scheduler(workers=1, dashboard=dashboard)
    with dask_engine(settings, work.root)(Spec(work.spec.config, work.spec.table)):
        processes_seen, after = listening()
        paths = ("/status", "/health", "/info/main/workers.html", "/json/counts.json", "/metrics")
        opened = after - before
        served = {(port, path) for _, port in opened for path in paths if answers(port, path) == 200}
    assert processes_seen >= 2
    assert opened
    assert {host for host, _ in opened} == {"127.0.0.1"}
    assert bool(served) is dashboard
