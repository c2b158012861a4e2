"""The command `video-gateway`."""

from importlib.metadata import version as distribution_version
from typing import Annotated

import typer

from gateway.cli.admin_token import admin
from gateway.cli.audit import audit
from gateway.cli.budgets import budgets
from gateway.cli.check import check
from gateway.cli.costs import costs
from gateway.cli.db import db
from gateway.cli.deliveries import deliveries
from gateway.cli.demo import demo
from gateway.cli.doctor import doctor
from gateway.cli.endpoints import endpoints
from gateway.cli.job_acts import end, settle
from gateway.cli.jobs import jobs
from gateway.cli.keys import keys
from gateway.cli.sandbox import sandbox
from gateway.cli.serve import serve

app = typer.Typer(
    name="video-gateway",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with locals would print secrets
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},  # subcommands inherit both
)
app.command()(serve)
app.command()(check)
app.command()(sandbox)
app.command()(demo)
app.command()(doctor)
app.add_typer(keys, name="keys")
jobs.command()(end)
jobs.command()(settle)
app.add_typer(jobs, name="jobs")
app.add_typer(deliveries, name="deliveries")
app.add_typer(endpoints, name="endpoints")
app.add_typer(budgets, name="budgets")
app.add_typer(costs, name="costs")
app.add_typer(admin, name="admin")
app.add_typer(db, name="db")
app.add_typer(audit, name="audit")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"video-gateway {distribution_version('video-gateway')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """A self-hosted gateway for OpenRouter's asynchronous video API."""
