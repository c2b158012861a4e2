"""`video-gateway demo`: the main job and the refusals, on real HTTP, with nothing to pay."""

from gateway.cli.demo.command import demo

__all__ = ["demo"]
