"""Moderation as the members of the live channel see it."""

from tandem.sessions.v1 import live_pb2, moderation_pb2

from tests.integration.sessions.live.replicas import LiveSchool

MUTE = moderation_pb2.MODERATION_ACTION_MUTE


def test_hidden_text_is_not_sent_again(live: LiveSchool) -> None:
    """Learners who come back on the same replica or on another get it blank; staff gets it."""
    first, second = live.replica(), live.replica()
    ada = live.member(first, "ada").joined()
    ada.chat("Rude")
    ada.wait(lambda it: it.texts() == ["Rude"], "the text")
    live.school.staff.HideEntry(
        moderation_pb2.HideEntryRequest(session_id=live.session_id, entry_number=1, reason="rude")
    )
    ada.wait(lambda it: it.numbers() == [1, 2], "what is hidden")
    for replica in (first, second):
        bea = live.member(replica, "bea").joined()
        bea.wait(lambda it: it.numbers() == [1, 2], "both entries")
        assert bea.texts() == [""]
        assert bea.all("entry")[1].moderated.entry_number == 1
    curie = live.member(second, "curie", "instructor").joined()
    curie.wait(lambda it: it.texts() == ["Rude"], "the text for staff")


def test_who_is_removed_leaves_and_others_are_not_told_of_it(live: LiveSchool) -> None:
    """The stream ends on whichever replica it is, and can't be joined again; who is muted stays."""
    first, second = live.replica(), live.replica()
    ada, bea = live.member(first, "ada").joined(), live.member(second, "bea").joined()
    people = {"session_id": live.session_id, "reason": "noise"}
    live.school.staff.MutePerson(moderation_pb2.MutePersonRequest(person_id="bea", **people))
    live.school.staff.RemovePerson(moderation_pb2.RemovePersonRequest(person_id="ada", **people))
    ada.wait_over()
    assert ada.all("ended")[0].reason == live_pb2.END_REASON_NOT_ALLOWED
    bea.wait(lambda it: it.numbers() == [1, 2], "both entries")
    own, other = bea.all("entry")
    assert (own.moderated.action, own.moderated.person_id) == (MUTE, "bea")
    assert other.WhichOneof("what") is None
    bea.chat("But")
    refused = bea.wait(lambda it: it.all("refused"), "a refusal")
    assert (refused[0].code, "muted" in refused[0].message) == ("PERMISSION_DENIED", True)
    again = live.member(second, "ada")
    error = again.wait_over()
    assert "removed" in str(error)
