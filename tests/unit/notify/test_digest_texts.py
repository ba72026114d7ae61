"""The text of digests, in every language, of kind messages and of hostile ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.digests import SHOWN, lines_of, values_of
from services.notify.domain.enums import Category, Kind
from services.notify.domain.messages import Message
from services.notify.domain.notices import Text
from services.notify.domain.values import DIGEST, Digest
from services.notify.marked import FSI, PDI, kept
from services.notify.samples import sample
from tests.unit.notify.test_notify_texts import HOSTILE, MARKS, TEXTS
from tests.unit.notify.values import SIGNS

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


def as_written(news: list[Message]) -> dict[str, Text]:
    """The texts of messages that have nothing else."""
    return {each.id: Text(each.title, each.body) for each in news}


def digest(language: str, values: Digest) -> Text:
    """A digest to Ada."""
    return TEXTS.write_mail(DIGEST, language, "Europe/Dublin", "Ada", {**values})


def plain(text: str) -> str:
    """A text without the marks of directions."""
    return text.translate(MARKS)


@given(messages, st.sampled_from(sorted(TEXTS.languages)))
def test_a_digest_has_each_message_once_by_run(news: list[Message], language: str) -> None:
    """Each message is there once, under its run, oldest first; those of no run come last."""
    values = values_of(news, as_written(news), {"r1": "Waves", "r2": "Optics"})
    body = plain(digest(language, values).body)
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
    values = values_of([hostile], as_written([hostile]), {"r1": HOSTILE})
    text = TEXTS.write_mail(DIGEST, language, "Mars", HOSTILE, {**values})
    assert "\n" not in text.title
    assert "49" not in text.body
    assert not any(line.startswith("Bcc") for line in text.body.splitlines())
    assert "<b>" not in text.html


@pytest.mark.parametrize("language", TEXTS.languages)
@pytest.mark.parametrize("kind", Kind)
def test_each_text_begins_with_a_greeting(language: str, kind: Kind) -> None:
    """The first paragraph is the greeting, and names the person: a digest leaves it out."""
    body = TEXTS.write(kind, language, "Europe/Dublin", "Ada", sample(kind)).body
    greeting, _, rest = body.partition("\n\n")
    assert "Ada" in greeting
    assert "\n" not in greeting
    assert lines_of(body) == [line for line in rest.splitlines() if line]
    assert lines_of(body)


def test_a_long_digest_has_the_titles_of_the_last() -> None:
    """It stays readable, and tells of each message."""
    news = [replace(NEWS, id=f"m{number:03}", title=f"<{number}>") for number in range(SHOWN + 5)]
    body = digest("en", values_of(news, as_written(news), {})).body
    assert body.count("there is one.") == SHOWN
    assert all(f"- {each.title}\n" in body for each in news)


def test_values_in_a_digest_stay_isolated() -> None:
    """What a message's text marks is marked in a digest of it, line by line; nothing else is."""
    written = TEXTS.write(Kind.DUE_MISSED, "ar", "Europe/Dublin", "Ada", sample(Kind.DUE_MISSED))
    values = values_of([NEWS], {NEWS.id: written}, {"r1": "Waves"})
    body = digest("ar", values).body
    assert f"- {written.title}\n" in body
    for line in lines_of(written.body):
        assert f"  {line}\n" in body
    assert body.count(FSI) == body.count(PDI)


@pytest.mark.parametrize(
    ("count", "title"),
    [
        (1, "ملخّصك: رسالة واحدة"),
        (2, "ملخّصك: رسالتان"),
        (3, "ملخّصك: 3 رسائل"),
        (11, "ملخّصك: 11 رسالة"),
    ],
)
def test_arabic_counts_messages_by_its_own_forms(count: int, title: str) -> None:
    """One, two, few and many."""
    news = [replace(NEWS, id=f"m{number}") for number in range(count)]
    assert digest("ar", values_of(news, as_written(news), {})).title == title


def test_a_digest_in_html_is_a_list_for_each_run() -> None:
    """Each message is one entry, under the name of its run."""
    news = [replace(NEWS, id=f"m{number}") for number in range(3)]
    html = digest("en", values_of(news, as_written(news), {"r1": "Waves"})).html
    assert (html.count("<ul>"), html.count("<li>")) == (1, 3)
    assert "<bdi>Waves</bdi></h2>" in html


@given(st.text(SIGNS | st.characters(), max_size=40))
def test_a_line_of_a_message_is_one_line_with_its_marks_closed(text: str) -> None:
    """Whatever an older version stored as a message's text; what a line marks stays marked."""
    line = kept(text)
    assert len(line.splitlines()) <= 1
    assert line.count(FSI) == line.count(PDI)
    assert kept(line) == line
    assert kept(f"Run: {FSI}Waves{PDI}") == f"Run: {FSI}Waves{PDI}"
