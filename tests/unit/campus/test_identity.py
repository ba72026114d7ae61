"""Tokens of the local identity provider verify by its published key, and by no other."""

import json
import stat
import time
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import jwt
import pytest
from click.testing import CliRunner

from campus.cli import cli
from campus.identity import AUDIENCE, ISSUER, IdentityProvider


@pytest.fixture
def provider(tmp_path: Path) -> IdentityProvider:
    return IdentityProvider(tmp_path)


def verify(provider: IdentityProvider, token: str) -> dict[str, object]:
    """Verify as a service does: by the key set alone."""
    with urlopen(provider.environment()["TANDEM_JWKS_URL"]) as answer:
        keys = jwt.PyJWKSet.from_dict(json.load(answer))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(
        token, key, ["ES256"], audience=AUDIENCE, issuer=ISSUER, options={"require": ["exp"]}
    )
    return claims


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_says_who_may_do_what_for_how_long(provider: IdentityProvider) -> None:
    """The claims are the subject, its roles, and a lifetime of an hour."""
    claims = verify(provider, provider.mint("ada", ["learner", "instructor"]))
    assert claims["sub"] == "ada"
    assert claims["roles"] == ["learner", "instructor"]
    assert claims["exp"] == int(str(claims["iat"])) + 3600
    assert claims["jti"] != verify(provider, provider.mint("ada", []))["jti"]


def test_an_expired_token_is_refused(provider: IdentityProvider) -> None:
    """A negative lifetime gives a token that is over already."""
    with pytest.raises(jwt.ExpiredSignatureError):
        verify(provider, provider.mint("ada", [], timedelta(seconds=-1)))


def test_another_folder_has_another_key(provider: IdentityProvider, tmp_path: Path) -> None:
    """A token of another provider isn't even of a known key."""
    token = IdentityProvider(tmp_path / "other").mint("ada", [])
    with pytest.raises(KeyError):
        verify(provider, token)


def test_the_key_outlives_its_maker(provider: IdentityProvider, tmp_path: Path) -> None:
    """A token is good for a provider started later on the same folder."""
    token = provider.mint("ada", [])
    assert verify(IdentityProvider(tmp_path), token)["sub"] == "ada"


def test_secrets_are_the_owners_alone(provider: IdentityProvider, tmp_path: Path) -> None:
    """Key and service token can't be read by others."""
    service = Path(provider.environment()["TANDEM_SERVICE_TOKEN_FILE"])
    assert mode(service) == 0o600
    assert mode(tmp_path / "identity" / "key.pem") == 0o600
    assert "d" not in json.loads(provider.jwks_file().read_text())["keys"][0]


def test_containers_may_read_what_they_need(tmp_path: Path) -> None:
    """`tandem identity --readable` opens the token and the public key to others, not the key."""
    result = CliRunner().invoke(cli, ["identity", "--readable", "--data", str(tmp_path)])
    folder = tmp_path / "identity"
    assert f"TANDEM_JWKS_URL={(folder / 'jwks.json').as_uri()}" in result.output.splitlines()
    assert mode(folder) == 0o711
    assert mode(folder / "service.jwt") == mode(folder / "jwks.json") == 0o644
    assert mode(folder / "key.pem") == 0o600


def test_the_service_token_is_kept(provider: IdentityProvider) -> None:
    """A service token with time left stays as it is, and has the role "service"."""
    first = provider.service_token_file().read_text()
    assert provider.service_token_file().read_text() == first
    assert verify(provider, first)["roles"] == ["service"]


@pytest.mark.parametrize("hours", [-1, 23])
def test_the_service_token_is_renewed_in_time(provider: IdentityProvider, hours: int) -> None:
    """It is renewed when it is valid for less than a day."""
    old = provider.mint("service", ["service"], timedelta(hours=hours))
    provider.service_token_file().write_text(old)
    claims = verify(provider, provider.service_token_file().read_text())
    assert int(str(claims["exp"])) > time.time() + 86_400


def test_a_spoilt_service_token_is_replaced(provider: IdentityProvider) -> None:
    """A damaged file after a crash does no harm."""
    provider.service_token_file().write_text("rubbish")
    assert verify(provider, provider.service_token_file().read_text())["sub"] == "service"


def test_a_token_needs_a_subject(provider: IdentityProvider) -> None:
    """An empty subject is refused."""
    with pytest.raises(ValueError, match="needs a subject"):
        provider.mint("", ["learner"])


def test_roles_are_lower_case(provider: IdentityProvider) -> None:
    """Every wrong role is named."""
    with pytest.raises(ValueError, match="not 'Learner', ''"):
        provider.mint("ada", ["Learner", "", "instructor"])
