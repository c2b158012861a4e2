"""The command `video-gateway`."""

import typer

from gateway.cli.audit import audit
from gateway.cli.budgets import budgets
from gateway.cli.check import check
from gateway.cli.deliveries import deliveries
from gateway.cli.demo import demo
from gateway.cli.doctor import doctor
from gateway.cli.endpoints import endpoints
from gateway.cli.jobs import jobs
from gateway.cli.keys import keys
from gateway.cli.sandbox import sandbox
from gateway.cli.serve import serve

app = typer.Typer(
    name="video-gateway",
    help="A self-hosted gateway for OpenRouter's asynchronous video API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with locals would print secrets
    rich_markup_mode=None,
)
app.command()(serve)
app.command()(check)
app.command()(sandbox)
app.command()(demo)
app.command()(doctor)
app.add_typer(keys, name="keys")
app.add_typer(jobs, name="jobs")
app.add_typer(deliveries, name="deliveries")
app.add_typer(endpoints, name="endpoints")
app.add_typer(budgets, name="budgets")
app.add_typer(audit, name="audit")
