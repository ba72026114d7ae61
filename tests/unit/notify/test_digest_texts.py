"""The text of digests, in every language, of kind messages and of hostile ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.digests import SHOWN, lines_of, values_of
from services.notify.domain.enums import Category, Kind
from services.notify.domain.messages import Message
from tests.unit.notify.test_notify_texts import HOSTILE, TEXTS, VALUES

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
NEWS = Message(
    "m", "ada", Category.SEAT, "A seat", "Dear Ada,\n\nthere is one.\n\nNow.\n", NOW, "e", "t",
    False, 1, run_id="r1",
)  # fmt: skip

messages = st.lists(
    st.builds(
        lambda number, run, minutes: replace(
            NEWS,
            id=f"m{number}",
            title=f"<{number}>",
            run_id=run,
            created_at=NOW + timedelta(minutes=minutes),
        ),
        st.integers(0, 10_000),
        st.sampled_from(["", "r1", "r2", "r3"]),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda each: each.id,
)


@given(messages, st.sampled_from(TEXTS.languages))
def test_a_digest_has_each_message_once_by_run(news: list[Message], language: str) -> None:
    """Each message is there once, under its run, oldest first; those of no run come last."""
    values = values_of(news, {"r1": "Waves", "r2": "Optics"})
    body = TEXTS.write_digest(language, "Europe/Dublin", "Ada", values).body
    assert all(body.count(f"- {each.title}\n") == 1 for each in news)
    runs = [run for run, _ in values["runs"]]
    assert sorted(filter(None, runs)) == [each for each in runs if each]
    assert "" not in runs[:-1]
    assert set(runs) == {
        {"r1": "Waves", "r2": "Optics"}.get(each.run_id, each.run_id) for each in news
    }
    shown = {title: place for place, (_, group) in enumerate(values["runs"]) for title, _ in group}
    created = {each.title: each.created_at for each in news}
    for _, group in values["runs"]:
        times = [created[title] for title, _ in group]
        assert times == sorted(times)
    for each in news:
        for other in news:
            assert (shown[each.title] == shown[other.title]) == (each.run_id == other.run_id)


@pytest.mark.parametrize("language", TEXTS.languages)
def test_a_digest_bears_hostile_messages(language: str) -> None:
    """A text is never read as a template, and no line of it can leave its message."""
    hostile = replace(NEWS, title=HOSTILE, body=f"Dear,\n\n{HOSTILE}")
    text = TEXTS.write_digest(language, "Mars", HOSTILE, values_of([hostile], {"r1": HOSTILE}))
    assert "\n" not in text.title
    assert "49" not in text.body
    assert not any(line.startswith("Bcc") for line in text.body.splitlines())


@pytest.mark.parametrize("language", TEXTS.languages)
@pytest.mark.parametrize("kind", Kind)
def test_each_text_begins_with_a_greeting(language: str, kind: Kind) -> None:
    """The first paragraph is the greeting, and names the person: a digest leaves it out."""
    body = TEXTS.write(kind, language, "Europe/Dublin", "Ada Byron", VALUES[kind]).body
    greeting, _, rest = body.partition("\n\n")
    assert "Ada Byron" in greeting
    assert "\n" not in greeting
    assert lines_of(body) == rest.strip().splitlines()
    assert lines_of(body)


def test_a_long_digest_has_the_titles_of_the_last() -> None:
    """It stays readable, and tells of each message."""
    news = [replace(NEWS, id=f"m{number:03}", title=f"<{number}>") for number in range(SHOWN + 5)]
    body = TEXTS.write_digest("en", "UTC", "Ada", values_of(news, {})).body
    assert body.count("there is one.") == SHOWN
    assert all(f"- {each.title}\n" in body for each in news)
