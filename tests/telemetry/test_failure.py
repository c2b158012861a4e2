"""A failure is told by kinds, codes and places; its words and values stay inside."""

import sqlite3

import pytest

from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.telemetry.failure import stack, summary


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    prompt = "a local value with a prompt"
    try:
        raise error from cause
    except type(error) as caught:
        assert prompt
        return caught


def test_a_chain_is_told_outermost_first() -> None:
    error = raised(StorageFailed("prompt"), raised(OSError(28, "prompt")))

    assert summary(error) == "StorageFailed < OSError[ENOSPC]"


def test_safe_codes_are_named() -> None:
    with sqlite3.connect(":memory:") as base, pytest.raises(sqlite3.OperationalError) as caught:
        base.execute("SELECT prompt")
    base.close()

    assert summary(caught.value) == "OperationalError[SQLITE_ERROR]"
    assert summary(Refused(Reason.COST_LIMIT, "prompt")) == "Refused[cost_limit]"


def test_a_code_that_is_a_sentence_is_not_told() -> None:
    class Odd(Exception):
        sqlstate = "a prompt in disguise"

    assert summary(Odd()) == "Odd"


def test_a_group_names_its_members_up_to_a_number() -> None:
    group = ExceptionGroup("prompt", [ValueError("prompt"), *[KeyError(n) for n in range(9)]])

    assert summary(group) == (
        "ExceptionGroup(ValueError, KeyError, KeyError, KeyError, KeyError, and 5 more)"
    )


def test_a_context_counts_unless_it_was_suppressed() -> None:
    with pytest.raises(ValueError) as shown:  # noqa: PT011, PT012 - the chain is what is looked at
        try:
            raise KeyError("prompt")
        except KeyError:
            raise ValueError("prompt")  # noqa: B904 - a context, not a cause
    with pytest.raises(ValueError) as hidden:  # noqa: PT011, PT012
        try:
            raise KeyError("prompt")
        except KeyError:
            raise ValueError("prompt") from None

    assert summary(shown.value) == "ValueError < KeyError"
    assert summary(hidden.value) == "ValueError"


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first

    assert summary(first) == "ValueError < KeyError"


def test_the_stack_says_where_and_nothing_else() -> None:
    told = stack(raised(ValueError("prompt"), raised(KeyError("prompt"))))

    assert [line.split(":")[0] for line in told] == [
        "tests/telemetry/test_failure.py",
        "caused by KeyError",
        "tests/telemetry/test_failure.py",
    ]
    assert told[0].endswith(" raised")
    assert "prompt" not in "".join(told)


def test_a_deep_recursion_keeps_its_innermost_frames() -> None:
    def dive(depth: int) -> None:
        if depth == 0:
            raise ValueError
        dive(depth - 1)

    with pytest.raises(ValueError) as caught:  # noqa: PT011
        dive(200)

    told = stack(caught.value)
    assert len(told) == 20
    assert told[-1].endswith(" dive")
