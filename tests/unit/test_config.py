"""Settings come from where they should, wrong ones are named with the way out, and secrets stay covered."""

import json
import re
import typing
from datetime import UTC, datetime
from pathlib import Path

import pydantic
import pytest

from scanner import config
from scanner.config import Config, Fetch, ListPolicy, Target, load, reached
from scanner.errors import ConfigError, Exit
from scanner.misconfigured import known_keys
from scanner.records import OPTIONAL, PERCEPTUAL


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "scan.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _refusal(path, environ=None, overrides=None):
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {}, overrides)
    assert caught.value.exit_code is Exit.USAGE
    return str(caught.value)


def test_nothing_set_gives_the_defaults():
    assert load(environ={}) == Config()


def test_defaults_are_what_the_documents_promise():
    settings = Config()
    assert (settings.match.pdq_max_distance, settings.match.phash_max_distance) == (31, 4)
    assert (settings.match.dhash_max_distance, settings.match.whash_max_distance) == (3, 0)
    assert settings.media.also == ()
    assert settings.match.min_pdq_quality == 50
    assert settings.run.resume_within_hours == 12
    assert settings.scheduler.address == "local"
    assert not settings.scheduler.dashboard
    assert not settings.scheduler.allow_insecure
    assert not settings.match.accept_expected_false_matches
    assert not settings.run.allow_empty


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[fetch]\natempts = 1", "fetch.atempts: unknown key; did you mean fetch.attempts?"),
        ("worksapce = 'x'", "worksapce: unknown key; did you mean workspace?"),
        ("[run]\ndashboard = true", "run.dashboard: unknown key; did you mean scheduler.dashboard?"),
        ("[lists.iwf]\nilegal = []", "lists.iwf.ilegal: unknown key; did you mean lists.iwf.illegal?"),
        (
            "[[targets]]\nurl = 's3://a'\nprofil = 'x'",
            "targets.0.profil: unknown key; did you mean targets.profile?",
        ),
        ("[signing]\nzzz = 1", "signing.zzz: unknown key; known here: key_file"),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_the_nearest_known_one(written, text, complaint):
    path = written(text)
    assert _refusal(path) == f"{path}: {complaint}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("fetch = 3", "fetch"),
        ("workspace = 3", "workspace"),
        ("[fetch]\nattempts = 'many'", "fetch.attempts"),
        ("[fetch]\nattempts = 6.5", "fetch.attempts"),
        ("[fetch]\nattempts = 0", "fetch.attempts"),
        ("[fetch]\nattempts = -1", "fetch.attempts"),
        ("[fetch]\ntimeout_seconds = 0", "fetch.timeout_seconds"),
        ("[fetch]\ntimeout_seconds = nan", "fetch.timeout_seconds"),
        ("[fetch]\ntimeout_seconds = inf", "fetch.timeout_seconds"),
        ("[fetch]\nleast_bytes_per_second = 0", "fetch.least_bytes_per_second"),
        ("[fetch]\nread_all = 'perhaps'", "fetch.read_all"),
        ("[fetch]\nsniff_bytes = '1 KiB'", "fetch.sniff_bytes"),
        ("[fetch]\nsingle_get_bytes = '8 quux'", "fetch.single_get_bytes"),
        ("[fetch]\nsingle_get_bytes = ''", "fetch.single_get_bytes"),
        ("[media]\nmemory_bytes = '512 MiB'", "media.memory_bytes"),
        ("[select]\nmin_bytes = -5", "select.min_bytes"),
        ("[select]\ninclude = '*.jpg'", "select.include"),
        ("[select]\ninclude = [1]", "select.include.0"),
        ("[select]\nsample = 0", "select.sample"),
        ("[select]\nmodified_since = 'lately'", "select.modified_since"),
        ("[select]\nmodified_since = 2024-01-01T00:00:00", "select.modified_since"),
        ("[match]\npdq_max_distance = 65", "match.pdq_max_distance"),
        ("[match]\nphash_max_distance = -1", "match.phash_max_distance"),
        ("[match]\ndhash_max_distance = 17", "match.dhash_max_distance"),
        ("[lists.a]\nwhash_max_distance = -1", "lists.a.whash_max_distance"),
        ("[media]\nalso = 'dhash'", "media.also"),
        ("[media]\nalso = ['ahash']", "media.also.0"),
        ("[media]\nalso = ['dhash', 'PHASH']", "media.also.1"),
        ("[match]\nmin_pdq_quality = 101", "match.min_pdq_quality"),
        ("[run]\ngap_tolerance = 1.5", "run.gap_tolerance"),
        ("[run]\ngap_tolerance = nan", "run.gap_tolerance"),
        ("[run]\nresume_within_hours = nan", "run.resume_within_hours"),
        ("[run]\nresume_within_hours = 1e300", "run.resume_within_hours"),
        ("[run]\nresume_within_hours = inf", "run.resume_within_hours"),
        ("[lists.a]\nmax_age_hours = 1e300", "lists.a.max_age_hours"),
        ("[lists.a]\nmax_age_hours = inf", "lists.a.max_age_hours"),
        ("[lists.a]\nmax_age_hours = 0", "lists.a.max_age_hours"),
        ("[media]\nseconds = 3e6", "media.seconds"),
        ("[media]\nmemory_bytes = '20 EiB'", "media.memory_bytes"),
        ("[fetch]\nin_flight = 1000000000", "fetch.in_flight"),
        ("[fetch]\nin_flight_bytes = 0", "fetch.in_flight_bytes"),
        ("[fetch]\nsingle_get_bytes = '5000 EiB'", "fetch.single_get_bytes"),
        ("[fetch]\nsingle_get_bytes = inf", "fetch.single_get_bytes"),
        ("[fetch]\nbackoff_seconds = 1e300", "fetch.backoff_seconds"),
        ("[scheduler]\nwindow = 1000000000", "scheduler.window"),
        ("[run]\npart_objects = 0", "run.part_objects"),
        ("[lists.a]\nafter_confirmation = 'delete'", "lists.a.after_confirmation"),
        ("[lists.a]\nillegal = 'A'", "lists.a.illegal"),
        ("[lists]\na = 1", "lists.a"),
        ("[[targets]]\nprofile = 'x'", "targets.0.url"),
        ("[targets]\nurl = 's3://a'", "targets"),
    ],
)
def test_a_wrong_value_is_refused_with_its_file_and_key(written, text, place):
    path = written(text)
    assert _refusal(path).startswith(f"{path}: {place}: ")


