"""People whom the identity provider knows by another id."""

from pathlib import Path

import pytest

from chassis.edge.auth import Authenticator, Unauthenticated
from chassis.edge.bearer import BearerTokens, Keys
from chassis.edge.person_map import PersonMap
from chassis.operations.settings import SettingsError
from chassis.testing import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_a_claim_names_a_person(path: Path) -> None:
    """Quotes, a byte order mark, blank lines and the same row twice are no fault."""
    path.write_text('\ufeffada@uni.example,s-1\r\n\r\n"Lovelace, A.",s-1\nada@uni.example,s-1\n')
    people = PersonMap(path)
    assert [people.get(each) for each in ("ada@uni.example", "Lovelace, A.", "eve")] == [
        "s-1",
        "s-1",
        None,
    ]


def test_all_faults_of_the_file_are_told(path: Path) -> None:
    """A file that can't be right is refused at the start, with each row that is wrong."""
    path.write_text("a,1\na\nb,\nc,1,2\na,2\n")
    with pytest.raises(SettingsError) as refused:
        PersonMap(path)
    assert [f"row {number} " in str(refused.value) for number in range(1, 6)] == [False] + [
        True
    ] * 4
    with pytest.raises(SettingsError, match="No such file"):
        PersonMap(path.with_name("none"))


def test_a_changed_file_is_read_and_a_faulty_one_is_not(path: Path) -> None:
    """A new file counts at once; a broken or missing one leaves what was known."""
    path.write_text("ada,s-1\n")
    people = PersonMap(path, look=0)
    path.with_name("next").write_text("ada,s-10\n")
    path.with_name("next").rename(path)
    people.refresh()
    assert (people.get("ada"), people.generation) == ("s-10", 1)
    path.write_text("no row")
    people.refresh()
    path.unlink()
    people.refresh()
    assert (people.get("ada"), people.generation) == ("s-10", 1)


def test_a_token_speaks_for_the_person_of_its_claim(path: Path, tmp_path: Path) -> None:
    """A claim that is not in the file is nobody; a changed id counts from then on."""
    issuer = Issuer()
    path.write_text("ada@uni.example,s-1\n")
    tokens = BearerTokens(
        Keys(issuer.write_jwks(tmp_path / "jwks")),
        ISSUER,
        AUDIENCE,
        person="mail",
        people=PersonMap(path, look=0),
    )
    trusting = Authenticator({"bearer": tokens})
    value = f"Bearer {issuer.token('x', mail='ada@uni.example')}"
    assert trusting.authenticate(value).principal.subject == "s-1"
    path.write_text("ada@uni.example,s-22\n")
    assert trusting.authenticate(value).principal.subject == "s-22"
    system = f"Bearer {issuer.token('x', ['service'], mail='catalog')}"
    assert trusting.authenticate(system).principal.subject == "catalog"
    with pytest.raises(Unauthenticated, match="nobody on the platform"):
        trusting.authenticate(f"Bearer {issuer.token('x', mail='eve@uni.example')}")
