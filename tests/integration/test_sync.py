"""`hashsweep lists sync` as a user runs it, against exchanges that misbehave as the real ones do."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from scanner.cli.commands import app
from scanner.errors import Exit
from scanner.hashlist.exchanges import windows
from scanner.hashlist.exchanges.wire import Around
from scanner.hashlist.snapshot import active_snapshot, open_snapshot
from scanner.workspace import Workspace
from tests.exchanges import stopncii
from tests.exchanges.ncmec import DAY, PASSWORD, USER, Platform, State, entries
from tests.exchanges.serving import FAULTS
from tests.unit.hashlist import lists

SECRETS = {
    "NCMEC_USERNAME": USER,
    "NCMEC_PASSWORD": PASSWORD,
    "STOPNCII_FUNCTION_KEY": stopncii.KEYS[0],
    "STOPNCII_SUBSCRIPTION_KEY": stopncii.KEYS[1],
}


class Night:
    """The command, with a clock that passes only by waiting and by what a test says."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.now = folder, DAY + timedelta(days=40)
        self.workspace = folder / "workspace"
        monkeypatch.setattr("scanner.cli.exchange._around", self.around)
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)

    def around(self):
        return Around(lambda: self.now, self._sleep, lambda: 1.0)

    def _sleep(self, seconds):
        self.now += timedelta(seconds=seconds)

    def settings(self, base, exchange="ncmec", **further):
        lines = [
            f'workspace = "{self.workspace}"',
            "[lists.l.sync]",
            f'exchange = "{exchange}"',
            f'url = "{base}"',
            'environment = "test"',
            *(f'{key} = "{value}"' for key, value in further.items()),
        ]
        file = self.folder / "settings.toml"
        file.write_text("\n".join(lines))
        return file

    def sync(self, base, *flags, exchange="ncmec", **further):
        command = ["lists", "sync", "l", "-c", str(self.settings(base, exchange, **further)), *flags]
        return CliRunner().invoke(app, command, catch_exceptions=True)

    def active(self):
        return active_snapshot(Workspace(self.workspace), "l")

    def held(self):
        """Return what the list holds, in the words of the platform's truth."""
        rows = open_snapshot(self.active()).to_pylist()
        return {
            (
                row["media_type"],
                row["member"],
                row["entry_id"],
                row["algorithm"],
                row["value"].hex(),
                row["classification"],
            )
            for row in rows
        }

    def values(self):
        return {row["value"].hex() for row in open_snapshot(self.active()).to_pylist()}


@pytest.fixture
def night(tmp_path, monkeypatch):
    return Night(tmp_path, monkeypatch)


def said(result):
    return result.output + str(result.exception or "")


def test_the_first_synchronisation_reads_all_and_the_next_what_changed(night):
    platform = Platform(entries(40), page_size=7)
    with platform.serving() as base:
        first = night.sync(base)
        assert (first.exit_code, night.held()) == (0, platform.truth()), said(first)
        assert "read from the start" in first.output
        reads = len(platform.requests)
        platform.entries["45", "e00001"] = State(night.now, gone=True)
        platform.entries["45", "new"] = State(
            night.now, {"sha1": "ab" * 20, "pdq": lists.value("pdq", 1).hex()}
        )
        night.now += timedelta(hours=24)
        second = night.sync(base)
    assert (second.exit_code, night.held()) == (0, platform.truth()), said(second)
    assert "read from the start" not in second.output
    assert len(platform.requests) - reads <= 3
    checkpoint = night.active().checkpoint
    assert (checkpoint["exchange"], checkpoint["environment"], checkpoint["url"]) == ("ncmec", "test", base)


def test_an_exchange_without_news_makes_the_list_young_and_nothing_else(night):
    platform = Platform(entries(5))
    with platform.serving() as base:
        night.sync(base)
        before = night.active()
        night.now += timedelta(hours=24)
        result = night.sync(base, "--json")
    assert json.loads(result.output)["imports"][0]["unchanged"] is True
    assert night.active().digest == before.digest
    assert night.active().imported_at - before.imported_at == timedelta(hours=24)


