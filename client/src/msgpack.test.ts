/** Against another implementation, in both directions, and against what is broken. */
import { decodeMulti as decodeTheirs, encode as encodeTheirs } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMulti, Encoder, type Limits } from "./msgpack";

const LIMITS: Limits = { text: 100_000, bytes: 100_000, array: 100_000, map: 100_000 };
const encoder = new Encoder();
const decode = (bytes: Uint8Array, limits = LIMITS): unknown[] => [...decodeMulti(bytes, limits)];

const name = fc.string({ unit: "binary" }).filter((text) => text !== "__proto__");
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 70_000 }),
    fc.double({ noNaN: true }).map((number) => number || 0), // -0 is written as 0
    fc.string({ unit: "binary", maxLength: 80 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(name, tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
}));

describe("msgpack", () => {
  it("is read by another implementation, and reads it", () => {
    fc.assert(
      fc.property(value, (sent) => {
        const bytes = encoder.encode(sent);
        expect([...decodeTheirs(bytes)]).toEqual([sent]);
        expect(decode(encodeTheirs(sent))).toEqual([sent]);
        expect(decode(bytes)).toEqual([sent]);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    -0x8000_0001,
    -0x8000_0000,
    -32_769,
    -32_768,
    -129,
    -128,
    -33,
    -32,
    -1,
    0,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    0xffff_ffff,
    0x1_0000_0000,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    1.5,
    1e300,
    Number.POSITIVE_INFINITY,
  ])("writes %d as short as may be", (number) => {
    expect(encoder.encode(number)).toEqual(encodeTheirs(number));
    expect(decode(encoder.encode(number))).toEqual([number]);
  });

  it.each([0, 31, 32, 47, 48, 49, 255, 256, 65_535, 65_536])("writes text, bytes, arrays and maps of %d", (length) => {
    for (const letter of ["a", "é", "日", "👋"]) {
      const text = letter.repeat(length);
      expect(encoder.encode(text)).toEqual(encodeTheirs(text));
      expect(decode(encoder.encode(text), { ...LIMITS, text: 300_000 })).toEqual([text]);
    }
    const bytes = new Uint8Array(length).fill(7);
    const array = Array<number>(length).fill(7);
    const map = Object.fromEntries(array.map((seven, index) => [`n${index}`, seven]));
    for (const sent of [bytes, array, map]) {
      expect(encoder.encode(sent)).toEqual(encodeTheirs(sent));
      expect(decode(encoder.encode(sent))).toEqual([sent]);
    }
  });

  it("leaves out what is undefined, and keeps a mark at the beginning of a text", () => {
    expect(decode(encoder.encode({ a: undefined, b: [undefined] }))).toEqual([{ b: [null] }]);
    const marked = `\ufeff${"long enough to be decoded at once, and not letter by letter"}`;
    expect(decode(encoder.encode(marked))).toEqual([marked]);
  });

  it("has no lone surrogates", () => {
    expect(decode(encoder.encode("a\ud800b"))).toEqual(["a\ufffdb"]);
  });

  it("nests as deep as a page does", () => {
    let node: object = { childNodes: [] };
    for (let level = 0; level < 1_000; level += 1) node = { childNodes: [node] };
    expect(decode(encoder.encode(node))).toEqual([node]);
  });

  it("refuses what is nested deeper than that, on both sides", () => {
    let node: unknown = [];
    for (let level = 0; level < 4_100; level += 1) node = [node];
    expect(() => encoder.encode(node)).toThrow(/nested deeper/);
    expect(() => decode(new Uint8Array(50_000).fill(0x91))).toThrow(/nested deeper/);
  });

  it("refuses what it cannot say", () => {
    for (const odd of [1n, () => {}, Symbol("odd")]) expect(() => encoder.encode(odd)).toThrow(TypeError);
    expect(decode(encoder.encode("and goes on"))).toEqual(["and goes on"]);
  });

  it.each([
    ["nothing of that kind", [0xc1]],
    ["an extension", [0xd4, 1, 0]],
    ["a timestamp", [0xd6, 0xff, 0, 0, 0, 0]],
    ["a name that changes the prototype", [0x81, 0xa9, ...Buffer.from("__proto__"), 0x80]],
    ["a name that is a number", [0x81, 1, 1]],
    ["a name that is a list", [0x81, 0x91, 1, 1]],
    ["text that is cut off", [0xa5, 0x61]],
    ["a number that is cut off", [0xcf, 0, 0]],
    ["a map that is cut off", [0x82, 0xa1, 0x61, 1]],
    ["a length that is cut off", [0xdd, 0, 0]],
    ["an array that claims 4 GiB", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["a map that claims 4 GiB", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["text that claims 4 GiB", [0xdb, 0xff, 0xff, 0xff, 0xff]],
    ["bytes that claim 4 GiB", [0xc6, 0xff, 0xff, 0xff, 0xff]],
  ])("refuses %s", (_what, bytes) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(RangeError);
  });

  it("meets noise with values or a RangeError, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
