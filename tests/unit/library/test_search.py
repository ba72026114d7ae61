"""What queries ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.words import words_of
from services.library.domain.search import (
    MOST_WORDS,
    Sought,
    Term,
    language_of,
    parse,
)


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