def test_half_a_reading_is_never_a_snapshot_and_the_same_command_goes_on(night, monkeypatch):
    monkeypatch.setattr(windows, "LIMIT", 20)
    platform = Platform(entries(60), page_size=5, fault=lambda n, _: "503" if 20 <= n < 28 else None)
    with platform.serving() as base:
        stopped = night.sync(base)
        assert stopped.exit_code == Exit.INCOMPLETE or "ExchangeError" in repr(stopped.exception)
        assert night.active() is None
        assert list((night.workspace / "lists" / "l" / "sync").glob("*.page"))
        before = len(platform.requests)
        assert night.sync(base).exit_code == 0
    assert night.held() == platform.truth()
    assert not (night.workspace / "lists" / "l" / "sync").exists()
    undisturbed = Platform(entries(60), page_size=5)
    assert len(platform.requests) - before < 60, undisturbed


def test_a_list_that_was_read_from_elsewhere_is_not_mixed(night):
    with Platform(entries(3)).serving() as first:
        night.sync(first)
    with Platform(entries(3)).serving() as other:
        result = night.sync(other)
    assert result.exit_code != 0
    assert "was read from another exchange (test) than settings name" in said(result)


def test_a_list_whose_exchange_moved_is_read_anew_on_demand(night):
    with Platform(entries(3)).serving() as first:
        night.sync(first)
    platform = Platform(entries(5))
    with platform.serving() as other:
        assert night.sync(other, "--from-start").exit_code == 0
    assert night.held() == platform.truth()
    assert night.active().checkpoint["url"] == other


def test_a_reading_that_was_stopped_longer_than_a_day_ago_is_begun_again(night, monkeypatch):
    monkeypatch.setattr(windows, "LIMIT", 20)
    platform = Platform(entries(60), page_size=5, fault=lambda n, _: "503" if 20 <= n < 28 else None)
    with platform.serving() as base:
        assert night.sync(base).exit_code != 0
        night.now += timedelta(hours=25)
        before = len(platform.requests)
        assert night.sync(base).exit_code == 0
    assert "from=1970-01-01" in platform.requests[before][2]
    assert night.held() == platform.truth()


def test_read_from_the_start_it_is_what_the_exchange_holds(night):
    platform = Platform(entries(300), page_size=50)
    with platform.serving() as base:
        night.sync(base)
        del platform.entries["45", "e00000"]  # forgotten, without a tombstone
        night.now += timedelta(hours=24)
        night.sync(base)
        assert len(night.held()) == 300
        assert night.sync(base, "--from-start").exit_code == 0
        assert night.held() == platform.truth()
        for number in range(100, 200):
            del platform.entries["45", f"e{number:05}"]
        stopped = night.sync(base, "--from-start")
        assert "100 of 299 entries would be no longer matched" in said(stopped)
        reads = len(platform.requests)
        assert night.sync(base, "--from-start", "--accept-changes").exit_code == 0
    assert night.held() == platform.truth()
    assert len(platform.requests) - reads <= 2  # what was read waited for somebody to agree


def test_many_tombstones_stop_until_somebody_agrees(night):
    platform = Platform(entries(500), page_size=100)
    with platform.serving() as base:
        night.sync(base)
        for number in range(101):
            platform.entries["45", f"e{number:05}"] = State(night.now, gone=True)
        night.now += timedelta(hours=1)
        assert "101 of 500 entries would be no longer matched" in said(night.sync(base))
        assert len(night.held()) == 500
        assert night.sync(base, "--accept-changes").exit_code == 0
    assert night.held() == platform.truth()


