"""Values of another direction than the text around them (UAX #9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import Kind
from services.notify.marked import FSI, PDI, RLM, cut, marked, one_line
from services.notify.samples import sample
from services.notify.texts import LONGEST_TITLE, LONGEST_VALUE, Texts
from tests.unit.notify.values import with_texts

TEXTS = Texts()


def test_values_from_left_to_right_need_no_marks_in_such_text() -> None:
    """A program that does not know the marks would show them."""
    for kind in Kind:
        text = TEXTS.write(kind, "en", "UTC", "Ada", with_texts(kind, "Room 3, (a-b)"))
        assert not {FSI, PDI, RLM} & set(text.title + text.body)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("sign", ["\u05d0", "\u0627", "\u0663"])  # Hebrew, Arabic, an Arabic digit
def test_a_value_from_right_to_left_is_isolated(language: str, sign: str) -> None:
    """Else what follows it, a number or a bracket, would move to its other side."""
    values = {**sample(Kind.SESSION_MOVED), "session": sign, "old_room": f"{sign} 3"}
    text = TEXTS.write(Kind.SESSION_MOVED, language, "UTC", "Ada", values)
    assert text.title.endswith(f": {marked(sign)}")
    assert f", {marked(sign + ' 3')}\n" in text.body
    assert marked("Ada") not in text.body


@pytest.mark.parametrize("kind", Kind)
def test_in_arabic_all_values_are_isolated(kind: Kind) -> None:
    """So are names of zones and units; each line begins with a letter or mark of its direction,
    except addresses.
    """
    values = with_texts(kind, "Waves")
    text = TEXTS.write(kind, "ar", "Europe/Dublin", "Ada", values)
    for line in [text.title, *text.body.splitlines()]:
        inside, outside = [], line
        while FSI in outside:
            before, _, rest = outside.partition(FSI)
            value, _, after = rest.partition(PDI)
            inside.append(value)
            outside = before + after
        assert not [sign for sign in outside if sign.isascii() and sign.isalpha()], line
        letters = [sign for sign in outside if sign.isalpha() or sign == RLM]
        assert letters or not line
    assert marked("Ada") in text.body


def test_units_are_isolated() -> None:
    """Else Arabic would show "1 h 30 min" in another order."""
    body = TEXTS.write(
        Kind.CATCH_UP_ASSIGNED,
        "ar",
        "UTC",
        "Ada",
        {**sample(Kind.CATCH_UP_ASSIGNED), "usual_due": None},
    ).body
    assert marked("7 h 10 min") in body


@given(st.text(max_size=3 * LONGEST_VALUE), st.sampled_from(sorted(TEXTS.languages)))
def test_what_is_cut_is_closed(text: str, language: str) -> None:
    """A long value, or a title with one, loses its end, but not the mark that closes it."""
    values = {"run": text * 3}
    written = TEXTS.write(Kind.ENROLMENT_PROMOTED, language, "UTC", "Ada", values)
    assert len(written.title) <= LONGEST_TITLE
    assert written.title.count(FSI) == written.title.count(PDI)
    assert written.body.count(FSI) == written.body.count(PDI)


@given(st.text(), st.integers(3, 60))
def test_a_cut_is_no_longer_than_it_may_be(text: str, most: int) -> None:
    """With its ellipsis and its mark; what is short enough stays as it is."""
    whole = f"Run: {marked(one_line(text))}"
    short = cut(whole, most)
    assert len(short) <= most
    assert (short == whole) is (len(whole) <= most)
