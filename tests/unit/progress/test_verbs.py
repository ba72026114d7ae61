"""What verbs mean."""

import gzip
import json
from pathlib import Path

import pytest

from services.progress.domain.verbs import Meaning, meaning_of

REPOSITORY = Path(__file__).resolve().parents[3]
REAL = REPOSITORY.parent / "shared/data/xapi/fun-mooc-statements.json.gz"


@pytest.mark.parametrize(
    ("verb", "meaning"),
    [
        ("http://adlnet.gov/expapi/verbs/completed", Meaning.COMPLETED),
        ("http://adlnet.gov/expapi/verbs/passed", Meaning.PASSED),
        ("http://adlnet.gov/expapi/verbs/failed", Meaning.FAILED),
        ("http://adlnet.gov/expapi/verbs/mastered", Meaning.PASSED),
        ("http://adlnet.gov/expapi/verbs/answered", Meaning.NOTHING),
        ("https://w3id.org/xapi/adl/verbs/satisfied", Meaning.COMPLETED),
        ("https://w3id.org/xapi/adl/verbs/waived", Meaning.PASSED),
        ("https://w3id.org/xapi/adl/verbs/abandoned", Meaning.NOTHING),
        ("https://w3id.org/xapi/video/verbs/completed", Meaning.COMPLETED),
        ("https://w3id.org/xapi/video/verbs/seeked", Meaning.NOTHING),
        ("http://activitystrea.ms/schema/1.0/complete", Meaning.COMPLETED),
        ("http://activitystrea.ms/submit", Meaning.SUBMITTED),
        ("http://activitystrea.ms/schema/1.0/read", Meaning.EXPERIENCED),
        ("http://id.tincanapi.com/verb/viewed", Meaning.EXPERIENCED),
        ("http://id.tincanapi.com/verb/downloaded", Meaning.NOTHING),
        ("https://x.example/verbs/completed", None),
        ("https://x.example/?adlnet.gov/expapi/verbs/completed", None),
        ("http://adlnet.gov/expapi/verbs/", None),
        ("mailto:completed", None),
    ],
)
def test_a_verb_has_a_meaning_by_its_vocabulary(verb: str, meaning: Meaning | None) -> None:
    """The verb of a vocabulary means something; a verb of the same name elsewhere does not."""
    assert meaning_of(verb) is meaning


@pytest.mark.parametrize(
    "verb",
    [
        "https://adlnet.gov/expapi/verbs/completed",
        "http://adlnet.gov/expapi/verbs/Completed",
        "http://ADLNET.gov/expapi/verbs/COMPLETED",
        "http://adlnet.gov/expapi/verbs/completed/",
        "http://www.adlnet.gov/expapi/verbs/completed#",
    ],
)
def test_a_verb_is_recognised_as_it_is_written_in_the_wild(verb: str) -> None:
    """Scheme, case, a leading www and a slash at the end make no other verb."""
    assert meaning_of(verb) is Meaning.COMPLETED


@pytest.mark.skipif(not REAL.exists(), reason="the real statements are not here")
def test_every_verb_of_real_statements_is_known() -> None:
    """None of the verbs of 22,000 real statements is unknown."""
    with gzip.open(REAL, "rt") as lines:
        verbs = {json.loads(line)["verb"]["id"] for line in lines}
    assert len(verbs) == 8
    assert None not in map(meaning_of, verbs)
