"""Places for requests, and a caller's share of them."""

import threading
import time
from contextlib import ExitStack

import pytest

from chassis.context.principal import Principal
from chassis.edge.admission import AdmissionControl, Slot
from chassis.edge.statuses import Exhausted

ADA, BOB = Principal("ada", frozenset({"learner"})), Principal("bob", frozenset({"learner"}))
LMS = Principal("lms", frozenset({"service"}))


def admission(most: int = 8) -> AdmissionControl:
    return AdmissionControl(most, of_person=2, of_service=4)


def enter(
    stack: ExitStack, admission: AdmissionControl, principal: Principal | None, times: int = 1
) -> list[Slot]:
    """Enter a number of requests of one caller, each with a slot."""
    found = [stack.enter_context(admission.take(principal)) for _ in range(times)]
    for each in found:
        each.check()
    return found


@pytest.mark.parametrize(("principal", "share"), [(ADA, 2), (LMS, 4), (None, 4)])
def test_a_caller_has_a_share_and_no_more(principal: Principal | None, share: int) -> None:
    """One more is refused while others find room, and taken once one has ended."""
    with ExitStack() as stack:
        all_ = admission()
        held = enter(stack, all_, principal, share)
        with pytest.raises(Exhausted, match=str(share)) as refused, all_.take(principal) as slot:
            slot.check()
        assert refused.value.of == "caller"
        enter(stack, all_, BOB)
        held[0].leave()
        enter(stack, all_, principal)


def test_all_callers_together_have_so_many() -> None:
    """A request too many is refused, whosever it is."""
    with ExitStack() as stack:
        all_ = admission(most=3)
        enter(stack, all_, LMS, 3)
        slot = all_.take(BOB)
        assert slot.is_refused
        with pytest.raises(Exhausted, match="3 requests") as refused:
            slot.check()
        assert refused.value.of == "places"
    enter(stack, all_, BOB)


def test_a_strangers_place_becomes_the_callers() -> None:
    """After the token check it counts as the caller's, and is refused if that is too much."""
    with ExitStack() as stack:
        all_ = admission()
        for slot in enter(stack, all_, None, 3)[:2]:
            slot.belongs_to(ADA)
        (third,) = enter(stack, all_, None)
        with pytest.raises(Exhausted) as refused:
            third.belongs_to(ADA)
        assert refused.value.of == "caller"
        third.belongs_to(BOB)
        assert all_.take(ADA).is_refused
        assert not all_.take(BOB).is_refused
    assert all_.taken() == {}


def test_a_call_that_is_dropped_leaves_its_place() -> None:
    """This is so if grpc never handles it."""
    all_ = admission()
    slot = all_.take(ADA)
    assert all_.taken() == {"ada": 1}
    del slot
    assert all_.taken() == {}


def test_who_needs_a_slot_blocks_nobody_while_bodies_are_ended() -> None:
    """The two locks are taken in one order: else a slot and a room would wait for each other."""
    all_ = admission(most=2)
    held = [all_.take(LMS) for _ in range(2)]
    silent = all_.bodies.room("lms", held[0].leave, 60)
    taking = threading.Thread(target=lambda: all_.take(BOB).check(), daemon=True)
    leaving = threading.Thread(target=held[1].leave, daemon=True)
    with all_.bodies._lock:  # as while a late body is ended
        taking.start()
        time.sleep(0.1)
        leaving.start()
        leaving.join(30)
        assert not leaving.is_alive()
    taking.join(30)
    assert not taking.is_alive()
    silent.leave()