def test_a_withdrawn_submission_leaves_the_list_and_forgotten_ones_are_found_after_a_month(night):
    exchange = stopncii.StopNciiExchange(stopncii.records(300), most=100)
    with exchange.serving() as base:
        assert night.sync(base, exchange="stopncii").exit_code == 0
        assert night.values() == exchange.truth()
        first, second, *_ = sorted(exchange.records)
        exchange.records[first] = stopncii.Record(int(night.now.timestamp()), "Withdrawn")
        night.now += timedelta(hours=24)
        assert night.sync(base, exchange="stopncii").exit_code == 0
        assert night.values() == exchange.truth()
        del exchange.records[second]
        night.now += timedelta(days=31)
        assert "read from the start" in night.sync(base, exchange="stopncii").output
    assert night.values() == exchange.truth()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NCMEC_PASSWORD": None}, "no credentials: set NCMEC_USERNAME and NCMEC_PASSWORD"),
        ({"NCMEC_PASSWORD": "wrong"}, "refuses the credentials"),
        ({"NCMEC_PASSWORD": "a\nb"}, "characters that no header can carry"),
    ],
)
def test_credentials_that_are_missing_or_wrong_are_said_and_not_shown(night, monkeypatch, environment, words):
    for name, value in environment.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with Platform().serving() as base:
        result = night.sync(base)
    assert result.exit_code != 0
    assert words in said(result)
    assert USER not in said(result)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (f"{USER}:{PASSWORD}\n", 0o600, None),
        (f"{USER}:{PASSWORD}\n", 0o640, "others may read the credentials"),
        ("secret without a colon\n", 0o600, "they are one line user:password"),
        (None, 0o600, "cannot be read (FileNotFoundError)"),
    ],
)
def test_credentials_may_come_from_a_private_file(night, monkeypatch, content, mode, words):
    monkeypatch.delenv("NCMEC_PASSWORD")
    file = night.folder / "credentials"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    with Platform(entries(2)).serving() as base:
        result = night.sync(base, credentials_file=file)
    if words is None:
        assert result.exit_code == 0, said(result)
    else:
        assert words in said(result)
        assert "secret" not in said(result)


