"""Callback URLs with encrypted path and query."""

import pytest

from gateway.domain.sealed_url import UrlUnreadable, is_sealed, open_url, seal_url

URL = "https://hooks.example:8443/customer/42?token=s3cret"


def test_a_sealed_url_shows_only_where_it_leads() -> None:
    sealed = seal_url(URL, "key", "job-1")

    assert sealed.startswith("sealed+https://hooks.example:8443/")
    assert "customer" not in sealed
    assert "s3cret" not in sealed
    assert is_sealed(sealed)
    assert open_url(sealed, "key", "job-1") == URL


def test_equal_urls_of_a_job_are_equal_when_sealed() -> None:
    assert seal_url(URL, "key", "job-1") == seal_url(URL, "key", "job-1")
    assert seal_url(URL, "key", "job-1") != seal_url(URL, "other", "job-1")


@pytest.mark.parametrize(("key", "job"), [(None, "job-1"), ("other", "job-1"), ("key", "job-2")])
def test_without_its_key_and_its_job_it_is_unreadable(key: str | None, job: str) -> None:
    with pytest.raises(UrlUnreadable):
        open_url(seal_url(URL, "key", "job-1"), key, job)


def test_a_url_that_is_not_sealed_stays_as_it_is() -> None:
    assert open_url(URL, None, "job-1") == URL


def test_what_is_no_sealed_text_is_unreadable() -> None:
    with pytest.raises(UrlUnreadable):
        open_url("sealed+https://hooks.example/é", "key", "job-1")
