"""A shop that has the server: its sites and secret, and what its participants say first."""

from __future__ import annotations

from typing import Any

from cobrowse.settings import Settings, Site
from cobrowse.tokens import Tokens

SECRET = "x" * 64
ORIGIN = "https://shop.example"
PROOF = b"p" * 32
SITES = [
    Site(key="shop", origins=[ORIGIN], consent="granted"),
    Site(key="other", origins=["https://other.example"]),
]
TOKENS = Tokens(SECRET)

BO = TOKENS.verify_agent(TOKENS.agent("Bo"))

Message = dict[str, Any]


def settings(**policy: Any) -> Settings:
    return Settings(secret=SECRET, sites=[site.model_copy(update=policy) for site in SITES])


def hello(role: str, **changed: Any) -> Message:
    common = {"type": "hello", "role": role, "wire": 1, "log": 1, "proof": PROOF}
    return common | ({"site": "shop"} if role == "broadcaster" else {}) | changed
