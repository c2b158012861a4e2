import pytest

from gateway.adapters.placeholders import to_pyformat


@pytest.mark.parametrize(
    ("sql", "spelled"),
    [
        ("SELECT :a, :b_2 WHERE x=:a", "SELECT %(a)s, %(b_2)s WHERE x=%(a)s"),
        ("SELECT 5 % :n", "SELECT 5 %% %(n)s"),
        ("x LIKE '%:a%' AND y = :a", "x LIKE '%%:a%%' AND y = %(a)s"),
        ("'it''s :no' || :yes", "'it''s :no' || %(yes)s"),
        ('SELECT ":no" AS "a""b :c", :d', 'SELECT ":no" AS "a""b :c", %(d)s'),
        ("SELECT 1 -- don't, :no\n, :yes", "SELECT 1 -- don't, :no\n, %(yes)s"),
        ("SELECT /* :no '\n */ :yes", "SELECT /* :no '\n */ %(yes)s"),
        ("SELECT :a::bigint", "SELECT %(a)s::bigint"),
    ],
)
def test_parameters_are_found_where_they_are_parameters(sql: str, spelled: str) -> None:
    assert to_pyformat(sql) == spelled
