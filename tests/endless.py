"""Who sends a message without an end to a server, by WebRTC: `python -m tests.endless URL`.

A process of its own, so that what it costs is not what the others wait for. Says `connected`; at a line on its standard
input it begins; when it was closed it says after how many seconds.
"""

from __future__ import annotations

import asyncio
import sys
from time import monotonic
from typing import Final

from .bench.participants import ORIGIN
from .links import Participant, WebRTCLink, WebSocketLink

HELLO: Final = {"type": "hello", "role": "broadcaster", "wire": 1, "log": 1, "site": "demo", "proof": bytes(32)}
SIZE: Final = 16 * 1_048_576
"""Much more than the server holds of one; the end of it never comes there."""
WITHIN_S: Final = 60


async def main(url: str) -> None:
    carrier = Participant(await WebSocketLink.open(url, ORIGIN))
    await carrier.say(HELLO)
    token = (await carrier.until("welcome"))["token"]
    link = WebRTCLink()
    await link.offer(carrier)
    hostile = Participant(link)
    await hostile.say({**HELLO, "token": token})
    await hostile.until("welcome")
    await carrier.link.close()
    print("connected", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    link.log.transport._remote_max_message_size = 0  # the server has said what it takes
    began = monotonic()
    link.log.send(bytes(SIZE))
    await hostile.closed()
    print(monotonic() - began, flush=True)
    await link.close()


async def bounded(url: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        await main(url)


asyncio.run(bounded(sys.argv[1]))
