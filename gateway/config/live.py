"""The active configuration, which a reload replaces."""

from dataclasses import dataclass

from gateway.config.rules import Rules, rules_of
from gateway.config.schema import Config


@dataclass(frozen=True, slots=True)
class InForce:
    """One configuration with its version and rules; a request uses one from start to end."""

    config: Config
    version: str
    rules: Rules


class Live:
    """Holds the active configuration. A reload affects only requests that start afterwards."""

    def __init__(self, config: Config, version: str) -> None:
        """`version` identifies the configuration in records and logs."""
        self.current = InForce(config, version, rules_of(config))
        self.content = config.content
        """The settings with which the content store was opened; a reload does not change them."""

    @property
    def config(self) -> Config:
        """Return the active configuration."""
        return self.current.config

    def replace(self, config: Config, version: str) -> None:
        """Activate a new configuration."""
        self.current = InForce(config, version, rules_of(config))
