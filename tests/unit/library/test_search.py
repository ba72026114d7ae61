"""The words of texts, and what queries ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from services.library.domain.search import (
    LONGEST_WORD,
    MOST_WORDS,
    Sought,
    Term,
    language_of,
    parse,
    words_of,
)


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


@pytest.mark.parametrize(
    ("query", "sought"),
    [
        ("Two  words", Sought((Term(("two",)), Term(("words",))))),
        ('"Two words" x', Sought((Term(("two", "words"), True), Term(("x",))))),
        ('"exact"', Sought((Term(("exact",), True),))),
        ("e-mail", Sought((Term(("e", "mail"), True),))),
        ("a -b", Sought((Term(("a",)),), (Term(("b",)),))),
        ('a -"b c"', Sought((Term(("a",)),), (Term(("b", "c"), True),))),
        ('"not closed', Sought((Term(("not", "closed"), True),))),
        ("a a", Sought((Term(("a",)),))),
        ("AND OR title:x", Sought((Term(("and",)), Term(("or",)), Term(("title", "x"), True)))),
    ],
)
def test_queries(query: str, sought: Sought) -> None:
    """Words, phrases in quotation marks, and what a minus leaves out; nothing else has a
    meaning.
    """
    assert parse(query) == sought


@pytest.mark.parametrize("query", ["", "  ", "-a", '""', "!?", '-"a b"', "-", '"'])
def test_a_query_seeks_something(query: str) -> None:
    """A query without a word that is sought is refused, and the field is named."""
    with pytest.raises(Invalid) as refused:
        parse(query)
    assert [each.field for each in refused.value.violations] == ["query"]


def test_a_query_has_few_words() -> None:
    """As many words as are allowed, and not one more."""
    words = [f"w{number}" for number in range(MOST_WORDS + 1)]
    assert len(parse(" ".join(words[:-1])).wanted) == MOST_WORDS
    with pytest.raises(Invalid, match=f"has {MOST_WORDS + 1} words"):
        parse(" ".join(words))


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from('-" ')), max_size=500))
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    """A hostile query is refused by Invalid, or has a bounded number of words that an index
    knows.
    """
    try:
        sought = parse(text)
    except Invalid:
        return
    words = [word for term in (*sought.wanted, *sought.unwanted) for word in term.words]
    assert sought.wanted
    assert len(words) <= MOST_WORDS
    assert words_of(" ".join(words)) == words


def test_languages() -> None:
    """A tag's language is its first subtag, in lower case."""
    assert [language_of(tag) for tag in ("de-AT", "EN", "", "zh-Hant-TW")] == [
        "de",
        "en",
        "und",
        "zh",
    ]
