"""What nobody caught becomes a line without its words, in a process that really crashes."""

import json
import subprocess
import sys
from typing import Any

PROGRAM = """
import sys, threading
from gateway.telemetry.crashes import log_crashes
from gateway.telemetry.logging import configure_logging, get_logger

def fail():
    raise ValueError("a CANARY prompt")

class Finalized:
    def __del__(self):
        fail()

pipe = configure_logging("info", "json")
before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
with log_crashes(get_logger()):
    thread = threading.Thread(target=fail, name="worker-1")
    thread.start()
    thread.join()
    Finalized()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
assert before == (sys.excepthook, threading.excepthook, sys.unraisablehook)
pipe.close()
"""


def test_crashes_of_process_thread_and_finalizer_are_told_without_their_words() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )

    told: list[dict[str, Any]] = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in told] == [
        "thread.crashed",
        "exception.unraisable",
        "process.crashed",
    ]
    assert {line["error"] for line in told} == {"ValueError"}
    assert told[0]["thread"] == "worker-1"
    assert all("fail" in line["stack"][-1] for line in told)
    assert "CANARY" not in ended.stderr
