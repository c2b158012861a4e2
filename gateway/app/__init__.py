"""The composition root: the only package that names concrete adapters."""

from gateway.app.compose import open_gateway
from gateway.app.gateway import Gateway

__all__ = ["Gateway", "open_gateway"]
