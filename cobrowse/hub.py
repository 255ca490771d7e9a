"""The hub runs sessions over connections; it is the only owner of tasks and timers.

A transport makes a `Connection` for each link, hands it the bytes that come in, and empties its outbox. What waits
for one connection leaves as one message (natural batching), which is what makes fan-out cheap.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Protocol

from .close_codes import CloseCode
from .codec import FROM_BROADCASTER, FROM_VIEWER, encode, parse
from .connection import Connection, clock
from .entrance import Entrance
from .errors import Busy, Rejected
from .fields import EndReason, IceServer, PathPolicy
from .identity import agreed_path, hello_of, identify, was_in
from .limits import FULL_MS
from .messages import (
    HelloBroadcaster,
    HelloViewer,
    Ice,
    Ping,
    Pong,
    Signal,
    WelcomeBroadcaster,
    WelcomeViewer,
)
from .outputs import BROADCASTER, Drop, Forward, Output, Send, Wake
from .records import MAX_MESSAGE, MAX_VOLATILE, Frame, InvalidMessage, Part, decode
from .session import Limits, Session
from .settings import Settings, Site
from .tokens import Agent, Broadcasting, Tokens
from .waking import Waking

logger = logging.getLogger(__name__)

HELLO_WITHIN_MS: Final = 5_000
PING_EVERY_MS: Final = 1_000
SILENT_AFTER_MS: Final = 8_000
LEAVE_WITHIN_S: Final = 1.5
BACK_WITHIN_MS: Final = 90_000
"""After a start: sessions of before may still come back, with their broadcasters."""
ANSWER: Final = 96
"""Bytes left for the answer to a subscription before the first record."""
SERVER: Final = "server"
"""The server as a peer, in signaling."""
MAX_SESSIONS: Final = 10_000
MAX_REMEMBERED: Final = 10_000
"""Ended sessions that are remembered, so that a late viewer is told so."""


class RelayPeers(Protocol):
    """What takes the offers of participants that want a relay by WebRTC."""

    def signal(self, carrier: Connection, signal: Signal) -> None: ...

    async def stop(self) -> None: ...


class Hub:
    """All sessions of this node. Call `receive` and `lost` from transports; `start` and `stop` from the app."""

    def __init__(self, settings: Settings, tokens: Tokens, limits: Limits | None = None) -> None:
        self.settings = settings
        self.sites = settings.known_sites
        self.tokens = tokens
        self.limits = limits or settings.limits
        self.peers: RelayPeers | None = None
        self.sessions: dict[str, Session] = {}
        self.ended: OrderedDict[str, EndReason] = OrderedDict()
        self.entrance = Entrance(settings, self.sites)
        self._of_session: dict[str, tuple[Site, set[str]]] = {}  # site, origins seen
        self._joined: dict[tuple[str, str], Connection] = {}  # by session and participant
        self._connections: set[Connection] = set()
        self.waking = Waking(self.connection_of)
        self._empty = asyncio.Event()
        self._empty.set()
        self._ticker: asyncio.Task[None] | None = None
        self._born = clock()

    def start(self) -> None:
        """Run the timers; called by the lifespan, or by the first connection when the app is mounted."""
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick_forever(), name="cobrowse-hub")

    async def stop(self) -> None:
        """Tell everybody to come back later, for `LEAVE_WITHIN_S` at most, and stop the timers."""
        self.restart()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self._empty.wait()
        if self.peers is not None:
            await self.peers.stop()
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
            self._ticker = None

    def restart(self) -> None:
        """Forget all sessions and tell everybody to come back, as when a new process takes over."""
        for connection in list(self._connections):
            connection.close(CloseCode.RESTARTING, "the server is restarting")
        for held in (self.sessions, self.ended, self.entrance.codes, self._of_session, self._joined):
            held.clear()
        self._born = clock()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_MS / 1_000)
            try:
                self.tick(clock())
            except Exception:
                logger.exception("the hub's tick failed")

    def tick(self, now: float) -> None:
        """Signs of life, deadlines, and the sessions' own time."""
        ping = encode(Ping(at=now))
        for connection in list(self._connections):
            silent = now - connection.heard
            if connection.id is None:
                if now - connection.opened >= HELLO_WITHIN_MS:
                    # It may have been stuck, or asleep, and is welcome once it can speak.
                    connection.close(CloseCode.SILENT, f"no hello within {HELLO_WITHIN_MS // 1000} s")
            elif silent >= SILENT_AFTER_MS:
                connection.close(CloseCode.SILENT, f"nothing was heard for {SILENT_AFTER_MS // 1000} s")
            else:
                connection.say(ping)
                connection.wake()
                if now >= connection.ice_until:
                    connection.send(Ice(ice_servers=self._ice_servers(connection, now)))
        revocations = self.tokens.revocations
        changed = revocations.changed()
        for session in list(self.sessions.values()):
            try:
                if changed:
                    self._carry_out(session, session.revoke(revocations.covers, now))
                self._carry_out(session, session.tick(now))
            except Exception:  # one must not keep the others from what is theirs
                logger.exception("session %s: its tick failed", session.id)

    def connect(self, origin: str | None, address: str) -> Connection:
        """A link has opened; its first message must be `hello`. It is closing when there are too many."""
        self.start()
        connection = Connection(self._pull, origin, address)
        self._connections.add(connection)
        self._empty.clear()
        self.entrance.connected(connection, clock())
        return connection

    def receive(self, connection: Connection, data: bytes) -> None:
        """Bytes from the other end. What is wrong with them closes that connection alone."""
        connection.heard = now = clock()
        if connection.closing is not None or connection not in self._connections:
            return
        try:
            if len(data) > MAX_MESSAGE:
                text = f"message of {len(data)} bytes; at most {MAX_MESSAGE} are allowed"
                raise Rejected(CloseCode.TOO_LARGE, text)
            for item in decode(data):
                self._item(connection, item, now)
        except Rejected as error:
            connection.close(error.code, error.reason)
        except InvalidMessage as error:
            connection.close(CloseCode.INVALID, str(error))
        except PermissionError as error:
            connection.close(CloseCode.NOT_PERMITTED, str(error))

    def lost(self, connection: Connection) -> None:
        """The link is gone."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self.entrance.lost(connection)
        if not self._connections:
            self._empty.set()
        session, id = connection.session, connection.id
        if session is None or id is None or self._joined.get((session.id, id)) is not connection:
            return
        del self._joined[session.id, id]
        now = clock()
        outputs = session.depart(now) if id == BROADCASTER else session.leave(id, now, connection.heard)
        self._carry_out(session, outputs)

    def _pull(self, connection: Connection, room: int) -> list[bytes]:
        """What the log has for that connection, encoded."""
        session, id = connection.session, connection.id
        if session is None or not id or self._joined.get((session.id, id)) is not connection:
            return []
        encoded, outputs = session.relay.pull(id, room - ANSWER, clock())
        if outputs:
            self._carry_out(session, outputs)
        return encoded

    def session_by_code(self, code: str, agent: Agent, address: str) -> str | None:
        """The id of the session with that code, however it was typed. Raises Busy after too many wrong ones."""
        return self.entrance.session_by_code(code, agent, address, lambda id: self._of_session[id][0], clock())

    def connection_of(self, session: str, participant: str) -> Connection | None:
        """That participant's link to the server, now."""
        return self._joined.get((session, participant))

    def asset_origins(self, session: str) -> list[str]:
        """The origins from which a viewer of that session may load pictures, fonts and style sheets."""
        site, seen = self._of_session.get(session, (None, set()))
        return site.asset_origins(seen) if site is not None else []

    def page_origins(self, session: str) -> list[str]:
        """The origins of the pages that share that session."""
        return sorted(self._of_session[session][1]) if session in self._of_session else []

    def _item(self, connection: Connection, item: Any, now: float) -> None:
        session, id = connection.session, connection.id
        if session is None or id is None:
            if not isinstance(item, dict) or item["type"] != "hello":
                raise Rejected(CloseCode.NO_HELLO, "the first message must be hello")
            self._hello(connection, item, now)
        elif session.state == "ended" or self._joined.get((session.id, id)) is not connection:
            return
        elif isinstance(item, Frame | Part):
            if id != BROADCASTER:
                raise PermissionError("only the broadcaster may send frames and checkpoints")
            record = session.frame if isinstance(item, Frame) else session.part
            self._carry_out(session, record(item, now))  # type: ignore[arg-type]
        elif isinstance(item, list):
            outputs = session.volatile(id, item)
            if any(isinstance(output, Forward) and len(output.record) > MAX_VOLATILE for output in outputs):
                raise InvalidMessage(f"a volatile record has at most {MAX_VOLATILE} bytes")
            self._carry_out(session, outputs)
        else:
            self._control(connection, session, id, item, now)

    def _control(self, connection: Connection, session: Session, id: str, item: dict[str, Any], now: float) -> None:
        message = parse(item, FROM_BROADCASTER if id == BROADCASTER else FROM_VIEWER)
        if message is None:
            logger.debug("session %s: unknown type %.32r ignored", session.id, item["type"])
        elif isinstance(message, HelloBroadcaster | HelloViewer):
            raise PermissionError("hello was said before")
        elif isinstance(message, Ping):
            connection.send(Pong(at=message.at))
        elif isinstance(message, Pong):
            pass
        elif isinstance(message, Signal) and message.peer == SERVER:
            self._signal(connection, message)
        elif id == BROADCASTER:
            self._carry_out(session, session.from_broadcaster(message, now))
        else:
            self._carry_out(session, session.from_viewer(id, message, now))

    def _signal(self, connection: Connection, signal: Signal) -> None:
        if self.peers is None:
            connection.send(Signal(peer=SERVER, declined="this server has no relay by WebRTC"))
        else:
            self.peers.signal(connection, signal)

    def _hello(self, connection: Connection, item: dict[str, Any], now: float) -> None:
        hello = hello_of(item)
        if isinstance(hello, HelloBroadcaster):
            self._hello_broadcaster(connection, hello, now)
        else:
            self._hello_viewer(connection, hello, now)

    def _hello_broadcaster(self, connection: Connection, hello: HelloBroadcaster, now: float) -> None:
        site = self.sites.get(hello.site)
        if site is None:
            raise Rejected(CloseCode.UNKNOWN_SITE, f"no site {hello.site!r} in this server's settings")
        if not site.allows(connection.origin):
            text = f"pages of {connection.origin!r} do not belong to the site {site.key!r}; see its origins"
            raise Rejected(CloseCode.ORIGIN_NOT_ALLOWED, text)
        if hello.token is None:
            self.entrance.turnstile.begin(connection.address, site.key, now)
            kept = Broadcasting(secrets.token_urlsafe(12), site.key, "")
        else:
            kept = self.tokens.verify_broadcaster(hello.token)
            if kept.site != site.key:
                raise Rejected(CloseCode.UNAUTHORIZED, "the token is of another session")
        if kept.session in self.ended:
            raise Rejected(CloseCode.ENDED, f"the session is over: {self.ended[kept.session]}")
        path = agreed_path(site, hello.path)
        self.entrance.enter(connection, site)
        session = self.sessions.get(kept.session) or self._create(kept, site, path, hello.proof, now)
        session.relink(hello.proof)  # it may have made another link while it was away
        kept = replace(kept, code=self.entrance.codes.give(session.id, now, kept.code or None))
        assert connection.origin is not None
        self._of_session[session.id][1].add(connection.origin)
        self._take_place(connection, session, BROADCASTER)
        outputs = session.arrive(hello.epoch, hello.last_epoch, hello.paused, hello.viewers, now, hello.more)
        connection.send(
            WelcomeBroadcaster(
                wire=hello.wire,
                session=session.id,
                token=self.tokens.broadcaster(kept),
                code=kept.code,
                link=session.access.proves(hello.proof),
                epoch=session.epoch,
                state=session.state,
                path=session.path,
                consent=site.consent,
                capabilities=site.capabilities,
                ice_servers=self._ice_servers(connection, now),
                ice_policy=self.settings.ice_policy,
                privacy=site.privacy,
            )
        )
        self._carry_out(session, outputs)

    def _create(self, kept: Broadcasting, site: Site, path: PathPolicy, proof: bytes, now: float) -> Session:
        if len(self.sessions) >= MAX_SESSIONS:
            raise Busy("too many sessions on this server", FULL_MS)
        session = Session(kept.session, proof, now, self.limits, path, site.capabilities)
        self.sessions[session.id] = session
        self._of_session[session.id] = (site, set())
        logger.info("session %s: begun on site %s", session.id, site.key)
        return session

    def _hello_viewer(self, connection: Connection, hello: HelloViewer, now: float) -> None:
        if hello.session in self.ended:
            raise Rejected(CloseCode.ENDED, f"the session is over: {self.ended[hello.session]}")
        session = self.sessions.get(hello.session)
        if session is None:
            if now - self._born < BACK_WITHIN_MS and was_in(self.tokens, hello):
                raise Rejected(CloseCode.RESTARTING, "the server has restarted; the visitor is awaited")
            raise Rejected(CloseCode.UNKNOWN_SESSION, "there is no such session; the link may be old or mistyped")
        site, _ = self._of_session[session.id]
        watching = identify(self.tokens, site, session, hello)
        self.entrance.enter(connection, site)
        link = hello.proof is not None and session.access.proves(hello.proof)
        self._take_place(connection, session, watching.viewer)
        try:
            outputs = session.join(
                watching.viewer, watching.name, watching.role, link, now, watching.subject, watching.login
            )
        except OverflowError as error:
            raise Busy(str(error), FULL_MS) from None
        connection.send(
            WelcomeViewer(
                wire=hello.wire,
                session=session.id,
                viewer=watching.viewer,
                token=self.tokens.viewer(watching),
                name=watching.name,
                role=watching.role,
                site=site.name or site.key,
                state=session.state,
                path=session.path,
                ice_servers=self._ice_servers(connection, now),
                ice_policy=self.settings.ice_policy,
            )
        )
        self._carry_out(session, outputs)

    def _ice_servers(self, connection: Connection, now: float) -> list[IceServer]:
        """The ICE servers for that participant; those with credentials of its own are given anew in time."""
        if self.settings.turn_urls:
            connection.ice_until = now + self.settings.turn_ttl * 500
        return self.settings.ice_servers_for(connection.id or "broadcaster", time.time())

    def _take_place(self, connection: Connection, session: Session, id: str) -> None:
        earlier = self._joined.get((session.id, id))
        if earlier is not None:
            earlier.close(CloseCode.REPLACED, "the same participant has connected anew")
        connection.session, connection.id = session, id
        self._joined[session.id, id] = connection

    def _carry_out(self, session: Session, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Wake):
                self.waking.add(session, output.viewer)
                continue
            target = self._joined.get((session.id, output.to))
            if target is None:
                continue
            if isinstance(output, Send):
                target.send(output.message)
            elif isinstance(output, Forward):
                target.forward(output.key, output.record)
            elif isinstance(output, Drop):
                target.close(output.code, output.reason)
        if session.state == "ended" and self.sessions.pop(session.id, None) is not None:
            assert session.ended_reason is not None
            self._forget(session, session.ended_reason)

    def _forget(self, session: Session, reason: EndReason) -> None:
        del self._of_session[session.id]
        self.entrance.codes.forget(session.id)
        self.ended[session.id] = reason
        if len(self.ended) > MAX_REMEMBERED:
            self.ended.popitem(last=False)
        logger.info("session %s: ended: %s", session.id, reason)
