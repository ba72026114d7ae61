"""The command `tandem`: runs the platform on one machine, and has tools for operators."""

import json
import logging
import sys
from importlib import import_module
from pathlib import Path

import click
import structlog

from campus.connection import DATA, MONITORING
from campus.identity import IdentityProvider
from campus.output import JSON_OPTION, fail, show_rows, steps
from campus.platform import ROLES, Platform

MODULES = {
    "cmi5": "campus.cmi5_command:cmi5",
    "consumers": "campus.consumers.command:consumers",
    "dead-letters": "campus.dead_letters_command:dead_letters",
    "demo": "campus.demo.command:demo",
    "events": "campus.events_command:events",
    "import": "campus.import_command:import_",
    "library": "campus.library_command:library",
    "notify": "campus.notify_command:notify",
    "outbox": "campus.outbox_command:outbox",
    "privacy": "campus.privacy_command:privacy",
    "progress": "campus.progress_command:progress",
    "timetable": "campus.timetable_command:timetable",
    "webhooks": "campus.webhooks_command:webhooks",
}
"""The commands in modules of their own."""


class Commands(click.Group):
    """Commands whose modules are imported when they are used: all of them take a second.

    After "Lazily Loading Subcommands" in click's documentation.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *MODULES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of that name."""
        if cmd_name not in MODULES:
            return super().get_command(ctx, cmd_name)
        module, name = MODULES[cmd_name].split(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command), cmd_name
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Tandem: live teaching and self-paced study as one course."""


@cli.command()
@MONITORING
@DATA
@JSON_OPTION
def up(folder: Path, as_json: bool, monitoring: bool) -> None:
    """Start the platform and leave it running."""
    platform = Platform(folder)
    with steps(as_json) as said:
        platform.up(said, monitoring)
    show_rows("Tandem is up", platform.status(), as_json)


@cli.command()
@DATA
@JSON_OPTION
def down(folder: Path, as_json: bool) -> None:
    """Stop the platform, and keep its data."""
    platform = Platform(folder)
    with steps(as_json) as said:
        platform.down(said)
    show_rows("Tandem is down", platform.status(), as_json)


@cli.command()
@DATA
@JSON_OPTION
def status(folder: Path, as_json: bool) -> None:
    """Show every part and role. Exits with 1 if one of them does not run."""
    rows = Platform(folder).status()
    show_rows("Tandem", rows, as_json)
    well = {"running", "given by environment"}
    sys.exit(0 if all(row.state in well for row in rows) else 1)


@cli.command()
@click.argument("subject")
@click.option("--role", "roles", multiple=True, default=["learner"], show_default=True)
@DATA
@JSON_OPTION
def token(subject: str, roles: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Print a token for SUBJECT for calls to the local platform; it is valid for one hour."""
    try:
        minted = Platform(folder).identity.mint(subject, roles)
    except ValueError as error:
        fail(str(error))
    click.echo(json.dumps({"token": minted}) if as_json else minted)


@cli.command()
@click.argument("service", type=click.Choice(list(ROLES)))
@DATA
@JSON_OPTION
def url(service: str, folder: Path, as_json: bool) -> None:
    """Print the HTTP address of SERVICE, for calls to the local platform with curl."""
    found = Platform(folder).url(service)
    click.echo(json.dumps({"url": found}) if as_json else found)


@cli.command()
@click.option(
    "--readable",
    is_flag=True,
    help="Let other users read the public key and the token, because containers run as them.",
)
@DATA
@JSON_OPTION
def identity(readable: bool, folder: Path, as_json: bool) -> None:
    """Create a key, its public JWKS and a token for the services, if there is no provider yet.

    Prints the settings that the services need.
    """
    provider = IdentityProvider(folder)
    variables = provider.environment()
    lines = "\n".join(f"{name}={value}" for name, value in variables.items())
    click.echo(json.dumps(variables, indent=2) if as_json else lines)
    if readable:
        provider.let_others_read()


def main() -> None:
    """Run the command; print errors without a traceback."""
    # stdout is for results, which may be JSON.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # pika also raises what it logs
    try:
        cli(standalone_mode=True)
    except Exception as error:
        # Imported here, because only errors need every client's exceptions.
        from campus.faults import message_of

        if message := message_of(error):
            fail(message)
        raise
