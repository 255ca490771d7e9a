/** Data records: encode, decode, and every limit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decode,
  encodeRecord,
  FRAME,
  type Frame,
  InvalidMessage,
  type Item,
  isControl,
  MAX_FRAME,
  MAX_MESSAGE,
  MAX_PARTS,
  MAX_VALUES,
  PART,
  type Part,
  packed,
  VOLATILE,
  type Volatile,
} from "./records";

const ordinal = fc.nat(Number.MAX_SAFE_INTEGER);
const data = fc.uint8Array({ maxLength: 100 });
const frame: fc.Arbitrary<Frame> = fc.record({
  kind: fc.constant(FRAME as typeof FRAME),
  epoch: ordinal,
  seq: ordinal,
  flags: fc.nat(255),
  data,
});
const part: fc.Arbitrary<Part> = fc
  .record({
    epoch: ordinal,
    seq: fc.integer({ min: -1, max: 1e9 }),
    id: ordinal,
    parts: fc.integer({ min: 1, max: MAX_PARTS }),
    data,
  })
  .chain((given) => fc.nat(given.parts - 1).map((part) => ({ kind: PART, ...given, part })));
const plain = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.string(),
  fc.double({ noNaN: true }).map((value) => value + 0),
  fc.maxSafeInteger(),
);
const volatile: fc.Arbitrary<Volatile> = fc.record({
  kind: fc.constant(VOLATILE as typeof VOLATILE),
  party: fc.string({ unit: "grapheme" }),
  name: fc.string(),
  values: fc.array(plain),
});

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(pieces));
}

describe("decode", () => {
  it("gives out whatever is glued, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, part, volatile), { maxLength: 12 }), (items) => {
        expect(decode(joined(items.map(encodeRecord)))).toEqual(items);
      }),
    );
  });

  it("meets noise with InvalidMessage or with items, and nothing else", () => {
    const flawed = fc
      .tuple(fc.oneof(frame, part, volatile), fc.array(fc.tuple(fc.nat(200), fc.nat(255))))
      .map(([item, flaws]) => {
        const message = encodeRecord(item).slice();
        for (const [at, value] of flaws) message[at % message.length] = value;
        return message;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), flawed), (message) => {
        let items: Item[] = [];
        try {
          items = decode(message);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidMessage);
        }
        for (const item of items) expect(isControl(item) || [FRAME, PART, VOLATILE].includes(item.kind)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("takes the largest frame, and no larger one", () => {
    const largest = { kind: FRAME, epoch: 1, seq: 0, flags: 0, data: new Uint8Array(MAX_FRAME) } as const;
    expect(decode(encodeRecord(largest))).toEqual([largest]);
    expect(() => decode(encodeRecord({ ...largest, data: new Uint8Array(MAX_FRAME + 1) }))).toThrow(InvalidMessage);
  });

  it("takes as many values and bytes as are allowed, and no more", () => {
    const one = packed([VOLATILE, "", ""]);
    expect(decode(joined(Array(MAX_VALUES).fill(one)))).toHaveLength(MAX_VALUES);
    expect(() => decode(joined(Array(MAX_VALUES + 1).fill(one)))).toThrow(/more than 4096 values/);
    expect(() => decode(new Uint8Array(MAX_MESSAGE + 1))).toThrow(/65537 bytes/);
  });

  it("takes no deeply nested value, wherever it is", () => {
    const deep = joined([packed(["x"]).slice(0, 1), new Uint8Array(20_000).fill(0x91), packed(null)]);
    expect(() => decode(deep)).toThrow(InvalidMessage);
  });
});
