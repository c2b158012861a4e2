"""The composition root: the only package that names concrete adapters."""

from gateway.app.compose import open_gateway
from gateway.app.foundation import Outside
from gateway.app.gateway import Gateway

__all__ = ["Gateway", "Outside", "open_gateway"]
