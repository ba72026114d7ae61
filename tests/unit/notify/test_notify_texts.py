"""Templates in every language, with kind values and hostile ones."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem.progress.v1.events_pb2 import DueCause
from tandem.progress.v1.resources_pb2 import BehindReasonKind

from services.notify.domain.enums import Kind
from services.notify.marked import FSI, PDI, RLM, one_line
from services.notify.samples import sample
from services.notify.texts import LONGEST_TITLE, Texts
from tests.unit.notify.values import values_of, with_texts

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
TEXTS = Texts()
BEHIND = "BEHIND_REASON_KIND_"
HOSTILE = (
    "{{ 7 * 7 }}\r\nBcc: all@example.com\n\n{% for x in ().__class__ %}\u2028\0<b>\ud83d\udca5"
)
CATCH_UP = {**sample(Kind.CATCH_UP_ASSIGNED), "due": NOON, "usual_due": None, "weeks": []}
MARKS = str.maketrans("", "", FSI + PDI + RLM)


def test_english_german_and_arabic_are_there() -> None:
    """There are texts in three languages at least, one of them from right to left."""
    assert {"ar", "de", "en"} <= TEXTS.languages.keys()
    assert TEXTS.languages["ar"].direction == "rtl"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", TEXTS.languages)
def test_every_template_bears_hostile_values(language: str, kind: Kind) -> None:
    """Values are not read as templates, and can't start a line or a header."""
    text = TEXTS.write(kind, language, "Europe/Dublin", HOSTILE, with_texts(kind, HOSTILE))
    assert text.title
    assert "\n" not in text.title + text.title.replace("\r", "\n")
    assert "49" not in text.title + text.body
    assert not any(line.startswith("Bcc:") for line in text.body.splitlines())
    assert "\0" not in text.body


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", TEXTS.languages)
def test_every_template_bears_empty_values(language: str, kind: Kind) -> None:
    """Empty text leaves no line that announces nothing."""
    values = with_texts(kind, "")
    text = TEXTS.write(kind, language, "Europe/Dublin", "Ada", values)
    assert text.title
    assert "Ada" in text.body
    assert "\n\n\n\n" not in text.body


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("de-AT", "de"), ("DE", "de"), ("de", "de"), ("en-GB", "en"), ("ga-IE", "en"), ("", "en")],
)
def test_the_nearest_language(wanted: str, given: str) -> None:
    """A region falls back to its language, an unknown language to English."""
    assert TEXTS.nearest(wanted) == given


@pytest.mark.parametrize(
    ("language", "zone", "expected"),
    [
        ("en", "Europe/Dublin", "Monday, 2 March 2026, 12:30 (Europe/Dublin)"),
        ("de-AT", "Europe/Vienna", "Montag, 2. März 2026, 13:30 Uhr (Europe/Vienna)"),
        ("ar", "Asia/Riyadh", "الاثنين، 2 مارس 2026، الساعة 15:30 (Asia/Riyadh)"),
        ("en", "Pacific/Auckland", "Tuesday, 3 March 2026, 01:30 (Pacific/Auckland)"),
        ("en", "No/Such", "Monday, 2 March 2026, 12:30 (UTC)"),
        ("en", "../etc/passwd", "Monday, 2 March 2026, 12:30 (UTC)"),
        ("en", "", "Monday, 2 March 2026, 12:30 (UTC)"),
    ],
)
def test_instants_are_told_in_the_persons_zone(language: str, zone: str, expected: str) -> None:
    """An instant is written as the person's language and zone have it."""
    text = TEXTS.write(Kind.CATCH_UP_ASSIGNED, language, zone, "Ada", CATCH_UP)
    assert expected in text.body.translate(MARKS)


@settings(max_examples=50)
@given(
    st.data(),
    st.sampled_from(Kind),
    st.sampled_from(sorted(TEXTS.languages)),
    st.sampled_from(["Pacific/Kiritimati", "Pacific/Pago_Pago", "No/Such"]),
)
def test_whatever_is_declared_can_be_written(
    data: st.DataObject, kind: Kind, language: str, zone: str
) -> None:
    """A stored message can be read in any language and zone."""
    values = data.draw(values_of(kind))
    assert TEXTS.write(kind, language, zone, "Ada", values).title


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    """Any text becomes one line."""
    assert len(one_line(text).splitlines()) <= 1


