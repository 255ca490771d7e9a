"""What opens a session: its link, by a proof that the server knows the hash of, and who was put out of it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from typing import Final, TypeVar

Key = TypeVar("Key", bytes, str)
MAX_ENDED: Final = 1_000
"""Viewers that were put out, and links that were ended, which are remembered; the earliest are forgotten."""


class Access:
    """The link that stands, the links before it, and the viewers and agents that do not come back."""

    def __init__(self, proof: bytes) -> None:
        self._proof_hash = hashlib.sha256(proof).digest()
        self._ended: OrderedDict[bytes, None] = OrderedDict()
        self._removed: OrderedDict[str, None] = OrderedDict()

    def proves(self, proof: bytes) -> bool:
        """Whether this is the proof of the link that stands."""
        return hmac.compare_digest(self._proof_hash, hashlib.sha256(proof).digest())

    def was_ended(self, proof: bytes) -> bool:
        """Whether this is the proof of a link that stood before."""
        return hashlib.sha256(proof).digest() in self._ended

    def relink(self, proof: bytes) -> bool:
        """Another link takes the place of the one that stands, if it is one: what was ended never stands again."""
        if self.proves(proof) or self.was_ended(proof):
            return False
        _remember(self._ended, self._proof_hash)
        self._proof_hash = hashlib.sha256(proof).digest()
        return True

    def remove(self, viewer: str, subject: str) -> None:
        """A viewer was put out: neither it nor its agent (`subject`, "" for a guest) comes back."""
        _remember(self._removed, viewer)
        if subject:
            _remember(self._removed, subject)

    def is_removed(self, viewer: str, subject: str) -> bool:
        """Whether the viewer, or the agent that it is, was put out."""
        return viewer in self._removed or (subject != "" and subject in self._removed)


def _remember(known: OrderedDict[Key, None], key: Key) -> None:
    known[key] = None
    if len(known) > MAX_ENDED:
        known.popitem(last=False)
