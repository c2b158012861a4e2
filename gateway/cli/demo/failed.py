"""The demo's one error."""

from gateway.domain.errors import GatewayError


class DemoFailed(GatewayError):
    """Something did not do what the demo says it does; the words are for a person."""
