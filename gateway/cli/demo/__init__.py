"""`video-gateway demo`: the gateway against the sandbox, over real HTTP, at no cost."""

from gateway.cli.demo.command import demo

__all__ = ["demo"]