def test_a_list_without_an_exchange_in_the_settings_is_said(night):
    night.settings("http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["lists", "sync", "other", "-c", str(night.folder / "settings.toml")])
    assert "the settings have no [lists.other.sync]" in said(result)


def test_the_exchange_tells_who_we_are_and_what_there_is(night):
    platform = Platform(entries(2))
    with platform.serving() as base:
        file = str(night.settings(base))
        text = CliRunner().invoke(app, ["lists", "exchange", "about", "l", "-c", file]).output
        as_json = CliRunner().invoke(app, ["lists", "exchange", "about", "l", "-c", file, "--json"]).output
    assert "provider: member 7, Example Provider" in text
    assert "45  Take It Down" in text
    assert "c-1  Content: Anime" in text
    assert "r-1  Not illegal" in text
    assert json.loads(as_json)["members"]["45"] == "Take It Down"


def test_feedback_goes_out_only_where_its_environment_is_named(night):
    platform = Platform(entries(2))
    command = ["lists", "exchange", "feedback", "l", "45", "e00001", "MD5", "-c"]
    with platform.serving() as base:
        command.append(str(night.settings(base)))
        assert CliRunner().invoke(app, command).exit_code == 2
        wrong = CliRunner().invoke(app, [*command, "--confirm", "production"])
        assert "the settings send this to 'test'" in said(wrong)
        assert platform.told == []
        sent = CliRunner().invoke(app, [*command, "--confirm", "test", "--reason", "r-1"])
    assert sent.exit_code == 0, said(sent)
    ((path, body),) = platform.told
    assert path == "/v2/entries/45/e00001/MD5/feedback"
    assert "<guid>r-1</guid>" in body


def test_a_kind_of_hash_that_nobody_knows_is_bad_usage(night):
    with Platform().serving() as base:
        file = str(night.settings(base))
        result = CliRunner().invoke(app, ["lists", "exchange", "about", "l", "--type", "MD6", "-c", file])
    assert "'MD6': no kind of hash of the platform; known are MD5" in said(result)
    assert result.exception.exit_code == Exit.USAGE


def test_large_fingerprints_go_to_private_files(night):
    link = '<tmk-pdqf rel="self" href="/v2/entries/45/v1/large/tmk-pdqf"/>'
    platform = Platform(entries(3))
    answer = platform.answer

    def linked(*asked):
        status, body = answer(*asked)
        return status, body.replace(b"</fingerprints>", link.encode() + b"</fingerprints>")

    platform.answer = linked
    folder = night.folder / "large"
    with platform.serving() as base:
        assert night.sync(base).exit_code == 0
        command = [
            "lists",
            "exchange",
            "fingerprints",
            "l",
            "45",
            "e00001",
            str(folder),
            "-c",
            str(night.settings(base)),
        ]
        result = CliRunner().invoke(app, command)
        missing = CliRunner().invoke(app, [*command[:5], "nobody", *command[6:]])
    assert result.exit_code == 0, said(result)
    assert (folder / "tmk-pdqf").read_bytes() == b"\x00large\xff"
    assert (folder / "tmk-pdqf").stat().st_mode & 0o777 == 0o600
    assert "has no entry 'nobody' of member '45'" in said(missing)


@pytest.mark.parametrize("seed", range(200))
def test_random_faults_end_with_the_truth_or_with_words(night, monkeypatch, seed):
    """A night of synchronisations while the exchange changes and fails; then one quiet night."""
    monkeypatch.setattr(windows, "LIMIT", 12)
    chance = random.Random(seed)
    density, changing = chance.choice([0.05, 0.3, 0.6]), chance.choice([0.0, 0.05, 0.2])
    quiet = []

    def fault(number, path):
        return chance.choice(FAULTS) if not quiet and chance.random() < density else None

    def change(number, platform):
        if quiet or chance.random() >= changing:
            return
        key = ("45", f"e{chance.randrange(80):05}")
        before = platform.entries.get(key, State(night.now))
        hashes = (
            {} if chance.random() < 0.3 else {"md5": random.Random(f"{seed} {number}").randbytes(16).hex()}
        )
        platform.entries[key] = replace(before, at=night.now, hashes=hashes or before.hashes, gone=not hashes)

    step = chance.choice([timedelta(0), timedelta(seconds=1), timedelta(hours=1)])
    platform = Platform(
        entries(chance.randrange(60), step=step),
        page_size=chance.choice([3, 5]),
        total=chance.random() < 0.7,
        lasts=chance.choice([3, 10**9]),
        moves=change,
        fault=fault,
    )
    with platform.serving() as base:
        for _ in range(4):
            before = night.active() if night.workspace.exists() else None
            result = night.sync(base, "--accept-changes")
            if result.exit_code:
                assert result.exception is not None
                assert str(result.exception)
                after = night.active()
                whole = (after and after.digest) == (before and before.digest)
                assert whole or night.held() <= platform.ever  # an earlier reading was finished first
            night.now += timedelta(hours=chance.choice([0, 1, 30]))
        quiet.append(True)
        night.now += timedelta(hours=1)
        result = night.sync(base, "--accept-changes")
    if not platform.truth() and night.active() is None:
        assert "no entry that could be matched" in said(result)
        return
    assert result.exit_code == 0, said(result)
    assert night.held() == platform.truth()


def test_a_synchronisation_that_is_killed_goes_on(night, tmp_path):
    platform = Platform(entries(400), page_size=2)
    platform.moves = lambda number, it: time.sleep(0.01)
    with platform.serving() as base:
        command = [sys.executable, "-c", "from scanner.cli import main; main()", "lists", "sync", "l", "-c"]
        command.append(str(night.settings(base)))
        environment = os.environ | SECRETS
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as first:
            while len(platform.requests) < 60:
                time.sleep(0.01)
            first.send_signal(signal.SIGKILL)
        assert night.active() is None
        killed = len(platform.requests)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert night.held() == platform.truth()
    assert (
        len(platform.requests) - killed < 200 - 60 + 210
    )  # the pages behind it, and once more for the total
    assert PASSWORD not in done.stdout + done.stderr
