"""Progress: sums and rates by a given clock, one JSON line an event, two bars on a terminal."""

import io
import json
import logging
import sys
from collections import Counter

import pytest
from rich.console import Console
from rich.text import Text

from scanner.findings.coverage import Coverage
from scanner.progress import READ, LogReporter, Tally, TerminalReporter
from scanner.records import Outcome


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.at = 100.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


def slice_of(objects, bytes_read=0, outcome="hashed"):
    return Coverage(outcomes=Counter({outcome: objects}), bytes_read=bytes_read)


def test_sums_and_rates_are_those_since_the_start(clock):
    tally = Tally(clock)
    tally.add(slice_of(30, 3000))
    tally.add(slice_of(10, 1000))
    clock.at += 8
    facts = tally.facts()
    assert (facts["objects"], facts["bytes"]) == (40, 4000)
    assert (facts["objects_per_second"], facts["bytes_per_second"]) == (5.0, 500)


def test_facts_at_the_very_start_divide_by_nothing(clock):
    assert Tally(clock).facts()["objects_per_second"] == 0


def test_only_what_went_wrong_is_called_trouble(clock):
    tally = Tally(clock)
    for outcome in Outcome:
        tally.add(slice_of(2, outcome=outcome))
    calm = {"hashed", "not_media", "excluded", "not_regular", "screened"}
    assert tally.facts()["trouble"] == {str(o): 2 for o in sorted(Outcome) if o not in calm}


def test_the_time_left_is_said_once_the_listing_is_finished(clock):
    tally = Tally(clock)
    tally.listed = 100
    tally.add(slice_of(25))
    clock.at += 10
    assert tally.facts()["eta_seconds"] is None
    tally.listing_finished = True
    assert tally.facts()["eta_seconds"] == 30.0


def test_no_time_left_is_guessed_from_nothing(clock):
    tally = Tally(clock)
    tally.listing_finished = True
    assert tally.facts()["eta_seconds"] is None


@pytest.fixture
def log(clock):
    stream = io.StringIO()
    reporter = LogReporter(stream, every=5.0, clock=clock)
    return reporter, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_ascii_line_whatever_it_holds():
    stream = io.StringIO()
    LogReporter(stream).event("listing failed", target=1, message="line\nbreak \x1b[31m \u2028 \u202e é")
    text = stream.getvalue()
    assert text.isascii()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    line = json.loads(text)
    assert (line["event"], line["target"]) == ("listing failed", 1)
    assert line["at"].endswith("+00:00")


def test_progress_is_written_every_few_seconds_and_not_for_every_slice(log, clock):
    reporter, lines = log
    for _ in range(20):
        clock.at += 1
        reporter.scanned(slice_of(1))
    assert [line["objects"] for line in lines()] == [5, 10, 15, 20]


def test_the_join_is_progress_too(log, clock):
    reporter, lines = log
    clock.at += 6
    reporter.matched(10, 3)
    assert [(line["event"], line["findings"]) for line in lines()] == [("progress", 3)]


def test_the_last_sums_are_written_at_the_end(log, clock):
    reporter, lines = log
    reporter.listed(4, False)
    reporter.listed(3, True)
    clock.at += 2
    reporter.scanned(slice_of(7))
    assert lines() == []
    reporter.close()
    (last,) = lines()
    assert (last["listed"], last["objects"], last["eta_seconds"]) == (7, 7, 0.0)


def test_lines_go_to_standard_error_unless_told_otherwise(capsys):
    LogReporter().event("run begins", run_id="r")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["run_id"] == "r"


@pytest.fixture
def terminal(clock):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=140, color_system=None)
    reporter = TerminalReporter(console, clock)
    yield reporter, stream.getvalue
    reporter.close()


