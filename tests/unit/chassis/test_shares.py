"""The shares of members, as a pure rule."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.data.shares import plan

MEMBERS = st.lists(st.sampled_from("abcdefg"), min_size=1, unique=True)


def _round(things: list[str], holders: dict[str, str], members: list[str], me: str) -> None:
    """Do what the plan of `me` says, as if no other member moved meanwhile."""
    does = plan(things, holders, members, me)
    for thing in does.surplus:
        del holders[thing]
    for thing in does.take[: max(0, does.quota - len(does.keep))]:
        holders[thing] = me


@given(st.integers(0, 20), MEMBERS, st.data())
def test_from_any_state_all_hold_a_fair_share_of_everything(
    count: int, members: list[str], data: st.DataObject
) -> None:
    """From any holders, dead ones too: after a few rounds each thing has one living holder."""
    things = [f"t{number}" for number in range(count)]
    holder = st.sampled_from([*members, ""])
    holders = {thing: who for thing in things if (who := data.draw(holder))}
    for _ in range(3):
        for me in data.draw(st.permutations(members)):
            _round(things, holders, members, me)
    assert sorted(holders) == sorted(things)
    held = [list(holders.values()).count(member) for member in members]
    assert max(held) - min(held) <= 1


@given(st.integers(0, 20), MEMBERS, st.data())
def test_nothing_moves_once_it_is_fair(count: int, members: list[str], data: st.DataObject) -> None:
    """In a fair state nobody gives up or takes anything."""
    things = [f"t{number}" for number in range(count)]
    order = data.draw(st.permutations(members))
    holders = {thing: order[number % len(order)] for number, thing in enumerate(things)}
    for me in members:
        does = plan(things, holders, members, me)
        assert not does.surplus
        assert not does.take
        assert len(does.keep) <= does.quota


def test_no_member_gives_up_more_than_it_has_to() -> None:
    """When a second member comes, the first gives up half, and keeps the rest."""
    things = [str(number) for number in range(8)]
    does = plan(things, dict.fromkeys(things, "a"), ["a", "b"], "a")
    assert len(does.keep) == 8
    assert len(does.surplus) == 4
