import pytest

from gateway.config.document import read_document
from gateway.config.mistakes import ConfigError


def test_a_document_has_plain_values_in_the_order_of_the_file() -> None:
    document = read_document("b: 1\na: [x, {y: true}]\n")

    assert list(document.values) == ["b", "a"]
    assert document.values["a"] == ["x", {"y": True}]
    assert document.mistakes == ()


def test_an_error_starts_with_the_name_of_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        read_document("a: [}", "config/x.yaml")

    assert str(caught.value).startswith("config/x.yaml:1: invalid YAML at line 1, column 5")
