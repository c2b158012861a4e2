"""Every word that the code says as a label is in the catalogue: none of them ends as `other`."""

from collections.abc import Iterable
from typing import get_args

import pytest

from gateway.adapters import openrouter
from gateway.domain.catalog import CatalogChange
from gateway.domain.content import KeepFailure, Removed
from gateway.domain.delivery import AttemptOutcome, ErrorKind
from gateway.domain.errors import Reason
from gateway.domain.job import JobUpdate, Status
from gateway.domain.settlement import Basis
from gateway.domain.signature import Verdict
from gateway.domain.upstream import Accepted, Declined, Missing, NotSent, Unanswered, Unclear
from gateway.domain.webhook import Intake
from gateway.services.events.deliver import outcome_word
from gateway.services.submission.dedupe import DedupeResult
from gateway.telemetry.catalogue import PREFIX, describe

CALLS = [
    openrouter.outcome_word(outcome)
    for outcome in (
        Accepted("id", Status.PENDING),
        Declined(400, {}),
        NotSent("x"),
        Unclear("x"),
        JobUpdate(None),
        Missing(),
        Unanswered("x"),
    )
]
ATTEMPTS = [
    *(outcome_word(AttemptOutcome(status, 1)) for status in range(200, 600)),
    *(outcome_word(AttemptOutcome(None, 1, kind)) for kind in ErrorKind),
]
# Not counted as received: they say that nothing stands in the way of taking it in.
NO_VERDICT = {Verdict.VERIFIED, Verdict.UNVERIFIABLE}


@pytest.mark.parametrize(
    ("metric", "label", "words"),
    [
        ("upstream_call_duration_seconds", "outcome", [*CALLS, "error", "gone"]),
        ("upstream_refusals_total", "kind", [*openrouter.REFUSALS.values()]),
        ("decisions_total", "reason", Reason),
        ("dedupe_results_total", "result", DedupeResult),
        ("jobs_settled_dollars_total", "basis", Basis),
        ("catalog_changes_total", "change", get_args(CatalogChange.__annotations__["kind"])),
        ("webhooks_received_total", "verdict", Intake),
        ("webhooks_received_total", "verdict", set(Verdict) - NO_VERDICT),
        ("delivery_attempt_duration_seconds", "outcome", ATTEMPTS),
        ("content_evictions_total", "reason", get_args(Removed)),
        ("content_store_failures_total", "reason", get_args(KeepFailure)),
    ],
)
def test_no_word_is_unknown(metric: str, label: str, words: Iterable[str]) -> None:
    (doc,) = [doc for doc in describe() if doc.name == f"{PREFIX}{metric}"]
    (known,) = [one.words for one in doc.labels if one.name == label]

    assert isinstance(known, frozenset)
    assert {str(word) for word in words} <= known
