"""The generated token of operators."""

import random
from pathlib import Path

import pytest

from gateway.adapters.admin_token import NoAdminToken, read_or_create_token, read_token


def test_a_token_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "admin-token"

    first = read_or_create_token(path, random.Random(1))
    second = read_or_create_token(path, random.Random(2))

    assert first == second == read_token(path)
    assert first.startswith("vga_")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_token_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "admin-token"
    read_or_create_token(path, random.Random(1))
    path.chmod(0o644)

    read_or_create_token(path, random.Random(1))

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_token_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoAdminToken, match="start the gateway first"):
        read_token(tmp_path / "none")


def test_a_folder_that_can_t_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(NoAdminToken, match="configure admin"):
        read_or_create_token(tmp_path / "file" / "token", random.Random(1))
