"""`video-gateway admin token`: the operators' token that the gateway generated."""

import typer

from gateway.adapters.admin_token import read_token, token_path
from gateway.cli.options import ConfigPath, load_or_exit

admin = typer.Typer(help="The operators' API.", no_args_is_help=True)


@admin.callback()
def _group() -> None:
    """Keep `token` a word of its own while it is the only one."""


@admin.command()
def token(config: ConfigPath = None) -> None:
    """Print the generated token of the operators' API.

    Example: curl -H "Authorization: Bearer $(video-gateway admin token)" ...
    """
    found = load_or_exit(config)
    if found.config.admin.tokens:
        raise typer.BadParameter("admin.tokens are configured; the gateway generated no token")
    print(read_token(token_path(found.config)))
