"""Labels: known words or `other`."""

from gateway.domain.errors import Reason
from gateway.domain.job import Status
from gateway.domain.signature import Verdict
from gateway.telemetry.catalogue import describe
from gateway.telemetry.labels import (
    END_STATUS,
    MODEL,
    MODEL_LIMIT,
    OPEN_STATUS,
    OTHER,
    REASON,
    Label,
    Vocabulary,
    fixed,
)


def test_a_learned_word_is_said_and_an_unknown_one_is_other() -> None:
    vocabulary = Vocabulary()

    assert vocabulary.learn("model", ["google/veo"]) == {"google/veo"}
    assert vocabulary.learn("model", ["google/veo"]) == frozenset()

    assert vocabulary.say(MODEL, "google/veo") == "google/veo"
    assert vocabulary.say(MODEL, "no/model") == OTHER


def test_a_fixed_label_says_only_its_words() -> None:
    label = fixed("kind", "read", "write")

    assert Vocabulary().say(label, "read") == "read"
    assert Vocabulary().say(label, "erase") == OTHER


def test_a_label_of_the_configuration_itself_says_what_it_is_given() -> None:
    assert Vocabulary().say(Label("budget", None, "its id"), "team/a/day") == "team/a/day"


def test_learning_models_ends_at_the_limit() -> None:
    vocabulary = Vocabulary()
    fresh = vocabulary.learn("model", (f"m{n}" for n in range(MODEL_LIMIT + 9)))

    assert len(fresh) == MODEL_LIMIT
    assert len(vocabulary.known(MODEL)) == MODEL_LIMIT
    assert vocabulary.learn("model", ["one more"]) == frozenset()


def test_the_configurations_own_words_have_no_limit() -> None:
    teams = {f"team{n}" for n in range(MODEL_LIMIT * 2)}

    assert Vocabulary().learn("team", teams) == teams


def test_the_words_of_the_domain_are_all_known() -> None:
    """A word added to the domain must not end up as `other`."""
    vocabulary = Vocabulary()
    verdicts = next(
        label
        for doc in describe()
        for label in doc.labels
        if doc.name.endswith("webhooks_received_total") and label.name == "verdict"
    )

    assert all(vocabulary.say(REASON, reason) == reason for reason in Reason)
    assert all(
        vocabulary.say(END_STATUS if status.terminal else OPEN_STATUS, status) == status
        for status in Status
    )
    told_otherwise = {Verdict.VERIFIED, Verdict.UNVERIFIABLE}  # by what is done: accepted, hint
    assert all(vocabulary.say(verdicts, v) == v for v in set(Verdict) - told_otherwise)
