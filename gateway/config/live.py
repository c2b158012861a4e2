"""The configuration now in force."""

from dataclasses import dataclass

from gateway.config.rules import Rules, rules_of
from gateway.config.schema import Config


@dataclass(frozen=True, slots=True)
class InForce:
    """One configuration with all that belongs to it; a request takes it once and keeps it."""

    config: Config
    version: str
    rules: Rules

    def names_of(self, team: str) -> tuple[str, ...]:
        """Return the team's name and those it had before; what they own is the team's."""
        known = self.config.teams.get(team)
        return (team,) if known is None else (team, *known.was)


class Live:
    """Holds what is in force. A reload replaces it for whatever begins from then on."""

    def __init__(self, config: Config, version: str) -> None:
        """`version` names the configuration in records and logs."""
        self.current = InForce(config, version, rules_of(config))
        self.content = config.content
        """What the content store was opened with: no reload changes it."""

    @property
    def config(self) -> Config:
        """The configuration as of now."""
        return self.current.config

    def replace(self, config: Config, version: str) -> None:
        """Put a new configuration in force."""
        self.current = InForce(config, version, rules_of(config))
