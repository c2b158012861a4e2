"""The configuration now in force."""

from gateway.config.schema import Config


class Live:
    """Holds the configuration; a request takes it once and keeps what it took (issue: reload)."""

    def __init__(self, config: Config, version: str) -> None:
        """`version` names the configuration in records and logs."""
        self._current = (config, version)

    @property
    def config(self) -> Config:
        """The configuration as of now."""
        return self._current[0]

    @property
    def version(self) -> str:
        """Its version."""
        return self._current[1]

    def take(self) -> tuple[Config, str]:
        """Configuration and version, belonging together."""
        return self._current

    def replace(self, config: Config, version: str) -> None:
        """Put a new configuration in force for whatever begins from now on."""
        self._current = (config, version)
