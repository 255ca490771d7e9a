"""Logins that are not good any more: a file that `cobrowse revoke` adds lines to and a running server looks at.

Each line is a JSON object: `{"jti": ID, "at": T}` is one token, `{"sub": NAME, "at": T}` every token of that agent that
was issued up to `T`, in Unix seconds.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingsError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Login:
    """What tells one login of an agent from others: who, which token, and when it was issued (Unix seconds)."""

    sub: str
    jti: str | None
    issued: float


class Revocations:
    """What is revoked, as the file says. Without a file, nothing is."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises SettingsError when there is a file that cannot be read."""
        self.path = path
        self._tokens: set[str] = set()
        self._until: dict[str, float] = {}
        self._seen: tuple[int, int, int] | None = None
        try:
            self._read()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"COBROWSE_REVOKED: {path} cannot be read: {error}") from error

    def covers(self, login: Login) -> bool:
        """Whether that login is revoked."""
        return login.jti in self._tokens or login.issued <= self._until.get(login.sub, -1)

    def changed(self) -> bool:
        """Look at the file again; whether more may be revoked than before. What was revoked stays so."""
        try:
            return self._read()
        except (OSError, UnicodeDecodeError) as error:
            logger.error("the revoked logins cannot be read, those known stay revoked: %s", error)
            return False

    def _read(self) -> bool:
        try:
            status = self.path.stat() if self.path else None
        except FileNotFoundError:
            status = None
        if self.path is None or status is None:
            return False
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if seen == self._seen:
            return False
        text = self.path.read_text()
        self._seen = seen
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                self._take(number, line)
        return True

    def _take(self, number: int, line: str) -> None:
        try:
            entry = json.loads(line)
            at = float(entry["at"])
            if isinstance(entry.get("jti"), str):
                self._tokens.add(entry["jti"])
            else:
                sub = str(entry["sub"])
                self._until[sub] = max(at, self._until.get(sub, at))
        except (ValueError, TypeError, KeyError, AttributeError):
            text = "%s, line %s revokes nothing: it must be a JSON object with at, and sub or jti"
            logger.error(text, self.path, number)


def revoke(path: Path, at: int, sub: str | None = None, jti: str | None = None) -> None:
    """Add a line to the file, which is made at need. Raises SettingsError when it cannot be written."""
    entry = {"sub": sub, "jti": jti, "at": at}
    line = json.dumps({key: value for key, value in entry.items() if value is not None}) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(line)
    except OSError as error:
        raise SettingsError(f"the revoked login cannot be written to {path}: {error}") from error