def _bounds(model):
    for name, info in model.model_fields.items():
        inner = [part for part in (info.annotation, *typing.get_args(info.annotation)) if part is not None]
        for part in inner:
            if isinstance(part, type) and issubclass(part, pydantic.BaseModel):
                yield from _bounds(part)
        yield model, name, inner


NUMBERS = [
    (model, name)
    for model, name, inner in _bounds(Config)
    if re.search(r"\b(int|float|ByteSize)\b", str(inner))
]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**30, 1e300])
@pytest.mark.parametrize(("model", "name"), NUMBERS, ids=lambda part: getattr(part, "__name__", part))
def test_no_number_is_beyond_arithmetic(model, name, value):
    with pytest.raises(pydantic.ValidationError, match=name):
        model(**({"url": "s3://a"} if model is Target else {}), **{name: value})


def test_numbers_were_found_in_every_section_that_has_some():
    assert {model.__name__ for model, _ in NUMBERS} >= {"Fetch", "Media", "Matching", "ListPolicy", "Run"}
    assert len(NUMBERS) >= 28


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[select]\ninclude = '*.jpg'", "select.include: must be a list"),
        ("fetch = 3", "fetch: must be a table"),
        ("[lists]\na = 1", "lists.a: must be a table"),
        ("lists = []", "lists: must be a table"),
        ("[lists.a]\ncolumns = 'x'", "lists.a.columns: must be a table"),
        ("targets = ['s3://a']", "targets.0: must be a table"),
        ("[targets]\nurl = 's3://a'", "targets: must be a list; write each target as a table [[targets]]"),
        (
            "[select]\nmin_bytes = 'x'",
            'select.min_bytes: must be a number of bytes, or a text such as "8 MiB"',
        ),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_toml(written, text, complaint):
    path = written(text)
    assert _refusal(path) == f"{path}: {complaint}"


