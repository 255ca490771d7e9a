"""What is read from an offer, and what is no offer for data channels."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.transports.offer import InvalidOffer, read

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
OFFER = (
    "v=0\r\no=- 7987191178614361694 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2113937151 5ffeb954-c4d0-4352-ad20-b17f513f2796.local 56735 typ host\r\n"
    "a=candidate:2 1 udp 1677729535 8.8.8.8 56735 typ srflx raddr 0.0.0.0 rport 0 generation 0\r\n"
    "a=ice-ufrag:qMD0\r\na=ice-pwd:OOSnDN3/6m2/PPje97xNwz8h\r\na=ice-options:trickle\r\n"
    f"a=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
)


def test_what_is_needed_is_read_and_the_rest_left() -> None:
    offer = read(OFFER + "a=end-of-candidates\r\na=candidate:3 1 udp 1 10.0.0.1 5000 typ host\r\n", private=False)
    assert (offer.mid, offer.ufrag, offer.setup, offer.sctp_port) == ("0", "qMD0", "actpass", 5_000)
    assert offer.max_message == 262_144
    assert offer.fingerprints == (FINGERPRINT,)
    assert [candidate.split()[4] for candidate in offer.candidates] == ["8.8.8.8"]
    assert offer.named == 3
    for left in (".local", "end-of-candidates", "trickle", "10.0.0.1", "extmap"):
        assert left not in offer.sdp
    assert read(offer.sdp, private=False).sdp == offer.sdp


def test_what_is_written_is_what_aiortc_reads() -> None:
    offer = read(OFFER, private=False)
    [media] = SessionDescription.parse(offer.sdp).media
    assert (media.kind, media.rtp.muxId, media.sctp_port) == ("application", "0", 5_000)
    assert media.ice is not None
    assert (media.ice.usernameFragment, media.ice.password) == (offer.ufrag, offer.password)
    assert [candidate.ip for candidate in media.ice_candidates] == ["8.8.8.8"]
    assert not media.ice_candidates_complete
    assert not media.ice.iceLite


def test_firefox_has_its_fingerprint_before_the_section() -> None:
    line = f"a=fingerprint:{FINGERPRINT}\r\n"
    offer = OFFER.replace(line, "").replace("a=group", f"{line}a=group").replace("application 9", "application 54321")
    assert read(offer, private=False).fingerprints == (FINGERPRINT,)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("m=application 9", "m=audio 9", "one section"),
        ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "one section"),
        ("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000", "one section"),
        ("m=application", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nm=application", "one section"),
        ("m=application", "x=application", "one section.*none"),
        ("a=ice-ufrag:qMD0\r\n", "", "a=ice-ufrag"),
        ("a=ice-ufrag:qMD0", "a=ice-ufrag:q D0", "a=ice-ufrag"),
        ("a=ice-ufrag:qMD0", "a=ice-ufrag:qMD0\r\na=ice-ufrag:qMD1", "a=ice-ufrag"),
        ("a=ice-pwd:OOSn", "a=ice-pwd:", "a=ice-pwd"),
        ("a=fingerprint", "a=print", "fingerprints"),
        ("sha-256 ", "sha-1 ", "fingerprints"),
        ("sha-256 AB", "sha-256 XX", "fingerprints"),
        ("a=setup:actpass", "a=setup:holdconn", "a=setup"),
        ("a=mid:0", "a=mid:" + "0" * 33, "a=mid"),
        ("a=sctp-port:5000", "a=sctp-port:-1", "a=sctp-port"),
        ("size:262144", "size:1000", "max-message-size is 1000"),
        ("size:262144", "size:many", "a=max-message-size"),
        ("a=mid:0", "a=mid:0\r\na=ice-lite", "ICE lite"),
        ("a=mid:0", "a=mid:0" + "\r\na=candidate:1 1 udp 1 8.8.8.8 5000 typ host" * 49, "51 candidates"),
        ("a=mid:0", "a=mid:0" + "\r\na=x:y" * 300, "lines"),
    ],
)
def test_what_is_not_for_data_channels_is_refused(old: str, new: str, says: str) -> None:
    assert old in OFFER
    with pytest.raises(InvalidOffer, match=says):
        read(OFFER.replace(old, new, 1), private=False)


@pytest.mark.parametrize("line", ["a=max-message-size:262144\r\n", ""])
def test_a_limit_that_is_not_named_is_the_rfcs(line: str) -> None:
    offer = read(OFFER.replace("a=max-message-size:262144\r\n", line.replace("262144", "0")), private=False)
    assert offer.max_message == (0 if line else 65_536)


@given(st.text(max_size=2_000) | st.lists(st.sampled_from(OFFER.splitlines()), max_size=40).map("\r\n".join))
def test_no_text_is_too_odd(text: str) -> None:
    try:
        offer = read(text, private=True)
    except InvalidOffer:
        return
    assert SessionDescription.parse(offer.sdp).media


@given(st.integers(0, len(OFFER)), st.characters())
def test_an_offer_with_anything_put_in_is_refused_or_harmless(at: int, character: str) -> None:
    try:
        offer = read(OFFER[:at] + character + OFFER[at:], private=False)
    except InvalidOffer:
        return
    [media] = SessionDescription.parse(offer.sdp).media
    assert all(candidate.ip == "8.8.8.8" or candidate.ip[0].isdigit() for candidate in media.ice_candidates)
