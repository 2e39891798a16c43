"""Clients are made of boto3's own configuration; a broken one is told with the way out, without secrets."""

import pytest

from scanner.config import Target
from scanner.errors import ConfigError, Exit
from scanner.s3 import client_of, session_of

TARGET = Target(url="s3://bucket/photos")


def refusal(call, target=TARGET):
    with pytest.raises(ConfigError) as caught:
        call(target)
    assert caught.value.exit_code is Exit.USAGE
    text = str(caught.value)
    assert text.startswith("s3://bucket/photos: ")
    assert "sesame" not in text
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return text


@pytest.fixture
def configured(tmp_path, monkeypatch):
    def write(text, name="AWS_CONFIG_FILE"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        monkeypatch.setenv(name, str(path))
        return path

    return write


def test_a_client_takes_what_the_target_names():
    target = Target(url="s3://bucket", endpoint_url="http://127.0.0.1:9", region="eu-west-3")
    client = client_of(target, timeout_seconds=7, pool=3)
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:9", "eu-west-3")
    settings = client.meta.config
    assert (settings.read_timeout, settings.connect_timeout, settings.max_pool_connections) == (7, 7, 3)
    assert settings.retries["total_max_attempts"] == 1


@pytest.mark.parametrize("call", [session_of, client_of])
def test_a_profile_that_is_missing_is_named_wherever_it_was_asked_for(call, monkeypatch):
    assert "profile 'audit' is not in" in refusal(call, TARGET.model_copy(update={"profile": "audit"}))
    monkeypatch.setenv("AWS_PROFILE", "nightly")
    assert "profile 'nightly' is not in" in refusal(call)


def test_half_of_the_credentials_are_told_by_the_name_of_the_other_half(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sesame")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "lack AWS_SECRET_ACCESS_KEY" in refusal(client_of)


def test_half_of_the_credentials_of_a_role_are_told_too(configured):
    configured("[audit]\naws_access_key_id = sesame\n", "AWS_SHARED_CREDENTIALS_FILE")
    target = TARGET.model_copy(update={"profile": "audit", "role_arn": "arn:aws:iam::1:role/scan"})
    assert "lack aws_secret_access_key" in refusal(session_of, target)


def test_no_credentials_to_assume_a_role_with_are_told(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    target = TARGET.model_copy(update={"role_arn": "arn:aws:iam::1:role/scan"})
    assert "no credentials to assume arn:aws:iam::1:role/scan" in refusal(session_of, target)


@pytest.mark.parametrize("text", ["sesame", "[default]\n[default]\n", b"[default]\nkey = \xff\n"])
def test_a_configuration_file_that_cannot_be_read_is_named(configured, text):
    path = configured(text)
    assert f"{path} is not a configuration file that boto3 can read" in refusal(client_of)


def test_profiles_that_lead_in_a_circle_are_told(configured):
    configured(
        "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\n"
        "[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = a\n"
    )
    told = refusal(client_of, TARGET.model_copy(update={"profile": "a"}))
    assert "leads back to itself" in told


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ("s3 =\n  addressing_style = sesame", "InvalidS3AddressingStyleError"),
        ("request_checksum_calculation = sesame", "InvalidChecksumConfigError"),
        ("role_arn = arn:aws:iam::1:role/a\nsource_profile = sesame", "InvalidConfigError"),
    ],
)
def test_another_setting_that_boto3_refuses_is_told_by_its_kind_alone(
    configured, monkeypatch, settings, kind
):
    configured(f"[default]\nregion = eu-west-1\n{settings}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    told = refusal(client_of)
    assert "your AWS configuration" in told
    assert kind in told


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_of_the_environment_is_refused_without_its_password(monkeypatch, name):
    monkeypatch.setenv(name, "user:sesame@store")
    assert "AWS_ENDPOINT_URL*" in refusal(client_of)


def test_a_region_that_is_none_is_refused():
    told = refusal(client_of, TARGET.model_copy(update={"region": "eu west"}))
    assert "region" in told