TIME = "must be a time with a zone, such as 2026-01-31T00:00:00Z"
SIZE = 'must be a number of bytes, or a text such as "8 MiB"'
NO_TRUTH, NO_TEXT = "must be a number, not true or false", "must be a number, not a text"


@pytest.mark.parametrize(
    ("section", "key", "value", "complaint"),
    [
        ("run", "gap_tolerance", "true", NO_TRUTH),
        ("run", "gap_tolerance", "'0.5'", NO_TEXT),
        ("run", "part_objects", "false", NO_TRUTH),
        ("run", "part_objects", "'5'", NO_TEXT),
        ("fetch", "attempts", "true", NO_TRUTH),
        ("fetch", "timeout_seconds", "true", NO_TRUTH),
        ("select", "sample", "true", NO_TRUTH),
        ("select", "sample", "'7'", NO_TEXT),
        ("lists.iwf", "max_age_hours", "true", NO_TRUTH),
        ("lists.iwf", "pdq_max_distance", "true", NO_TRUTH),
        ("lists.iwf", "pdq_max_distance", "'3'", NO_TEXT),
        ("fetch", "single_get_bytes", "true", SIZE),
        ("select", "max_bytes", "true", SIZE),
        ("select", "modified_since", "1700000000", TIME),
        ("select", "modified_since", "1.5", TIME),
        ("select", "modified_since", "9" * 400, TIME),
        ("select", "modified_since", "true", TIME),
        ("select", "modified_since", "'1700000000'", TIME),
    ],
)
def test_what_could_only_be_taken_for_a_number_or_a_time_is_refused(written, section, key, value, complaint):
    path = written(f"[{section}]\n{key} = {value}")
    assert _refusal(path) == f"{path}: {section}.{key}: {complaint}"
    name = f"HASHSWEEP_{section}__{key}".upper().replace(".", "__")
    assert _refusal(None, {name: value}) == f"{name}: {section}.{key}: {complaint}"


@pytest.mark.parametrize(("model", "name"), NUMBERS, ids=lambda part: getattr(part, "__name__", part))
def test_no_number_is_a_truth(model, name):
    with pytest.raises(pydantic.ValidationError, match=name):
        model(**({"url": "s3://a"} if model is Target else {}), **{name: True})


@pytest.mark.parametrize("text", ["2026-01-31T00:00:00Z", "2026-01-31 01:00:00+01:00"])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_time_may_be_written_as_toml_or_as_text(written, text, quoted):
    path = written(f"[select]\nmodified_since = {json.dumps(text) if quoted else text}")
    assert load(path, {}).select.modified_since == datetime(2026, 1, 31, tzinfo=UTC)
    assert load(None, {"HASHSWEEP_SELECT__MODIFIED_SINCE": text}).select == load(path, {}).select


