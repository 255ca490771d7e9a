"""Who somebody is, and what was agreed: from verified tokens and the link's proof alone."""

from __future__ import annotations

import secrets
from typing import Any
from unicodedata import category

from .close_codes import CloseCode
from .codec import HELLOS, validated
from .errors import Rejected
from .fields import PathPolicy
from .messages import LOG_VERSION, WIRE_VERSION, HelloBroadcaster, HelloViewer
from .records import InvalidMessage
from .session import Session
from .settings import Site
from .tokens import Tokens, Watching


def hello_of(item: dict[str, Any]) -> HelloBroadcaster | HelloViewer:
    """What is in a first message. Raises Rejected, and InvalidMessage."""
    role = item.get("role")
    model = HELLOS.get(role) if isinstance(role, str) else None
    if model is None:
        raise InvalidMessage("hello: role: must be 'broadcaster' or 'viewer'")
    hello = validated(model, item)
    if hello.wire not in (WIRE_VERSION, WIRE_VERSION - 1) or hello.log != LOG_VERSION:
        raise Rejected(
            CloseCode.VERSION_MISMATCH,
            f"this server speaks wire {WIRE_VERSION} and log {LOG_VERSION}, the page wire {hello.wire} "
            f"and log {hello.log}; load the page again",
        )
    return hello


def identify(tokens: Tokens, site: Site, session: Session, hello: HelloViewer) -> Watching:
    """Who this viewer is: by its token alone, or a guest by the link's proof. Raises Rejected."""
    if hello.token is not None and tokens.audience(hello.token) == "viewer":
        watching = tokens.verify_viewer(hello.token)
        if watching.session != session.id:
            raise Rejected(CloseCode.UNAUTHORIZED, "the token is of another session")
        return _not_removed(session, watching)
    id = secrets.token_hex(4)
    if hello.token is not None:
        agent = tokens.verify_agent(hello.token)
        if not agent.policy.allows(site.key, session.id):
            raise Rejected(CloseCode.UNAUTHORIZED, "the token is for another session, or another site")
        return _not_removed(session, Watching(session.id, id, agent.name, "agent", agent.subject, agent.login))
    if hello.proof is None:
        raise Rejected(CloseCode.UNAUTHORIZED, "a link's proof or a token is needed")
    if session.access.was_ended(hello.proof):
        raise Rejected(CloseCode.UNAUTHORIZED, "the visitor has ended this link; ask for the one that took its place")
    if not session.access.proves(hello.proof):
        raise Rejected(CloseCode.UNAUTHORIZED, "the link is not right; ask for it again")
    return Watching(session.id, id, plain(hello.name) or "Guest", "guest")


def plain(name: str) -> str:
    """A guest's own name for itself, as it is put before the visitor: nothing in it may turn the sentence around it, or
    add to it (`Ann, an agent,`)."""
    kept = (letter if category(letter)[0] in "LMN" or letter in "'\u2019.-" else " " for letter in name)
    return " ".join("".join(kept).split())


def was_in(tokens: Tokens, hello: HelloViewer) -> bool:
    """Whether the viewer has been in that session before, as its token shows: no memory is needed for that."""
    if hello.token is None or tokens.audience(hello.token) != "viewer":
        return False
    return tokens.verify_viewer(hello.token).session == hello.session


def _not_removed(session: Session, watching: Watching) -> Watching:
    if session.access.is_removed(watching.viewer, watching.subject):
        raise Rejected(CloseCode.REMOVED, "the visitor has ended your access")
    return watching


def agreed_path(site: Site, wish: PathPolicy) -> PathPolicy:
    """The session's path: the site's policy, or what the page wishes where that is left open. Raises Rejected."""
    if "auto" not in (site.path, wish) and site.path != wish:
        text = f"the option path: {wish!r} is not possible, as the site {site.key!r} allows {site.path!r} only"
        raise Rejected(CloseCode.NOT_PERMITTED, text)
    return wish if site.path == "auto" else site.path
