"""The rules of the LRS's credentials."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.credentials import (
    LrsCredential,
    credential_violations,
    hash_of,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CREDENTIAL = LrsCredential(
    id="c1",
    name="Simulator",
    scopes=("statements/write", "state", "from/tomorrow"),
    secret_hash=hash_of("secret"),
    created_at=NOW,
    created_by="reg",
)


def test_a_credential_opens_with_its_secret_until_it_is_revoked() -> None:
    """With no other secret, the hash included, and not after it was revoked."""
    assert CREDENTIAL.opens_with("secret")
    assert not any(map(CREDENTIAL.opens_with, ("", "Secret", hash_of("secret"), "\udc80")))
    assert not replace(CREDENTIAL, revoked_at=NOW).opens_with("secret")


def test_a_scope_of_a_newer_version_grants_nothing() -> None:
    """What this version knows of the scopes counts."""
    assert CREDENTIAL.granted == {Scope.STATEMENTS_WRITE, Scope.STATE}


@pytest.mark.parametrize("scope", list(Scope))
def test_a_credential_of_runs_has_scopes_of_statements_alone(scope: Scope) -> None:
    """State and profiles tell no run, so who is limited to runs must not reach them."""
    found = [each.field for each in credential_violations([scope.value], ["r1"], ["r1"])]
    assert (found == []) is scope.value.startswith("statements/")
    assert list(credential_violations([scope.value], [], [])) == []


def test_all_faults_are_told() -> None:
    """Each scope and each run that is not right."""
    found = credential_violations(["all", "statements/read", "state"], ["r1", "r2"], ["r1"])
    assert [each.field for each in found] == ["scopes[0]", "scopes[2]", "run_ids[1]"]
