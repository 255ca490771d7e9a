"""Samples into the tables of the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"


@dataclass(frozen=True)
class Measured:
    """The samples of one thing, by round; `beside` names the row it is compared with."""

    name: str
    rounds: Sequence[Sequence[float]]
    beside: str | None = None

    @property
    def samples(self) -> list[float]:
        return [sample for one in self.rounds for sample in one]

    @property
    def p50(self) -> float:
        return median(self.samples)

    @property
    def p95(self) -> float:
        return quantiles(self.samples, n=20, method="inclusive")[-1]

    @property
    def spread(self) -> str:
        middles = [median(one) for one in self.rounds]
        return f"{min(middles):.1f} to {max(middles):.1f}"


def times(heading: str, rows: Sequence[Measured]) -> str:
    """A table of times in ms."""
    by_name = {row.name: row for row in rows}
    return _table(
        (heading, "samples", "p50, ms", "p95, ms", "p50 of the rounds", "p50 beside"),
        (
            (
                row.name,
                str(len(row.samples)),
                f"{row.p50:.1f}",
                f"{row.p95:.1f}",
                row.spread,
                f"{row.p50 / by_name[row.beside].p50:.2f} of {row.beside}" if row.beside else "",
            )
            for row in rows
        ),
    )


@dataclass(frozen=True)
class Bytes:
    """Bytes of one thing in each round, and those of JSON in the same round."""

    name: str
    bytes: Sequence[int]
    json: Sequence[int]


def sizes(heading: str, rows: Sequence[Bytes]) -> str:
    """A table of bytes beside JSON."""

    def share(row: Bytes) -> Iterable[float]:
        return (100 * size / json for size, json in zip(row.bytes, row.json, strict=True))

    return _table(
        (heading, "samples", "bytes, median", "of the JSON, median", "range"),
        (
            (
                row.name,
                str(len(row.bytes)),
                f"{median(row.bytes):,.0f}",
                f"{median(share(row)):.1f} %",
                f"{min(share(row)):.1f} to {max(share(row)):.1f} %",
            )
            for row in rows
        ),
    )


def plain(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _table(heading, rows)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(document: Path, conditions: str, measured: Mapping[str, str], order: Sequence[str]) -> None:
    """Put sections that were measured, by title, between the markers of the document, and keep the others there."""
    text = document.read_text()
    before, _, rest = text.partition(BEGIN)
    held, _, after = rest.partition(END)
    if not rest or END not in text:
        raise RuntimeError(f"{document} has no place for the tables: {BEGIN} ... {END}")
    kept = dict(section.split("\n", 1) for section in held.split("\n### ")[1:])
    sections = {title: body.strip() for title, body in {**kept, **measured}.items()}
    written = "\n\n".join(f"### {title}\n\n{sections[title]}" for title in order if title in sections)
    document.write_text(f"{before}{BEGIN}\n\n{conditions}\n\n{written}\n\n{END}{after}")
