"""What the operator hides of a site's pages, beside what the pages hide themselves: a leak is mended without a release.

The visitor's browser applies the rules, and the stricter of both holds (`client/src/broadcaster/privacy.ts`); one that
it cannot apply keeps the session from starting. The server itself never sees what a page holds.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from .fields import Model

MAX_BYTES: Final = 16_384
"""Of all the rules of a site: they are part of one message."""

Selector = Annotated[str, Field(min_length=1, max_length=500)]
Selectors = Annotated[list[Selector], Field(max_length=200)]


class PrivacyRules(Model, extra="forbid"):
    """CSS selectors of what is masked, shown, or replaced by an empty box."""

    mask: Literal["*"] | Selectors = Field(default=[])
    unmask: Selectors = Field(default=[])
    block: Selectors = Field(default=[])
    query: Literal["drop", "keep"] | Annotated[list[Selector], Field(max_length=200)] = "keep"


class PagePrivacy(PrivacyRules):
    """Rules for pages whose address, without query and fragment, is like `url`: `*` stands for anything."""

    url: Annotated[str, Field(min_length=1, max_length=500)]


class SitePrivacy(PrivacyRules):
    """The rules of a site."""

    rules: Annotated[list[PagePrivacy], Field(max_length=100)] = Field(default=[])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        size = len(self.model_dump_json())
        if size > MAX_BYTES:
            raise ValueError(f"the privacy rules of a site take {size} bytes; at most {MAX_BYTES} are sent")
        return self
