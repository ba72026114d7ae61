"""Bad configuration: every role of every service says all that is wrong, and doesn't start."""

import runpy
import sys

import pytest

from campus.architecture import Setting, services

ROLES = [(service.name, role) for service in services().values() for role in service.roles]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in services().values():
        for each in service.settings:
            monkeypatch.delenv(each.variable, raising=False)


def faults(
    service: str, role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What `python -m services.<service> <role>` says of the environment, and no more does."""
    monkeypatch.setattr(sys, "argv", [service, role])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"services.{service}", run_name="__main__")
    assert ended.value.code == 78  # sysexits.h, EX_CONFIG
    *found, last = capsys.readouterr().err.splitlines()
    assert last == "`--help` lists every setting"
    return found


def read_by(service: str, role: str) -> tuple[Setting, ...]:
    """The settings of a role."""
    return services()[service].read_by(role)


@pytest.mark.parametrize(("service", "role"), ROLES)
def test_an_empty_environment_names_all_that_is_required(
    service: str, role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each setting that the role requires is named with its meaning, and no other."""
    found = faults(service, role, monkeypatch, capsys)
    required = [each for each in read_by(service, role) if each.required]
    assert found == [f"{each.variable} is missing: {each.doc}" for each in required]


@pytest.mark.parametrize(("service", "role"), ROLES)
def test_no_fault_shows_a_secret(
    service: str, role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A secret that is malformed is named; what it held is nowhere."""
    checked = [each for each in read_by(service, role) if each.variable.endswith("_URL")]
    for each in checked:
        monkeypatch.setenv(each.variable, "gopher://ada:lovelace@there")
    found = faults(service, role, monkeypatch, capsys)
    for each in checked:
        (line,) = (line for line in found if line.startswith(f"{each.variable} is "))
        assert ("lovelace" in line) is not each.secret


def test_what_contradicts_itself_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clock that can be steered, in production: each setting is good, both together are not."""
    monkeypatch.setenv("TANDEM_MONGO_URL", "mongodb://there")
    monkeypatch.setenv("TANDEM_CLOCK", "file:/tmp/clock")
    (found,) = faults("catalog", "migrate", monkeypatch, capsys)
    assert found.startswith("TANDEM_CLOCK: production runs on the system's clock")
