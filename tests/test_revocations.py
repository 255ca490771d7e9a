"""Revoked logins: what the file says, while it changes under a running server."""

from __future__ import annotations

from pathlib import Path

import pytest

from cobrowse.errors import SettingsError
from cobrowse.revocations import Login, Revocations, revoke

ANN = Login("ann", "a1", 1_000)


def test_without_a_file_nothing_is_revoked(tmp_path: Path) -> None:
    assert not Revocations().covers(ANN)
    known = Revocations(tmp_path / "none")
    assert not known.covers(ANN)
    assert not known.changed()


def test_a_line_is_seen_once(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "revoked"
    known = Revocations(file)
    revoke(file, 1, jti="a1")
    assert known.changed()
    assert not known.changed()
    assert known.covers(ANN)
    assert not known.covers(Login("ann", "a2", 1_000))
    assert not known.covers(Login("ann", None, 1_000))
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_agent_is_revoked_up_to_a_time(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    revoke(file, 1_000, sub="ann")
    revoke(file, 500, sub="ann")
    known = Revocations(file)
    assert [known.covers(Login("ann", None, at)) for at in (0, 1_000, 1_001)] == [True, True, False]
    assert not known.covers(Login("bo", None, 0))


def test_what_was_revoked_stays_so_without_the_file(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    revoke(file, 1, jti="a1")
    known = Revocations(file)
    file.unlink()
    assert not known.changed()
    assert known.covers(ANN)


@pytest.mark.parametrize("line", ["{", "[]", "7", "null", '{"jti": "x"}', '{"at": 1}', '{"jti": "x", "at": "soon"}'])
def test_a_line_that_says_nothing_is_named_and_the_others_count(
    tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "revoked"
    file.write_text(f"\n{line}\n")
    revoke(file, 1, jti="a1")
    assert Revocations(file).covers(ANN)
    assert "revoked, line 2 revokes nothing" in caplog.text


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SettingsError, match=r"COBROWSE_REVOKED: .* cannot be read"):
        Revocations(tmp_path)
    with pytest.raises(SettingsError, match="cannot be written"):
        revoke(tmp_path, 1, jti="a1")
    file = tmp_path / "revoked"
    revoke(file, 1, jti="a1")
    known = Revocations(file)
    file.write_bytes(b'{"sub": "\xff"}\n')
    with pytest.raises(SettingsError, match="cannot be read"):
        Revocations(file)
    assert not known.changed()
    file.unlink()
    file.mkdir()
    assert not known.changed()
    assert known.covers(ANN)
    assert caplog.text.count("those known stay revoked") == 2
