"""The error that ends the demo."""

from gateway.domain.errors import GatewayError


class DemoFailed(GatewayError):
    """A requirement is missing or a scene failed; the message is printed as it is."""
