"""The page of an offline pack, from templates/pack.html and its script pack.js."""

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.library.domain.packs import Pack, names

FOLDER = Path(__file__).parent / "templates"


def page_of(pack: Pack) -> bytes:
    """Return index.html of a pack as UTF-8: the same pack gives the same bytes."""
    rows = [
        {"item": item, "name": name, "tag": item.media_type.partition("/")[0]}
        for item, name in zip(pack.items, names(pack.items), strict=True)
    ]
    return _template().render(pack=pack, rows=rows).encode()


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("pack.html")
