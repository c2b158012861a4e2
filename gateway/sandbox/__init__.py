"""An emulated OpenRouter video API, to rehearse against without spending money.

A separate program: it shares no rule with the gateway, so that each checks the other.
"""

from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.server import Sandbox

__all__ = ["Sandbox", "SandboxConfig"]
