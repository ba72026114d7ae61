"""The scheme `Basic`: user-ids and passwords."""

import base64

import pytest

from chassis.context.principal import Principal
from chassis.edge.auth import Unauthenticated
from chassis.edge.basic import LARGEST_CACHE, Basic

EVE = Principal("eve", frozenset())


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Service:
    """A service that knows some passwords, at a time that a test sets."""

    def __init__(self) -> None:
        self.now, self.asked = 1000.0, 0
        self.passwords = {"eve": "secret"}
        self.basic = Basic(self.check, keep=5.0, now=lambda: self.now)

    def check(self, user: str, password: str) -> Principal | None:
        self.asked += 1
        return EVE if self.passwords.get(user) == password else None

    def is_let_in(self, text: str = "eve:secret") -> bool:
        try:
            return self.basic.authenticate(coded(text)).principal == EVE
        except Unauthenticated:
            return False


def test_right_credentials_are_checked_once_in_a_while() -> None:
    """Many requests cost one look-up; after some seconds the next one is looked up again."""
    service = Service()
    assert all(service.is_let_in() for _ in range(10))
    assert service.asked == 1
    service.now += 5.1
    assert service.is_let_in()
    assert service.asked == 2


def test_what_was_right_a_moment_ago_is_known_without_asking() -> None:
    """It is valid as long as it need not be looked up; what was never right is not."""
    service = Service()
    right = coded("eve:secret")
    assert service.basic.valid_now(right) is None
    assert service.is_let_in()
    assert not service.is_let_in("eve:wrong")
    asked = service.asked
    found = service.basic.valid_now(right)
    assert found is not None
    assert found.principal == EVE
    assert service.basic.valid_now(coded("eve:wrong")) is None
    service.now += 5.1
    assert service.basic.valid_now(right) is None
    assert service.asked == asked


def test_a_revocation_takes_effect_within_seconds() -> None:
    """What was right is wrong as soon as it is looked up again, and is no longer known."""
    service = Service()
    assert service.is_let_in()
    service.passwords.clear()
    assert service.is_let_in()
    service.now += 5.1
    assert not service.is_let_in()
    assert service.basic.known(coded("eve:secret")) is None


def test_a_clock_that_is_set_back_prolongs_nothing() -> None:
    """What is remembered counts for seconds by any clock."""
    service = Service()
    assert service.is_let_in()
    service.passwords.clear()
    service.now -= 3600
    assert not service.is_let_in()


def test_who_was_right_is_known_later_and_who_was_wrong_is_not() -> None:
    """Admission counts a request for its caller before the credentials are checked again."""
    service = Service()
    assert not service.is_let_in("eve:wrong")
    assert service.basic.known(coded("eve:wrong")) is None
    assert service.is_let_in()
    service.now += 60
    known = service.basic.known(coded("eve:secret"))
    assert known is not None
    assert known.principal == EVE


@pytest.mark.parametrize("credentials", ["", "!", "ZXZl", "/w==", coded("eve"), "ü", "\udc80"])
def test_what_is_no_pair_is_refused_without_a_look_up(credentials: str) -> None:
    """Neither base64, nor UTF-8, nor a colon: nothing is asked (RFC 7617, section 2)."""
    service = Service()
    with pytest.raises(Unauthenticated):
        service.basic.authenticate(credentials)
    assert service.asked == 0


def test_what_is_remembered_is_bounded() -> None:
    """Ten thousand callers at most are remembered."""
    basic = Basic(lambda user, _: Principal(user, frozenset()))
    for number in range(LARGEST_CACHE + 10):
        basic.authenticate(coded(f"{number}:x"))
    assert len(basic._known) <= LARGEST_CACHE