@pytest.mark.parametrize("key", ["workspace", "signing.key_file", "scheduler.tls_ca_file"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_that_is_not_utf8_is_refused_by_its_key(key, kind):
    words = "must be a name that is UTF-8; move or rename it, or link to it"
    assert _refusal(None, {}, {key: kind("caf\udce9")}) == f"command line: {key}: {words}"
    assert load(None, {}, {key: kind("caf\u00e9 \U0001f408")})


def test_numbers_of_variables_are_numbers():
    environ = {
        "HASHSWEEP_RUN__GAP_TOLERANCE": "0.5",
        "HASHSWEEP_RUN__RESUME_WITHIN_HOURS": "3",
        "HASHSWEEP_SELECT__SAMPLE": "7",
        "HASHSWEEP_LISTS__IWF__MAX_AGE_HOURS": "48",
    }
    settings = load(None, environ)
    assert (settings.run.gap_tolerance, settings.run.resume_within_hours) == (0.5, 3.0)
    assert (settings.select.sample, settings.policy("iwf").max_age_hours) == (7, 48.0)


@pytest.mark.parametrize("algorithm", PERCEPTUAL)
def test_a_list_that_is_looser_than_the_join_is_refused_with_both_keys(written, algorithm):
    key = f"{algorithm}_max_distance"
    path = written(f"[match]\n{key} = 3\n[lists.iwf]\n{key} = 4")
    assert _refusal(path) == (
        f"{path}: lists.iwf.{key}: 4 is above match.{key} = 3; raise that one, or lower this one"
    )
    assert getattr(load(path, {}, {f"match.{key}": 4}).policy("iwf"), key) == 4


def test_what_is_hashed_also_is_a_set():
    once = load(None, {}, {"media.also": ["dhash", "whash"]})
    for spelt in (["whash", "dhash"], ["dhash", "whash", "dhash"]):
        assert load(None, {}, {"media.also": spelt}).fingerprint_settings() == once.fingerprint_settings()
    assert once.media.also == ("dhash", "whash")


def test_what_may_be_hashed_also_is_all_that_is_optional():
    assert typing.get_args(config.Also) == OPTIONAL


def test_a_list_that_is_looser_than_the_defaults_is_refused(written):
    path = written("[lists.iwf]\npdq_max_distance = 32")
    assert "lists.iwf.pdq_max_distance: 32 is above match.pdq_max_distance = 31" in _refusal(path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("illegal = ['A', 'B']\nreview = ['B']", "review: also among illegal: B"),
        ("review = ['*']\nignore = ['*', 'C']", "ignore: also among review: *"),
    ],
)
@pytest.mark.parametrize("section", ["lists.iwf", "lists.iwf.members.45"])
def test_a_classification_acts_in_one_way_only(written, section, fields, words):
    complaint = _refusal(written(f"[{section}]\n{fields}"))
    assert f"{section}.{words}; leave them out of one of the two" in complaint


def test_a_member_is_no_looser_than_the_join_either(written):
    path = written("[lists.iwf.members.45]\npdq_max_distance = 32")
    assert "lists.iwf.members.45.pdq_max_distance: 32 is above match.pdq_max_distance = 31" in _refusal(path)


def test_a_misspelt_key_of_a_member_is_told_from_the_right_one(written):
    assert "lists.iwf.members.45.ilegal: unknown key; did you mean" in _refusal(
        written("[lists.iwf.members.45]\nilegal = []")
    )


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://report.cybertip.org/hashsharing", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost/a/", True),
        ("http://report.cybertip.org", False),
        ("https://user:secret@host/a", False),
        ("https://host/a?key=secret", False),
        ("ftp://host", False),
        ("https://", False),
        ("host", False),
    ],
)
def test_an_exchange_is_spoken_with_in_secret_only(written, url, fine):
    path = written(f"[lists.a.sync]\nexchange = 'ncmec'\nenvironment = 'test'\nurl = '{url}'")
    if fine:
        assert load(path, {}).policy("a").sync.url == url.rstrip("/")
        return
    complaint = _refusal(path)
    assert "lists.a.sync.url: must be https://HOST/PATH" in complaint
    assert "secret" not in complaint


def test_a_classification_cannot_be_both_illegal_and_ignored(written):
    path = written("[lists.iwf]\nillegal = ['A', 'B', 'C']\nignore = ['D', 'B', 'A']")
    assert _refusal(path) == (
        f"{path}: lists.iwf.ignore: also among illegal: A, B; leave them out of one of the two"
    )
    apart = written("[lists.iwf]\nillegal = ['A']\nignore = ['B']\n[lists.ncmec]\nignore = ['A']")
    assert load(apart, {}).policy("ncmec").ignore == ("A",)


def test_every_complaint_is_told_at_once(written):
    complaints = _refusal(written("[fetch]\natempts = 1\n[match]\npdq_max_distance = 99")).splitlines()
    assert len(complaints) == 2


@pytest.mark.parametrize(
    ("text", "size"),
    [("8388608", 8 << 20), ('"8 MiB"', 8 << 20), ('"8MB"', 8_000_000), ('"1.5 GiB"', 3 << 29), ('"0"', 0)],
)
def test_sizes_are_numbers_or_text_with_a_unit(written, text, size):
    assert load(written(f"[fetch]\nsingle_get_bytes = {text}"), {}).fetch.single_get_bytes == size


