"""`tandem import`: the commands that import data from other sources."""

import click

from campus.oneroster.command import oneroster
from campus.oulad.command import oulad


@click.group("import")
def import_() -> None:
    """Import data from other sources."""


import_.add_command(oneroster)
import_.add_command(oulad)
