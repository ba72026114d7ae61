"""Members of a class talk by gRPC, on one replica and on two."""

from tests.integration.sessions.live.replicas import LiveSchool


def test_chat_and_hands_reach_all(live: LiveSchool) -> None:
    """What is written and whose hand is up reaches everyone on two replicas, in one order."""
    first, second = live.replica(), live.replica()
    members = [
        live.member(first, "ada").joined(),
        live.member(second, "bea").joined(),
        live.member(second, "curie", "instructor").joined(),
    ]
    members[0].chat("Why is it so?")
    members[1].hand(True)
    members[2].chat("Because \u0007 of\nthis")
    for member in members:
        member.wait(lambda it: len(it.numbers()) == 3, "three entries")
        assert member.numbers() == [1, 2, 3]
        assert set(member.texts()) == {"Why is it so?", "Because of this"}
    entries = [member.all("entry") for member in members]
    assert entries[0] == entries[1] == entries[2]


def test_a_repeated_command_has_one_effect(live: LiveSchool) -> None:
    """A command that is sent again with its id, on another stream, is answered as at first, and
    writes nothing.
    """
    replica = live.replica()
    first = live.member(replica, "ada").joined()
    first.chat("Once", "id-1")
    done = first.wait(lambda it: it.all("done"), "done")
    again = live.member(replica, "ada").joined()
    again.chat("Once", "id-1")
    assert again.wait(lambda it: it.all("done"), "done") == done
    again.chat("Other", "id-2")
    again.wait(lambda it: "Other" in it.texts())
    assert again.texts() == ["Once", "Other"]


def test_resumes_without_loss_or_repeats(live: LiveSchool) -> None:
    """Who was away reads on after the last entry that it had, on another replica too."""
    first, second = live.replica(), live.replica()
    ada = live.member(first, "ada").joined()
    for number in range(5):
        ada.chat(f"{number}")
    ada.wait(lambda it: len(it.texts()) == 5)
    back = live.member(second, "bea", after=2).joined()
    back.wait(lambda it: len(it.texts()) == 3)
    assert back.texts() == ["2", "3", "4"]
    assert back.all("joined")[0].number == 5


def test_presence_counts_people(live: LiveSchool) -> None:
    """A person on two devices counts once, over all replicas; only staff see who it is."""
    first, second = live.replica(), live.replica()
    ada = live.member(first, "ada").joined()
    live.member(second, "ada").joined()
    curie = live.member(second, "curie", "instructor").joined()
    ada.wait(lambda it: it.all("presence") and it.all("presence")[-1].count == 2, "two")
    told = curie.wait(
        lambda it: [each for each in it.all("presence") if len(each.person_ids) == 2], "names"
    )
    assert told[-1].person_ids == ["ada", "curie"]
    assert not any(each.person_ids for each in ada.all("presence"))