def test_later_sources_win(written):
    path = written("[fetch]\nattempts = 2\nin_flight = 2\nbackoff_seconds = 2.0")
    environ = {"HASHSWEEP_FETCH__ATTEMPTS": "3", "HASHSWEEP_FETCH__IN_FLIGHT": "3"}
    fetch = load(path, environ, {"fetch.attempts": 4}).fetch
    assert (fetch.attempts, fetch.in_flight, fetch.backoff_seconds, fetch.timeout_seconds) == (
        4,
        3,
        2.0,
        60.0,
    )


def test_a_flag_that_was_not_given_changes_nothing(written):
    assert load(written("workspace = 'here'"), {}, {"workspace": None}).workspace.name == "here"


def test_targets_of_the_command_line_replace_those_of_the_file(written):
    path = written("[[targets]]\nurl = 's3://file'\n[[targets]]\nurl = 's3://other'")
    (target,) = load(path, {}, {"targets": [{"url": "s3://flag"}]}).targets
    assert target.url == "s3://flag"


def test_the_complaint_names_the_source_that_won(written):
    path = written("[fetch]\nattempts = 2")
    assert _refusal(path, {"HASHSWEEP_FETCH__ATTEMPTS": "many"}).startswith("HASHSWEEP_FETCH__ATTEMPTS: ")
    assert _refusal(path, {}, {"fetch.attempts": "many"}).startswith("command line: ")


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("HASHSWEEP_FETCH__ATEMPTS", "3", "fetch.atempts"),
        ("HASHSWEEP_WORKSPASE", "x", "workspase"),
        ("HASHSWEEP_", "x", ""),
        ("HASHSWEEP_FETCH", "3", "fetch"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_by_name(name, text, place):
    assert _refusal(None, {name: text}).startswith(f"{name}: {place}: ")


def test_variables_of_others_and_our_own_that_are_not_settings_are_left_alone():
    ours = ("HASHSWEEP_CONFIG", "HASHSWEEP_REDACTION_KEY", "HASHSWEEP_CACHE")
    assert load(None, dict.fromkeys((*ours, "HASHSWEEPER", "AWS_PROFILE"), "x")) == Config()


def test_variables_hold_lists_and_truths_as_toml_and_everything_else_as_text():
    environ = {
        "HASHSWEEP_SELECT__EXCLUDE": '["a", "b"]',
        "HASHSWEEP_RUN__ALLOW_EMPTY": "true",
        "HASHSWEEP_FETCH__SINGLE_GET_BYTES": "1 MiB",
        "HASHSWEEP_SCHEDULER__ADDRESS": "tls://scheduler:8786",
        "HASHSWEEP_LISTS__IWF__ILLEGAL": '["A"]',
    }
    settings = load(None, environ)
    assert settings.select.exclude == ("a", "b")
    assert settings.run.allow_empty
    assert settings.fetch.single_get_bytes == 1 << 20
    assert settings.scheduler.address == "tls://scheduler:8786"
    assert settings.policy("iwf").illegal == ("A",)


def test_variables_of_this_process_are_read(monkeypatch):
    monkeypatch.setenv("HASHSWEEP_FETCH__ATTEMPTS", "9")
    assert load().fetch.attempts == 9


def test_secrets_are_masked_wherever_settings_are_shown(written):
    path = written("[[targets]]\nurl = 's3://a'\nexternal_id = 'sesame'")
    settings = load(path, {})
    assert settings.targets[0].external_id.get_secret_value() == "sesame"
    assert settings.shown()["targets"][0]["external_id"] == "**********"
    assert "sesame" not in json.dumps(settings.shown()) + repr(settings) + str(settings)


@pytest.mark.parametrize("text", ["['sesame']", "{ sesame = 1 }", "'sesame'\nurl = 3"])
def test_a_complaint_never_repeats_a_secret(written, text):
    assert "sesame" not in _refusal(written(f"[[targets]]\nexternal_id = {text}"))


PASSWORDS = [
    "http://user:sesame@127.0.0.1:9000",
    "https://sesame@store.example",
    "http://127.0.0.1:9000/?key=sesame",
    "http://127.0.0.1:9000/#sesame",
    "user:sesame@127.0.0.1:9000",
    "http:///sesame",
    "http://127.0.0.1:sesame",
    "http://[sesame",
    "ftp://sesame",
    "http://a b/sesame",
    "http://user:sesame\\127.0.0.1",
    "sesame",
    "",
]


@pytest.mark.parametrize("url", PASSWORDS)
def test_an_endpoint_that_holds_more_than_an_address_is_refused_and_not_repeated(written, url):
    path = written(f"[[targets]]\nurl = 's3://a'\nendpoint_url = '{url}'")
    refusal = _refusal(path)
    assert refusal == f"{path}: targets.0.endpoint_url: {config.ENDPOINT}"
    assert "sesame" not in refusal
    with pytest.raises(ConfigError) as caught:
        reached(Target(url="s3://a"), {"endpoint_url": url})
    assert str(caught.value) == f"command line: endpoint_url: {config.ENDPOINT}"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000", "https://store.example", "http://[::1]:8333/", "https://store.example/s3"],
)
def test_an_endpoint_is_taken_as_it_is(url):
    assert Target(url="s3://a", endpoint_url=url).endpoint_url == url


