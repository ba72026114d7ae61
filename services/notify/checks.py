"""Checks the templates of each kind in each language against the values that the kind declares."""

import json
from collections.abc import Iterator, Set
from pathlib import Path

from jinja2 import Environment, TemplateError
from jinja2.meta import find_referenced_templates, find_undeclared_variables

from services.notify import samples
from services.notify.domain.values import WRITTEN, Written, declared
from services.notify.texts import FALLBACK, FOLDER, Texts, environment

ALWAYS = frozenset({"name", "zone"})
"""What each template may name beside its kind's values: the reader's name and zone."""
DATES = frozenset({"date", "day", "instant"})


def faults_of(folder: Path = FOLDER) -> list[str]:
    """Return what is wrong with the templates in a folder, each with its file; empty: nothing.

    A template must name each value that its kind declares, and no other. If all do, each is also
    written with samples for all of its branches.
    """
    languages = sorted(path for path in folder.iterdir() if path.is_dir())
    wrong = [fault for language in languages for fault in _faults(language)]
    if FALLBACK not in {language.name for language in languages}:
        wrong.append(f"{FALLBACK}: missing; it stands for all languages that there are not")
    return wrong or [*_written(Texts(folder))]


def _faults(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the files of a language."""
    try:
        forms = json.loads((folder / "dates.json").read_text(encoding="utf-8"))
        templates = environment(folder)
    except (OSError, ValueError, LookupError) as error:
        yield f"{folder.name}/dates.json: {type(error).__name__}: {error}"
        return
    if forms.keys() != DATES:
        yield f"{folder.name}/dates.json: {sorted(forms)}, not {sorted(DATES)}"
    used: set[str] = set()
    for kind in WRITTEN:
        yield from (f"{folder.name}/{kind}.txt: {each}" for each in _of_kind(templates, kind, used))
    for path in sorted(folder.glob("*.txt")):
        if path.name not in used:
            yield f"{folder.name}/{path.name}: no kind has this name"


def _of_kind(templates: Environment, kind: Written, used: set[str]) -> Iterator[str]:
    """Yield what is wrong with the template of a kind; add the files that it needs to `used`."""
    try:
        names = _names(templates, f"{kind}.txt", used)
    except TemplateError as error:
        yield f"{type(error).__name__}: {error}"
        return
    wanted = declared(kind).keys()
    yield from (f"{name}: the kind has no such value" for name in sorted(names - wanted - ALWAYS))
    yield from (f"{name}: never named" for name in sorted(wanted - names))


def _names(templates: Environment, file: str, used: set[str]) -> Set[str]:
    """Return the values that a template and those that it includes name; add the files to `used`.

    Raises TemplateError.
    """
    used.add(file)
    assert templates.loader is not None
    source, _, _ = templates.loader.get_source(templates, file)
    tree = templates.parse(source)
    included = filter(None, find_referenced_templates(tree))
    inner = [_names(templates, each, used) for each in included]
    return find_undeclared_variables(tree).union(*inner)


def _written(texts: Texts) -> Iterator[str]:
    for language in texts.languages:
        for kind in WRITTEN:
            for values in samples.samples(kind):
                try:
                    texts.write_mail(kind, language, samples.ZONE, samples.NAME, values)
                except (
                    TemplateError,
                    ArithmeticError,
                    LookupError,
                    TypeError,
                    ValueError,
                ) as error:
                    yield f"{language}/{kind}.txt: {type(error).__name__}: {error}, with {values}"
