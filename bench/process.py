"""A measured program: started, watched through /proc, stopped."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Program:
    """One process of the benchmark, serving on a port."""

    def __init__(
        self,
        words: Sequence[str],
        port: int,
        log: Path,
        ready_at: str | None = None,
        *,
        admin_port: int = 0,
    ) -> None:
        """Start it; wait with `ready`. `ready_at`: a path that answers 200 once it is."""
        self.port = port
        self.admin_port = admin_port
        self._ready_at = ready_at
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                (sys.executable, *words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def ready(self) -> None:
        """Until it listens and says that it is ready.

        Raises:
            RuntimeError: the program ended, or was not ready within 30 s.

        """
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"a program did not start:\n{self._log.read_text()[-2000:]}")

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            if self._ready_at is None:
                connection.connect()
                return True
            connection.request("GET", self._ready_at)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far, the kernel's work for it included."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory_mb(self) -> float:
        """Resident memory now, in millions of bytes."""
        return self._status("VmRSS")

    @property
    def peak_memory_mb(self) -> float:
        """The most that it ever had resident."""
        return self._status("VmHWM")

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _status(self, name: str) -> float:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"/proc has no {name}")


def machine_cpu_seconds() -> float:
    """CPU time that the whole machine has worked so far."""
    fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = fields
    return (user + nice + system + irq + softirq) / _TICKS


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
