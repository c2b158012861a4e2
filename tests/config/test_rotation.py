"""Tests of a subscriber's two secrets during a rotation."""

import pytest
from pydantic import ValidationError

from gateway.config.team import SubscriberConfig

NEW, OLD = "the-new-secret-of-this-week", "the-old-secret-of-last-week"


def subscriber(secret: str) -> SubscriberConfig:
    return SubscriberConfig.model_validate(
        {"name": "farm", "url": "https://hooks.example/v", "secret": secret}
    )


def test_one_secret_is_allowed() -> None:
    assert subscriber(NEW).secrets == (NEW,)


def test_two_secrets_keep_their_order() -> None:
    assert subscriber(f"{NEW} {OLD}").secrets == (NEW, OLD)


@pytest.mark.parametrize(
    "text",
    [f"{NEW} short", f"short {OLD}", f"{NEW}  {OLD}", f"{NEW} {OLD} {NEW}", f"{NEW} ", "short"],
)
def test_short_secrets_and_more_than_two_are_rejected(text: str) -> None:
    with pytest.raises(ValidationError, match="signing secret") as caught:
        subscriber(text)

    assert NEW not in str(caught.value.errors(include_input=False))
