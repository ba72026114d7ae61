"""The words of a text in any script, in the form in which words are compared.

Domains and use cases may import this module: it needs only the standard library.
"""

import re
import unicodedata

from chassis import texts

LONGEST_WORD = 64
# Marks above and below letters, except on Cyrillic, where й is a letter of its own; the points of
# Hebrew and Arabic, which most texts leave out.
_DIACRITICS = re.compile(
    "(?<![\u0400-\u04ff])[\u0300-\u036f]+|[\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]+"
)
# Scripts without spaces between words: Thai to Tibetan, Burmese, Khmer, kana, Han. Each of their
# characters is a word, and several of them are sought as a phrase.
_SPACELESS = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# The signs of Indian scripts, which Python does not count among letters; without the danda.
_INDIAN = "\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(f"[{_SPACELESS}]|(?:[^\\W_{_SPACELESS}]|[{_INDIAN}]){{1,{LONGEST_WORD}}}")


def words_of(text: str) -> list[str]:
    """Return the words of a text in the form in which they are compared.

    Case, compatibility forms (NFKC), diacritics and invisible characters don't count. A word is
    letters and digits, up to LONGEST_WORD of them; the rest of a longer one is another word.
    """
    return [word for part in text.split() for word in _WORD.findall(_folded(part))]


def _folded(text: str) -> str:
    if text.isascii():  # the same, thirty times as fast
        return text.lower()
    bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", texts.identity(text)))
    return unicodedata.normalize("NFC", bare)