def test_access_of_the_command_line_leaves_the_rest_of_a_target_alone():
    target = Target(url="s3://a", store="ceph", external_id="sesame")
    other = reached(target, {"profile": "p"})
    assert other == target.model_copy(update={"profile": "p"})
    assert other.external_id.get_secret_value() == "sesame"


def test_what_is_shown_is_plain_json():
    assert json.loads(json.dumps(Config().shown()))["fetch"]["single_get_bytes"] == 8 << 20


def test_a_byte_order_mark_is_no_obstacle(written):
    assert load(written("\ufeffworkspace = 'here'"), {}).workspace.name == "here"


@pytest.mark.parametrize("content", [b"workspace = ", b"\xff\xfew\x00", b"a = 1\na = 2", b"\x00"])
def test_a_file_that_is_not_toml_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    assert _refusal(path).startswith(f"{path}: not valid TOML: ")


DEEP = {
    "arrays": "workspace = " + "[" * 5_000,
    "tables": "workspace = " + "{a=" * 5_000,
    "dots": "fetch" + ".a" * 100_000 + " = 1",
    "quoted dots": "fetch" + '."a"' * 100_000 + " = 1",
    "spaced dots": "[fetch" + " . a" * 100_000 + "]",
    "some dots": "fetch" + ".a" * 40 + " = 1",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_what_is_nested_too_deeply_is_refused_by_name(written, text):
    path = written(text)
    assert _refusal(path).startswith(f"{path}: nested far deeper than any setting")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HASHSWEEP_FETCH" + "__A" * 10_000, "1"),
        ("HASHSWEEP_FETCH", "[" * 5_000),
        ("HASHSWEEP_FETCH", "{a=" * 5_000),
        ("HASHSWEEP_FETCH", "{" + "a." * 50_000 + "a = 1}"),
    ],
)
def test_a_variable_that_is_nested_too_deeply_is_refused_by_name(name, text):
    assert _refusal(None, {name: text}).startswith(f"{name}: nested far deeper than any setting")


@pytest.mark.parametrize("text", ["9" * 5_000, "0x" + "f" * 5_000])
def test_a_number_of_thousands_of_digits_is_refused(written, text):
    path = written(f"[fetch]\nattempts = {text}")
    assert _refusal(path).startswith(f"{path}: ")
    assert _refusal(None, {"HASHSWEEP_FETCH__ATTEMPTS": text}).startswith("HASHSWEEP_FETCH__ATTEMPTS: ")


def test_keys_and_addresses_with_dots_are_no_nesting(written):
    patterns = [".".join("abcdefghijklmnop"), "*.tar.gz"]
    path = written(f"workspace = '{'x' * 200_000}'\n[select]\nexclude = {patterns}")
    assert load(path, {}).select.exclude == tuple(patterns)


