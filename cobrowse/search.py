"""Looks for secrets in a text, however they may be written there. Pure."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, unquote_plus

from .errors import LeakTestError

SHORTEST: Final = 4
"""Characters of a secret: what is shorter is found anywhere."""
SHORTEST_BASED: Final = 6
"""Bytes of a secret that is also looked for in Base64: of a shorter one too few characters are sure."""
AROUND: Final = 30
"""Characters of an excerpt before and after what was found."""

SEPARATORS: Final = re.compile(r"[\s.\-/]+")
ESCAPED: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtbf\"'/\\])")
URL_SAFE: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Match:
    secret: str
    excerpt: str
    """The text around it, as it was written."""


class Search:
    """Finds each of the secrets, whatever the case: in clear, in other groups where it has digits; percent-encoded;
    escaped as in JSON, JavaScript or HTML; in Base64, wherever in the encoded text it begins."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Raises LeakTestError for a secret of fewer than 4 characters, and for none at all."""
        self.secrets = list(dict.fromkeys(secrets))
        if not self.secrets:
            raise LeakTestError("no secret to look for: give --secret VALUE, and again for more")
        for secret in self.secrets:
            if len(secret.strip()) < SHORTEST:
                raise LeakTestError(f"the secret {secret!r} has fewer than {SHORTEST} characters: it would be anywhere")
        self._folded = {secret: secret.casefold() for secret in self.secrets}
        self._grouped = {
            secret: grouped
            for secret, folded in self._folded.items()
            if len(grouped := SEPARATORS.sub("", folded)) >= 2 * SHORTEST and any(map(str.isdigit, grouped))
        }
        self._based = {secret: _based(secret) for secret in self.secrets}

    def found(self, text: str | bytes | float) -> list[Match]:
        """Those of the secrets that are in it, each once. A number has to be one as a whole: many have its digits."""
        if isinstance(text, int | float):
            return [Match(secret, secret) for secret in self.secrets if secret == str(text)]
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if len(text) < SHORTEST:
            return []
        readings = [reading.casefold() for reading in _readings(text)]
        matches = []
        for secret in self.secrets:
            at = self._place(secret, text, readings)
            if at is not None:
                matches.append(Match(secret, text[max(0, at - AROUND) : at + len(secret) + AROUND]))
        return matches

    def _place(self, secret: str, text: str, readings: list[str]) -> int | None:
        """Where it is in the text, about."""
        for reading in readings:
            at = reading.find(self._folded[secret])
            if at >= 0:
                return at
        grouped = self._grouped.get(secret)
        if grouped and any(grouped in SEPARATORS.sub("", reading) for reading in readings):
            return 0
        if any(form in text for form in self._based[secret]):
            return 0
        translated = text.translate(URL_SAFE) if "-" in text or "_" in text else text
        return 0 if translated is not text and any(form in translated for form in self._based[secret]) else None


def _readings(text: str) -> list[str]:
    """The text, and what it says where it is an encoding of another: one within another, too."""
    readings = [text]
    for reading in readings:
        further = []
        if "%" in reading:
            further += [unquote(reading), unquote_plus(reading)]
        elif "+" in reading:
            further.append(unquote_plus(reading))
        if "&" in reading:
            further.append(html.unescape(reading))
        if "\\" in reading:
            further.append(ESCAPED.sub(_unescaped, reading))
        for one in further:
            if one not in readings and len(readings) < 12:
                readings.append(one)
    return readings


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "ux":
        return chr(int(code[1:], 16))
    return code if code in "'/" else str(json.loads(f'"\\{code}"'))


def _based(secret: str) -> list[str]:
    """What Base64 makes of it in a text: at each of three places, without what depends on its neighbours."""
    data = secret.encode()
    if len(data) < SHORTEST_BASED:
        return []
    forms = []
    for before in range(3):
        encoded = b64encode(bytes(before) + data).decode()
        first = (0, 2, 3)[before]  # characters that hold bits of what is before
        whole = (before + len(data)) * 8 // 6  # characters of which all bits are known
        forms.append(encoded[first:whole])
    return forms
