"""A viewer as a session on the server has it, and the table of what it may send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .fields import Capability, Role
from .messages import Subscribe
from .pace import Pace
from .revocations import Login

INPUT_NEEDS: Final[dict[str, Capability]] = {"chat": "chat", "request": "view"}
"""The capability that each kind of input needs; what is not here is refused."""
VOLATILE_NEEDS: Final[dict[str, Capability]] = {"pointer": "pointer", "typing": "chat", "probe": "view"}
"""The volatile kinds that a viewer may send, and the capability that each needs."""


@dataclass
class Viewer:
    """Somebody who watches, or asks to."""

    id: str
    name: str
    role: Role
    subject: str = ""
    link: bool = False
    login: Login | None = None
    connected: bool = True
    admitted: bool = False
    capabilities: frozenset[Capability] = frozenset()
    gone_at: float = 0
    asked: Subscribe | None = None
    """A subscription from before it was let in."""
    pace: Pace = field(default_factory=Pace)

    def may_input(self, kind: str) -> bool:
        """Whether it may send an input of that kind."""
        return self.admitted and INPUT_NEEDS.get(kind) in self.capabilities

    def may_send(self, kind: str) -> bool:
        """Whether it may send a volatile record of that kind."""
        return self.admitted and VOLATILE_NEEDS.get(kind) in self.capabilities
