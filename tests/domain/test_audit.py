"""The audit trail's chain detects every change of a record and of their order."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.audit import START, AuditEntry, Link, Record, chained, faults

TEXT = st.text(max_size=20)
ENTRIES = st.builds(AuditEntry, st.integers(0, 2**53), TEXT, TEXT, TEXT, TEXT, TEXT)


def chain(entries: list[AuditEntry]) -> list[Record]:
    records: list[Record] = []
    for entry in entries:
        records.append(chained(entry, records[-1].link if records else START))
    return records


def five() -> list[Record]:
    return chain([AuditEntry(at, "key.created", "a/b", "ops", "10.0.0.1", "{}") for at in range(5)])


@given(st.lists(ENTRIES, max_size=6))
def test_an_untouched_chain_has_no_faults(entries: list[AuditEntry]) -> None:
    assert list(faults(chain(entries), START)) == []


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.data())
def test_a_removed_record_is_detected(entries: list[AuditEntry], data: st.DataObject) -> None:
    records = chain(entries)
    del records[data.draw(st.integers(0, len(records) - 2))]

    assert list(faults(records, START))


@pytest.mark.parametrize("field", [field.name for field in fields(AuditEntry)])
def test_a_change_of_any_field_is_detected(field: str) -> None:
    records = five()
    before = getattr(records[2].entry, field)
    changed = before + (1 if isinstance(before, int) else "!")
    records[2] = replace(records[2], entry=replace(records[2].entry, **{field: changed}))

    assert [number for number, _ in faults(records, START)] == [3]


def test_a_changed_record_with_a_new_hash_is_detected_at_the_next_one() -> None:
    records = five()
    forged = chained(replace(records[2].entry, made_by="nobody"), records[1].link)
    records[2] = forged

    assert list(faults(records, START)) == [
        (4, "its previous hash is not the hash of the record before it")
    ]


def test_an_inserted_record_is_detected() -> None:
    records = five()
    records.insert(2, chained(records[0].entry, records[1].link))

    assert list(faults(records, START)) == [(3, "its number occurred before")]


def test_missing_records_are_named() -> None:
    records = five()

    assert list(faults(records[2:], START)) == [(3, "records 1-2 are missing before it")]
    assert list(faults([records[0], records[2]], START)) == [(3, "record 2 is missing before it")]


def test_a_check_can_start_at_any_link() -> None:
    records = five()

    assert list(faults(records[3:], records[2].link)) == []
    assert list(faults(records[3:], Link(3, "0" * 64)))


def test_moving_text_between_fields_changes_the_hash() -> None:
    one = chained(AuditEntry(1, "a", "bc", "d", "e", "f"), START)
    other = chained(AuditEntry(1, "ab", "c", "d", "e", "f"), START)

    assert one.hash != other.hash
