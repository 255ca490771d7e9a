"""What the server's peer takes from an SDP offer, and nothing else of it. Pure.

An offer is a stranger's text that aiortc would parse: it is read here, and written anew from what was read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..records import MAX_MESSAGE
from .candidates import MAX_CANDIDATES, usable

MAX_LINES: Final = 256
DEFAULT_MAX_MESSAGE: Final = 65_536
"""Of an offer that does not say (RFC 8841, section 6.1)."""
SECTION: Final = re.compile(r"m=application \d{1,5} UDP/DTLS/SCTP webrtc-datachannel")
ATTRIBUTES: Final = {
    "mid": re.compile(r"[!-~]{1,32}"),
    "ice-ufrag": re.compile(r"[A-Za-z0-9+/]{4,256}"),
    "ice-pwd": re.compile(r"[A-Za-z0-9+/]{22,256}"),
    "setup": re.compile(r"actpass|active|passive"),
    "sctp-port": re.compile(r"\d{1,5}"),
    "max-message-size": re.compile(r"\d{1,19}"),
}
"""What a data channel needs, once each (RFC 8839, RFC 8841, RFC 8842)."""
FINGERPRINT: Final = re.compile(r"(?i:sha-256|sha-384|sha-512) (?:[0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2}")


class InvalidOffer(ValueError):
    """An offer that is not for two data channels; the text says why."""


@dataclass(frozen=True)
class Offer:
    """An offer for data channels and nothing else."""

    mid: str
    ufrag: str
    password: str
    setup: str
    sctp_port: int
    max_message: int
    fingerprints: tuple[str, ...]
    candidates: tuple[str, ...]
    """Those that may be used, as `candidate:…`."""
    named: int
    """Candidates that the offer had, used or not."""

    @property
    def sdp(self) -> str:
        """The offer as SDP. More candidates may follow, so it has no `end-of-candidates`."""
        return "\r\n".join(
            (
                "v=0",
                "o=- 0 0 IN IP4 0.0.0.0",
                "s=-",
                "t=0 0",
                f"a=group:BUNDLE {self.mid}",
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{self.mid}",
                f"a=ice-ufrag:{self.ufrag}",
                f"a=ice-pwd:{self.password}",
                *(f"a=fingerprint:{fingerprint}" for fingerprint in self.fingerprints),
                f"a=setup:{self.setup}",
                f"a=sctp-port:{self.sctp_port}",
                f"a=max-message-size:{self.max_message}",
                *(f"a={candidate}" for candidate in self.candidates),
                "",
            )
        )


def read(sdp: str, private: bool) -> Offer:
    """The offer in that SDP; `private`: candidates with private addresses are taken too.

    Raises InvalidOffer for anything but one section for data channels, with all that it needs.
    """
    lines = sdp.splitlines()
    if len(lines) > MAX_LINES:
        raise InvalidOffer(f"{len(lines)} lines; at most {MAX_LINES} are allowed")
    sections = [line for line in lines if line.startswith("m=")]
    if len(sections) != 1 or not SECTION.fullmatch(sections[0]):
        named = ", ".join(line[:32] for line in sections[:4]) or "none"
        raise InvalidOffer(f"an offer has one section, for data channels; this one has {named}")
    values = {name: _one(lines, name) for name in ATTRIBUTES if name != "max-message-size"}
    fingerprints = [line.removeprefix("a=fingerprint:") for line in lines if line.startswith("a=fingerprint:")]
    if not 0 < len(fingerprints) <= 8 or not all(FINGERPRINT.fullmatch(value) for value in fingerprints):
        raise InvalidOffer("an offer has fingerprints of its certificate, by SHA-256 or longer")
    if "a=ice-lite" in lines:
        raise InvalidOffer("ICE lite is not for browsers")
    most = int(_one(lines, "max-message-size", str(DEFAULT_MAX_MESSAGE)))
    if 0 < most < MAX_MESSAGE:
        raise InvalidOffer(f"max-message-size is {most}; messages have up to {MAX_MESSAGE} bytes")
    candidates = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    if len(candidates) > MAX_CANDIDATES:
        raise InvalidOffer(f"{len(candidates)} candidates; at most {MAX_CANDIDATES} are allowed")
    return Offer(
        mid=values["mid"],
        ufrag=values["ice-ufrag"],
        password=values["ice-pwd"],
        setup=values["setup"],
        sctp_port=int(values["sctp-port"]),
        max_message=most,
        fingerprints=tuple(fingerprints),
        candidates=tuple(candidate for candidate in candidates if usable(candidate, private)),
        named=len(candidates),
    )


def _one(lines: list[str], name: str, default: str | None = None) -> str:
    values = [line.removeprefix(f"a={name}:") for line in lines if line.startswith(f"a={name}:")]
    if not values and default is not None:
        return default
    if len(values) != 1 or not ATTRIBUTES[name].fullmatch(values[0]):
        raise InvalidOffer(f"an offer has one a={name}, and a right one; this one has {len(values)}")
    return values[0]