@settings(max_examples=50)
@given(st.text(max_size=2_000), st.text(max_size=50))
def test_titles_are_short_lines(run: str, name: str) -> None:
    """A title is one line of bounded length, whatever it names."""
    title = TEXTS.write(Kind.ENROLMENT_PROMOTED, "en", "UTC", name, {"run": run}).title
    assert len(title) <= LONGEST_TITLE
    assert len(title.splitlines()) == 1


def test_a_name_can_not_turn_the_text_around_it() -> None:
    """Direction and zero-width characters are left out; joiners stay."""
    assert one_line("Ada\u202e\u2067 \u200bLovelace\ufeff") == "Ada Lovelace"
    assert one_line("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "arrived later"), ("de", "später eingetroffen"), ("ar", "وصل متأخرًا")],
)
def test_a_catch_up_that_was_missed_says_that_it_was_in_time(language: str, words: str) -> None:
    """Only where it had counted as missed or late."""
    for was_missed in (True, False):
        values = {"session": "Waves", "in_time": True, "was_missed": was_missed}
        text = TEXTS.write(Kind.CATCH_UP_COMPLETED, language, "Europe/Dublin", "Ada", values)
        assert (words in text.body) is was_missed


@pytest.mark.parametrize("kind", [Kind.CATCH_UP_ASSIGNED, Kind.CATCH_UP_CHANGED])
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "later than usual (Monday, 2 March 2026, 12:30 (Europe/Dublin))"),
        ("de", "später als üblich (Montag, 2. März 2026, 12:30 Uhr (Europe/Dublin))"),
        ("ar", "متأخر عن المعتاد (الاثنين، 2 مارس 2026، الساعة 12:30 (Europe/Dublin))"),
    ],
)
def test_a_later_due_says_why(kind: Kind, language: str, words: str) -> None:
    """Beside the usual due; where the due is as usual, nothing is said of it."""
    values = {**CATCH_UP, "usual_due": NOON}
    later = TEXTS.write(kind, language, "Europe/Dublin", "Ada", values).body
    usual = TEXTS.write(kind, language, "Europe/Dublin", "Ada", CATCH_UP).body
    assert words in later.translate(MARKS)
    assert later.startswith(usual.rstrip())


@pytest.mark.parametrize(
    ("language", "lines", "more"),
    [
        (
            "en",
            ["- from 2 March 2026: 1 h 30 min of 2 h", "- from 9 March 2026: 0 min of 45 min"],
            "... and 2 more weeks",
        ),
        (
            "de",
            ["- ab 2. März 2026: 1 h 30 min von 2 h", "- ab 9. März 2026: 0 min von 45 min"],
            "... und 2 weitere Wochen",
        ),
        (
            "ar",
            [
                "- ابتداءً من 2 مارس 2026: 1 h 30 min من أصل 2 h",
                "- ابتداءً من 9 مارس 2026: 0 min من أصل 45 min",
            ],
            "... وأسبوعان آخران",
        ),
    ],
)
def test_weeks_without_room_are_told(language: str, lines: list[str], more: str) -> None:
    """Each with its beginning, what is planned, and the hours; at most twenty of them."""
    weeks = [[NOON, 90, 120], [NOON + timedelta(days=7), 0, 45]]

    def told(times: int) -> list[str]:
        values = {**CATCH_UP, "weeks": weeks * times}
        body = TEXTS.write(Kind.CATCH_UP_ASSIGNED, language, "UTC", "Ada", values).body
        return body.translate(MARKS).splitlines()

    assert told(1)[-2:] == lines
    assert told(10)[-1] == lines[-1]
    assert told(11)[-2:] == [lines[-1], more]


@pytest.mark.parametrize("kind", [Kind.DUE_APPROACHING, Kind.DUE_MISSED, Kind.DUE_EXTENDED])
@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Dublin", "Thursday, 5 March 2026, 24:00 (Europe/Dublin)"),
        ("Europe/Berlin", "Friday, 6 March 2026, 01:00 (Europe/Berlin)"),
    ],
)
def test_a_deadline_that_ends_a_day_is_at_24_00(kind: Kind, zone: str, expected: str) -> None:
    """In a zone where it is not midnight, it is an instant as any other."""
    midnight = datetime(2026, 3, 6, tzinfo=UTC)
    due = "until" if kind is Kind.DUE_EXTENDED else "due"
    values = {"run": "Physics", "activity": "Essay", due: midnight}
    assert expected in TEXTS.write(kind, "en", zone, "Ada", values).body