def test_a_missing_file_names_where_to_start(tmp_path):
    assert "configs/" in _refusal(tmp_path / "none.toml")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    assert _refusal(tmp_path).startswith(f"{tmp_path}: cannot be read: ")


def test_settings_cannot_be_changed_after_loading():
    with pytest.raises(pydantic.ValidationError):
        Config().fetch.attempts = 1


def test_a_list_without_a_policy_only_asks_for_review():
    policy = Config().policy("unheard-of")
    assert policy == ListPolicy()
    assert (policy.illegal, policy.after_confirmation) == ((), "nothing")


TUNING = {
    "fetch.in_flight": 3,
    "fetch.in_flight_bytes": "1 GiB",
    "fetch.attempts": 2,
    "fetch.backoff_seconds": 1.0,
    "fetch.max_backoff_seconds": 1.0,
    "fetch.timeout_seconds": 1.0,
    "run.part_objects": 10,
    "run.gap_tolerance": 0.5,
    "scheduler.workers": 3,
    "scheduler.window": 3,
    "scheduler.address": "none",
    "select.exclude": ["*.log"],
    "match.pdq_max_distance": 3,
    "workspace": "elsewhere",
}
SUBSTANCE = {
    "fetch.read_all": True,
    "fetch.single_get_bytes": "1 MiB",
    "fetch.sniff_bytes": "8 KiB",
    "fetch.max_picture_bytes": "1 MiB",
    "fetch.max_object_bytes": "1 GiB",
    "fetch.least_bytes_per_second": "1 kB",
    "media.max_pixels": 1,
    "media.max_frames": 1,
    "media.pdq": "luma",
    "media.transforms": "all",
    "media.also": ["whash"],
    "media.seconds": 1.0,
    "media.memory_bytes": "2 GiB",
}


@pytest.mark.parametrize("dotted", TUNING)
def test_tuning_reuses_the_fingerprints_that_are_there(dotted):
    assert load(None, {}, {dotted: TUNING[dotted]}) != Config()
    assert load(None, {}, {dotted: TUNING[dotted]}).fingerprint_settings() == Config().fingerprint_settings()


@pytest.mark.parametrize("dotted", SUBSTANCE)
def test_what_changes_a_fingerprint_row_makes_it_anew(dotted):
    changed = load(None, {}, {dotted: SUBSTANCE[dotted]})
    assert changed.fingerprint_settings() != Config().fingerprint_settings()


def test_every_setting_of_fetch_and_media_is_either_tuning_or_substance():
    sections = {"fetch": Fetch, "media": config.Media}
    keys = {f"{name}.{key}" for name, model in sections.items() for key in model.model_fields}
    assert keys == {key for key in (*TUNING, *SUBSTANCE) if key.split(".")[0] in sections}


def test_every_key_of_every_section_is_known_to_the_hints():
    known = known_keys(Config)
    assert ("lists", "illegal") in known
    assert ("targets", "url") in known
    assert {key[0] for key in known} == set(Config.model_fields)


def test_a_digest_depends_on_the_values_and_not_on_their_order():
    assert config.digest_of({"a": 1, "b": [1, 2]}) == config.digest_of({"b": [1, 2], "a": 1})
    assert config.digest_of({"a": 1}) != config.digest_of({"a": "1"})
    assert config.digest_of(["a", "b"]) != config.digest_of(["b", "a"])
    assert config.digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_a_digest_can_be_made_of_a_path_that_is_not_utf8():
    assert config.digest_of("caf\udce9") != config.digest_of("caf\u00e9")


def test_no_section_takes_an_unknown_key():
    def sections(model):
        for info in model.model_fields.values():
            for part in (info.annotation, *typing.get_args(info.annotation)):
                if isinstance(part, type) and issubclass(part, pydantic.BaseModel):
                    yield part
                    yield from sections(part)

    assert {model.model_config["extra"] for model in {Config, *sections(Config)}} == {"forbid"}
