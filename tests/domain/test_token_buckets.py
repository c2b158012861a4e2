"""Rate limiting by token buckets."""

from gateway.domain.token_buckets import TokenBuckets


def test_a_bucket_gives_its_tokens_and_is_refilled_evenly() -> None:
    buckets = TokenBuckets(per_minute=2)

    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert buckets.wait("a", 0.0) == 30.0
    assert not buckets.take("a", 29.0)
    assert buckets.take("a", 30.0)


def test_each_name_has_its_own_bucket() -> None:
    buckets = TokenBuckets(per_minute=1)
    buckets.take("a", 0.0)

    assert buckets.wait("b", 0.0) == 0.0
    assert buckets.take("b", 0.0)


def test_a_bucket_never_holds_more_than_a_minute_s_tokens() -> None:
    buckets = TokenBuckets(per_minute=2)
    buckets.take("a", 0.0)

    assert [buckets.take("a", 10_000.0) for _ in range(3)] == [True, True, False]
