"""A subscriber's secret while it is rotated: two in the one text."""

import pytest
from pydantic import ValidationError

from gateway.config.team import SubscriberConfig

NEW, OLD = "the-new-secret-of-this-week", "the-old-secret-of-last-week"


def subscriber(secret: str) -> SubscriberConfig:
    return SubscriberConfig.model_validate(
        {"name": "farm", "url": "https://hooks.example/v", "secret": secret}
    )


def test_one_secret_is_one_secret() -> None:
    assert subscriber(NEW).secrets == (NEW,)


def test_two_secrets_stand_in_their_order() -> None:
    assert subscriber(f"{NEW} {OLD}").secrets == (NEW, OLD)


@pytest.mark.parametrize(
    "text",
    [f"{NEW} short", f"short {OLD}", f"{NEW}  {OLD}", f"{NEW} {OLD} {NEW}", f"{NEW} ", "short"],
)
def test_each_of_them_is_long_enough_and_there_are_two_at_most(text: str) -> None:
    with pytest.raises(ValidationError, match="signing secret") as refusal:
        subscriber(text)

    assert NEW not in str(refusal.value.errors(include_input=False))
