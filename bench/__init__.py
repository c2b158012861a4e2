"""An honest benchmark of the gateway, which anyone can run: `make bench`."""
