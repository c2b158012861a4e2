"""`python -m gateway`, and the command `video-gateway`."""

import sys

from gateway.cli.main import app
from gateway.domain.errors import GatewayError, Refused


def main() -> None:
    """Run one command; what the gateway refuses is one line on stderr and exit code 1."""
    try:
        app()
    except Refused as error:
        sys.exit(f"refused: {error.message}")
    except GatewayError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
