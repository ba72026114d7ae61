"""Texts: the normal form, equality as people see it, and what can be shown."""

# ruff: noqa: RUF001 - similar letters are what is tested
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from chassis.texts import identity, is_blank, is_plain, legible, normal, shown

# Characters of all kinds, and more of the difficult ones than chance would give.
_DIFFICULT = (
    " \t\n\0\x1b\x7f\u00a0\u00ad\u034f\u200b\u200c\u200d\u202e\u2028\u2066\ufeff\ufe0f\u3164"
)
_LETTERS = "aAéßſKÅİıΣςﬁＡ①ͅά"
_STEERING = {"LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI", "FSI", "PDI"}
texts = some.text(some.characters() | some.sampled_from(_DIFFICULT + _LETTERS))
words = some.text("abcXYZ019-ßéÅΣж数", min_size=1)


@given(texts)
def test_the_normal_form_is_its_own(text: str) -> None:
    """Normalising twice changes nothing, and neither does showing twice."""
    assert normal(normal(text)) == normal(text)
    assert shown(shown(text)) == shown(text)


@given(texts)
@example("\u0345\u03ac")
def test_an_identity_is_its_own(text: str) -> None:
    """The identity of an identity, of the normal form and of the shown text is the same."""
    assert identity(identity(text)) == identity(text)
    assert identity(normal(text)) == identity(text)


@given(texts)
def test_composed_and_decomposed_texts_are_the_same(text: str) -> None:
    """Also in compatibility forms."""
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert identity(unicodedata.normalize(form, text)) == identity(text)


@given(texts)
def test_letters_of_any_case_are_the_same(text: str) -> None:
    """A folded text has the same identity."""
    assert identity(text.casefold()) == identity(text)


@given(some.lists(words, min_size=1))
def test_plain_texts_stay(parts: list[str]) -> None:
    """Words in NFC with a space between are plain, in their normal form, and shown as they are."""
    text = unicodedata.normalize("NFC", " ".join(parts))
    assert is_plain(text)
    assert normal(text) == shown(text) == text
    assert not is_blank(text)


@given(some.text())
@example("a\tb\r\n  c\u202e\x00\u2028d\u200d")
def test_a_legible_text_keeps_its_lines(text: str) -> None:
    """Each line is shown as it would be alone; spaces and tabs stay, and nothing steers."""
    found = legible(text)
    assert legible(found) == found
    assert [shown(line) for line in found.split("\n")] == [
        shown(line) for line in text.splitlines() or [""]
    ]
    assert not [sign for sign in found if sign not in "\n\t" and sign < " "]


def test_code_stays_legible() -> None:
    """Indented lines stay as they are."""
    code = "for x in y:\n\tprint(x)\n    # done"
    assert legible(code) == code


@given(texts)
def test_what_is_shown_is_one_line_without_steering(text: str) -> None:
    """No control character, no line break and no direction is left."""
    for sign in shown(text):
        assert unicodedata.category(sign) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(sign) not in _STEERING


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PHYS-101", "phys-101"),
        ("s-100", "s-100 "),
        ("Aula  Maxima", "Aula\u00a0Maxima"),
        ("Straße", "STRASSE"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("PHYS-101", "ＰＨＹＳ-１０１"),
        ("Lab\u200b 1", "Lab 1"),
        ("Lab", "\u202eLab\u3164"),
    ],
)
def test_what_people_take_for_the_same_has_one_identity(one: str, other: str) -> None:
    """Case, form, white space and invisible characters make no difference."""
    assert identity(one) == identity(other)


def test_different_texts_have_different_identities() -> None:
    """Accents, hyphens and other scripts are a difference."""
    assert len({identity(text) for text in ("cafe", "café", "ca-fe", "сafe", "c afe")}) == 5


@pytest.mark.parametrize(
    "text",
    ["a\u00a0b", "a\u200bb", "a\tb", "a\nb", "a\0b", "\ufeffa", "a\u202eb", "a\u00ad", "a\u3164",
     "a\ue000", "a\ud800", "a\u0378", "\u2800", "a\u2028b", "a\u3000b", "a\ufe0f"],
)  # fmt: skip
def test_hidden_characters_are_not_plain(text: str) -> None:
    """Invisible, control, private and unassigned ones, and other white space."""
    assert not is_plain(text)


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u00a0", "\u200b", "\u3164 \u2800", "\ufeff"])
def test_a_text_that_nobody_can_see_is_blank(text: str) -> None:
    """Whatever it consists of."""
    assert is_blank(text)
    assert not is_blank(text + "x")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ada\r\nBcc: all", "Ada Bcc: all"),
        ("\x1b[31mAda", "[31mAda"),
        ("Ada\u202eecalevoL", "AdaecalevoL"),
        ("A\u200bda\ufeff", "Ada"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("\u06dd\u0661", "\u06dd\u0661"),
        ("O\u2019Brien-\u00d3 S\u00e9", "O\u2019Brien-\u00d3 S\u00e9"),
    ],
)  # fmt: skip
def test_names_keep_what_people_need(text: str, wanted: str) -> None:
    """Joiners, signs and accents stay; what breaks a line or steers the terminal does not."""
    assert shown(text) == wanted
