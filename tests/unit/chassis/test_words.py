"""The words of texts in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.words import LONGEST_WORD, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Naïve Straße, ﬁne!", ["naive", "strasse", "fine"]),
        ("Lec\u00adture", ["lecture"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ", ["full", "width"]),
        ("йод Ёлка", ["йод", "ёлка"]),
        ("كِتَاب", ["كتاب"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("大学の本", ["大", "学", "の", "本"]),
        ("한국어 책", ["한국어", "책"]),
        ("C++ e-mail 2026-03", ["c", "e", "mail", "2026", "03"]),
        ("…—!?", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Case, diacritics, compatibility forms and invisible characters don't count; a script without
    spaces has a word for each character.
    """
    assert words_of(text) == words


@given(st.text(max_size=300))
def test_words_stay_as_they_are(text: str) -> None:
    """The words of words are the same words, without spaces, and none is longer than allowed."""
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert all(0 < len(word) <= LONGEST_WORD and not word.isspace() for word in words)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüéñ", min_size=1, max_size=20))
def test_case_does_not_count(text: str) -> None:
    """A text in upper case has the same words."""
    assert words_of(text.upper()) == words_of(text)
