"""An emulation of OpenRouter's video API, for development and tests at no cost.

It shares no validation or pricing code with the gateway, so that each one tests the other.
"""

from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.server import Sandbox

__all__ = ["Sandbox", "SandboxConfig"]
