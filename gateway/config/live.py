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
    _secrets: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every secret that an upstream or a library could repeat; none may be shown."""
        return self._secrets

    def names_of(self, team: str) -> tuple[str, ...]:
        """Return the team's name and those it had before; what they own is the team's."""
        known = self.config.teams.get(team)
        return (team,) if known is None else (team, *known.was)


class Live:
    """Holds the active configuration. A reload affects only requests that start afterwards."""

    def __init__(self, config: Config, version: str) -> None:
        """`version` identifies the configuration in records and logs."""
        self.current = InForce(config, version, rules_of(config), secrets_of(config))
        self.content = config.content
        """The settings with which the content store was opened; a reload does not change them."""

    @property
    def config(self) -> Config:
        """Return the active configuration."""
        return self.current.config

    def replace(self, config: Config, version: str) -> None:
        """Activate a new configuration."""
        self.current = InForce(config, version, rules_of(config), secrets_of(config))


def secrets_of(config: Config) -> tuple[str, ...]:
    """Return the secrets of a configuration: keys of upstreams, and what signs or verifies."""
    secrets = [upstream.api_key for upstream in config.upstreams.values()]
    secrets += [secret for each in config.upstreams.values() for secret in each.webhook_secrets]
    texts = [secret.get_secret_value() for secret in secrets]
    hooks = [*config.webhooks, *(hook for t in config.teams.values() for hook in t.webhooks)]
    texts += [text for hook in hooks for text in (*hook.secrets, *hook.own_headers.values())]
    if config.signing_key is not None:
        texts.append(config.signing_key.get_secret_value())
    return tuple(sorted({text for text in texts if len(text) >= _SHORTEST}, key=len, reverse=True))


_SHORTEST = 8  # characters; a shorter secret would be found in words that are none