@pytest.mark.parametrize("language", TEXTS.languages)
def test_every_cause_of_a_changed_due_is_told(language: str) -> None:
    """Each cause that the learner may hear of has words of its own; a newer one has none."""
    causes = set(DueCause.keys()) - {"DUE_CAUSE_UNSPECIFIED", "DUE_CAUSE_ENROLMENT"}
    lines = set()
    for cause in sorted(causes):
        dues = [["Essay", NOON, None, cause.removeprefix("DUE_CAUSE_")]]
        values = {"run": "Physics", "count": 1, "dues": dues}
        text = TEXTS.write(Kind.DUES_CHANGED, language, "UTC", "Ada", values)
        body = text.body.translate(MARKS)
        lines.add(next(line for line in body.splitlines() if line.startswith("- Essay (")))
    assert len(lines) == len(causes)
    values = {"run": "Physics", "count": 1, "dues": [["Essay", NOON, None, "MAGIC"]]}
    text = TEXTS.write(Kind.DUES_CHANGED, language, "UTC", "Ada", values)
    assert "- Essay\n" in text.body.translate(MARKS)


@pytest.mark.parametrize("language", TEXTS.languages)
def test_every_reason_for_falling_behind_is_told(language: str) -> None:
    """Each kind has words of its own, for one and for more, with its number; a newer kind has
    none.
    """
    kinds = [each.removeprefix(BEHIND) for each in BehindReasonKind.DESCRIPTOR.values_by_name][1:]
    for number in (1, 17):
        told = {kind: _told_behind(language, kind, number) for kind in kinds}
        assert all(number == 1 or "17" in each for pair in told.values() for each in pair)
        assert len(set(told.values())) == len(kinds)
    assert len(set(_told_behind(language, "MAGIC", 1))) == 1


def _told_behind(language: str, kind: str, number: int) -> tuple[str, str]:
    """What the learner and what who teaches reads of a reason; empty if nothing."""
    own = {"run": "Physics", "reasons": [[kind, number]]}
    all_ = {"run": "Physics", "count": 1, "learners": [["Ada", [[kind, number]]]]}
    learner = TEXTS.write(Kind.FELL_BEHIND, language, "UTC", "Ada", own).body
    staff = TEXTS.write(Kind.LEARNERS_FELL_BEHIND, language, "UTC", "Grace", all_).body
    lines = [line for line in learner.splitlines() if line.startswith("- ")]
    more = [line for line in staff.splitlines() if line.startswith("  ")]
    return "".join(lines), "".join(more)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "أصبح نشاط واحد متاحًا لك"),
        (2, "أصبح نشاطان متاحين لك"),
        (3, "أصبحت 3 أنشطة متاحة لك"),
        (10, "أصبحت 10 أنشطة متاحة لك"),
        (11, "أصبح 11 نشاطًا متاحًا لك"),
        (99, "أصبح 99 نشاطًا متاحًا لك"),
        (100, "أصبح 100 نشاط متاحًا لك"),
        (103, "أصبحت 103 أنشطة متاحة لك"),
    ],
)
def test_arabic_counts_by_its_own_forms(count: int, words: str) -> None:
    """Arabic has a form for one, for two, for few, for many and for others (CLDR)."""
    values = {"run": "Physics", "count": count, "activities": ["Essay"]}
    assert words in TEXTS.write(Kind.ACTIVITIES_OPENED, "ar", "UTC", "Ada", values).body


@pytest.mark.parametrize("language", TEXTS.languages)
def test_each_text_names_its_language(language: str) -> None:
    """A region's tag becomes the language's own, which is that of the text."""
    values = sample(Kind.ACTIVITIES_OPENED)
    text = TEXTS.write(Kind.ACTIVITIES_OPENED, f"{language}-XX", "UTC", "Ada", values)
    assert text.language == language
