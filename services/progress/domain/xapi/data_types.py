"""Data types of statements: texts of a form, language maps, extensions (xAPI 1.0.3, part 2,
section 4; IEEE 9274.1.1, section 4.2.7).

Every pattern takes linear time: no part of it can match the same text in two ways.
"""

import re

from services.progress.domain.xapi.checks import anything, keyed, matching, text

# RFC 3987, section 2.2: what stands in an IRI after its scheme. The specification allows best
# effort (section 2.2): of the authority only a literal address is told apart, for its brackets.
_IRI_PART = (
    r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?"
    r"\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\uffef\U00010000-\U0010fffd]++|%[0-9A-Fa-f]{2})*+"
)
_IRI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*+:(?=.)(?://\[[0-9A-Fa-fvV:.]++\])?{_IRI_PART}(?:#{_IRI_PART})?"
)
_URI = re.compile(rf"(?=[\x21-\x7e]*+\Z){_IRI.pattern}")
# RFC 6068, section 2, without its header fields: the specification wants "mailto:email address".
_LABEL = r"[A-Za-z0-9\-\u00a1-\ud7ff\uf900-\uffef\U00010000-\U000efffd]++"
_MAILTO = re.compile(
    rf"""(?i:mailto):[^\s@<>()\[\]\\,;:"\x00-\x1f\x7f\ud800-\udfff]++@{_LABEL}(?:\.{_LABEL})*+"""
)
# RFC 4122, section 3: upper and lower case are the same.
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
# ISO 8601:2004, section 4.4.3.2; only the last part may have a fraction.
_N = r"\d++(?:[.,]\d++)?"
_DURATION = re.compile(
    rf"P(?=.)(?![^.,]*[.,]\d*[A-Z].)(?:{_N}W"
    rf"|(?:{_N}Y)?(?:{_N}M)?(?:{_N}D)?(?:T(?=.)(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?)",
    re.ASCII,
)
# RFC 5646, section 2.1.
_IRREGULAR = (
    "en-GB-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
    "|sgn-(?:BE-FR|BE-NL|CH-DE)"
)
_REGULAR = "art-lojban|cel-gaulish|no-(?:bok|nyn)|zh-(?:guoyu|hakka|min-nan|min|xiang)"
_PRIVATE = r"x(?:-[a-z0-9]{1,8})++"
_LANGUAGE_TAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*+(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})++)*+"
    rf"(?:-{_PRIVATE})?|{_PRIVATE}|{_IRREGULAR}|{_REGULAR}",
    re.ASCII | re.IGNORECASE,
)
# RFC 6838, section 4.2, with parameters by RFC 2045, section 5.1.
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_MEDIA_TYPE = re.compile(
    rf'{_NAME}/{_NAME}(?:[ \t]*+;[ \t]*+{_NAME}=(?:{_NAME}|"(?:[^"\\\x00-\x1f]|\\.)*+"))*+;?'
)
_SHA1 = re.compile(r"[0-9A-Fa-f]{40}")
# SHA-224, 256, 384, 512 (FIPS 180-4) in hexadecimal digits.
_SHA2 = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})")

iri = matching(_IRI, "an IRI with its scheme, such as https://uni.example/x (RFC 3987)")
irl = matching(_IRI, "an IRL with its scheme, such as https://uni.example/x (RFC 3987)")
uri = matching(_URI, "a URI with its scheme, such as https://uni.example/x (RFC 3986)")
mailto = matching(_MAILTO, "mailto: and a mail address, such as mailto:ana@uni.example")
uuid = matching(_UUID, "a UUID of 32 hexadecimal digits, 8-4-4-4-12 (RFC 4122)")
duration = matching(_DURATION, "a duration such as PT1H30M or P4W (ISO 8601:2004, 4.4.3.2)")
language_tag = matching(_LANGUAGE_TAG, "a language tag such as en-US (RFC 5646)")
media_type = matching(_MEDIA_TYPE, "a media type such as text/plain (RFC 2046)")
sha1 = matching(_SHA1, "a SHA-1 hash of 40 hexadecimal digits")
sha2 = matching(_SHA2, "a SHA-2 hash of 56, 64, 96 or 128 hexadecimal digits")
language_map = keyed(language_tag, text, least=1)
extensions = keyed(iri, anything)
