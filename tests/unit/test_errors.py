"""Every way in which a run can fail has one exit code, and the documents' table is that of the code."""

import pytest

from scanner import errors
from scanner.errors import Exit

CODES = {
    "HashsweepError": 4,
    "ConfigError": 2,
    "HashListError": 2,
    "WorkspaceError": 2,
    "ManifestError": 2,
    "StoreError": 3,
    "ExchangeError": 3,
    "CanaryError": 3,
    "IncompleteRun": 3,
}


def test_exit_codes_never_change_for_schedulers_branch_on_them():
    assert {code.name: code.value for code in Exit} == {
        "CLEAN": 0,
        "FINDINGS": 1,
        "USAGE": 2,
        "INCOMPLETE": 3,
        "UNEXPECTED": 4,
    }


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_each_error_ends_with_its_code(name, code):
    assert getattr(errors, name).exit_code == code


def test_every_error_is_one_of_ours_and_listed_here():
    defined = {name for name, value in vars(errors).items() if isinstance(value, type) and value is not Exit}
    assert defined - {"IntEnum"} == set(CODES)
    assert all(issubclass(getattr(errors, name), errors.HashsweepError) for name in CODES)
