import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_MESSAGE } from "../records";
import { type Piece, Pieces } from "./pieces";

function encoded(piece: Piece): number[] {
  if ("message" in piece) return [...header(piece.message.length), ...piece.message];
  const reason = new TextEncoder().encode(piece.reason);
  return [...header(2 + reason.length + 0x8000_0000), piece.code >> 8, piece.code & 255, ...reason];
}

function header(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function read(pieces: Pieces, chunks: readonly number[][]): Piece[] {
  return chunks.flatMap((chunk) => [...pieces.push(Uint8Array.from(chunk))]);
}

describe("Pieces", () => {
  const piece: fc.Arbitrary<Piece> = fc.oneof(
    fc.record({ message: fc.uint8Array({ maxLength: 50 }) }),
    fc.record({ code: fc.integer({ min: 1_000, max: 4_999 }), reason: fc.string({ unit: "grapheme", maxLength: 10 }) }),
  );

  it("finds the same pieces however they are cut", () => {
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(40)), (sent, cuts) => {
        const bytes = sent.flatMap(encoded);
        const chunks: number[][] = [];
        for (const cut of cuts) chunks.push(bytes.splice(0, cut));
        chunks.push(bytes);
        expect(read(new Pieces(), chunks)).toEqual(sent);
      }),
    );
  });

  it("takes a message of the most that is allowed, and no more", () => {
    const largest = encoded({ message: new Uint8Array(MAX_MESSAGE) });
    expect(read(new Pieces(), [largest])).toHaveLength(1);
    expect(() => read(new Pieces(), [header(MAX_MESSAGE + 1)])).toThrow(RangeError);
  });

  it("refuses a page of a proxy, and a close piece without a code or over 125 bytes", () => {
    expect(() => read(new Pieces(), [[...new TextEncoder().encode("<html>")]])).toThrow("something on the way");
    for (const length of [0, 1, 126])
      expect(() => read(new Pieces(), [header(0x8000_0000 + length)])).toThrow(RangeError);
  });
});