def test_both_bars_show_how_far_the_work_is(terminal, clock):
    reporter, shown = terminal
    reporter.listed(30, False)
    reporter.listed(10, True)
    clock.at += 2
    reporter.scanned(slice_of(20, 4_000_000))
    reporter.scanned(slice_of(1, outcome="denied"))
    reporter.matched(12, 5)
    reporter.close()
    assert "21/40" in shown()
    assert "12/40" in shown()
    assert "10/s  2.0 MB/s  5 with matches  denied 1" in shown()


@pytest.fixture(params=[False, True], ids="soft wrap {}".format)
def narrow(request, clock):
    """A reporter at 80 columns, and the lines of what it shows last."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, soft_wrap=request.param)
    reporter = TerminalReporter(console, clock)

    def shown():
        reporter.close()
        last = stream.getvalue().rpartition("fingerprint")
        drawn = Text.from_ansi("".join(last[1:]).partition("\x1b[1A")[0])
        return [line.rstrip() for line in drawn.plain.splitlines() if line.strip()]

    yield reporter, shown
    reporter.close()


def test_nothing_is_cut_at_80_columns(narrow, clock):
    reporter, shown = narrow
    reporter.listed(1_234_567_890, True)
    for outcome, objects in (
        ("hashed", 123_456),
        ("archived", 12_345),
        ("denied", 23_456),
        ("failed", 34_567),
    ):
        clock.at += 100
        reporter.scanned(slice_of(objects, 10**10, outcome))
    clock.at += 100
    reporter.matched(123_456_789, 54_321)
    scan, join, *facts = shown()
    assert scan.split()[0] == "fingerprint"
    assert scan.split()[-2:] == ["193824/1234567890", "1461:48:29"]
    assert join.split()[0] == "join"
    assert join.split()[-2] == "123456789/1234567890"
    assert " ".join(" ".join(facts).split()) == (
        "388/s 80.0 MB/s 54321 with matches archived 12345 denied 23456 failed 34567"
    )
    assert max(map(len, [scan, join, *facts])) <= 80


def test_every_kind_of_trouble_finds_room_at_80_columns(narrow):
    reporter, shown = narrow
    for outcome in Outcome:
        reporter.scanned(slice_of(1_234_567, outcome=outcome))
    _, _, *facts = shown()
    said = " ".join(facts)
    assert all(f"{outcome} 1234567" in said for outcome in set(Outcome) - READ)
    assert max(map(len, facts)) <= 80


def test_the_time_left_is_told_though_each_slice_takes_minutes(narrow, clock):
    reporter, shown = narrow
    reporter.listed(10, True)
    for _ in range(2):
        clock.at += 120
        reporter.scanned(slice_of(1))
    assert shown()[0].split()[-2:] == ["2/10", "0:16:00"]


def test_the_bars_have_no_end_before_the_listing_has_one(terminal):
    reporter, shown = terminal
    reporter.listed(30, False)
    reporter.scanned(slice_of(20))
    reporter.close()
    assert "20/?" in shown()


def test_an_event_stands_above_the_bars_as_it_is(terminal):
    reporter, shown = terminal
    reporter.event("listing failed", message="[bold]s3://bucket[/bold]: denied")
    assert "listing failed message=[bold]s3://bucket[/bold]: denied" in shown()


def test_the_bars_are_taken_away_at_the_end(terminal):
    reporter, shown = terminal
    reporter.close()
    assert "\x1b[2K" in shown().rsplit("join", 1)[1]


def test_a_log_line_stands_above_the_bars_and_is_not_wiped_out_with_them(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    handler = logging.StreamHandler(sys.stderr)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    reporter = TerminalReporter(Console(file=stream, force_terminal=True, width=80))
    logging.getLogger("jobs.engine").warning("workers pause")
    reporter.close()
    before, _, after = stream.getvalue().partition("workers pause\n")
    assert before.endswith("\x1b[2K")  # the bars were taken away first
    assert "fingerprint" in after  # and drawn again below
    assert (handler.stream, sys.stderr) == (stream, stream)


def test_log_lines_stay_where_they_are_when_no_bars_are_drawn(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    handler = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    TerminalReporter(Console(file=io.StringIO())).close()
    assert handler.stream is stream
