/** Bytes and values that nobody would send, a hundred thousand times, into each decoder: a documented error, or bounded values. */
import { deflateRaw } from "pako";
import { describe, expect, it } from "vitest";
import { InputReceiver, MAX_WAITING } from "./inputs";
import { direct } from "./messages";
import { decodeMulti } from "./msgpack";
import { noise, odd, Random } from "./random";
import {
  type Bytes,
  type Control,
  decode,
  END,
  FRAME,
  InvalidMessage,
  isControl,
  MAX_FRAME,
  MAX_VALUES,
  PART,
  packed,
} from "./records";
import { applied, asEvent, EMPTY, type Entry, entryOf, MAX_CHAT, stateOf } from "./state";
import { Reader, UnreadableLog } from "./viewer/reader";

const CASES = 100_000;
const LIMITS = { text: 1_000, bytes: 1_000, array: 100, map: 100 };
const MIB = 1_048_576;

const USUAL = [
  packed({ type: "ping", at: 1.5 }),
  packed({ type: "input", n: 0, base: 0, input: { kind: "chat", id: "c", text: "hello" } }),
  packed({ type: "signal", peer: "", description: { type: "offer", sdp: "v=0" }, candidate: null, declined: null }),
  packed([1, 1, 0, END, Uint8Array.of(1, 2, 3)]),
  packed([2, 1, -1, 0, 0, 2, Uint8Array.of(1, 2, 3)]),
  packed([3, "", "pointer", 2, 0.5, 0.5]),
];

/** Noise; or what is usual, with bytes changed, cut off or put in; or two of them glued. */
function bytes(random: Random): Bytes {
  const usual = random.of(USUAL);
  const at = random.below(usual.length);
  switch (random.below(5)) {
    case 0:
      return noise(random, 60);
    case 1:
      return Uint8Array.from(usual, (byte, index) => (index === at ? random.below(256) : byte));
    case 2:
      return usual.slice(0, at);
    case 3:
      return Uint8Array.of(...usual.slice(0, at), ...noise(random, 12), ...usual.slice(at));
    default:
      return Uint8Array.of(...usual, ...random.of(USUAL));
  }
}

/** How many values there are in it, in all. */
function sizeOf(value: unknown): number {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return 1;
  return Object.values(value).reduce((size: number, inner) => size + sizeOf(inner), 1);
}

/** How often it throws, which is an error of that kind and no other. */
function refusals(kind: new (...all: never[]) => Error, work: (random: Random) => void): number {
  const random = new Random(21);
  let refused = 0;
  for (let n = 0; n < CASES; n += 1) {
    try {
      work(random);
    } catch (error) {
      if (!(error instanceof kind)) throw error;
      refused += 1;
    }
  }
  return refused;
}

/** Fails without a hundred thousand calls of `expect`. */
function ensure(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

describe("whatever comes", () => {
  it("is MessagePack of no more values than bytes, or a RangeError", () => {
    const refused = refusals(RangeError, (random) => {
      const made = bytes(random);
      ensure(sizeOf([...decodeMulti(made, LIMITS)]) <= made.length + 1, "more values than bytes");
    });
    expect(refused).toBeGreaterThan(CASES / 10);
    expect(refused).toBeLessThan((CASES * 9) / 10);
  });

  it("is a few records and messages, or an InvalidMessage", () => {
    const refused = refusals(InvalidMessage, (random) => {
      const items = decode(bytes(random));
      ensure(items.length <= MAX_VALUES, "too many records");
      for (const item of items) if (isControl(item)) direct(item);
    });
    expect(refused).toBeGreaterThan(CASES / 10);
    expect(refused).toBeLessThan((CASES * 9) / 10);
  });

  it("is a message that the protocol has, nothing, or an InvalidMessage", () => {
    const types = ["subscribe", "input", "signal", "admitted", "refused", "ping", "constructor", "__proto__", "later"];
    const names = ["id", "position", "n", "base", "input", "peer", "description", "capabilities", "at", "viewer"];
    let taken = 0;
    const refused = refusals(InvalidMessage, (random) => {
      const message: Control = { type: random.of(types) };
      for (let n = random.below(5); n > 0; n -= 1) message[random.of(names)] = odd(random);
      if (direct(message)) taken += 1;
    });
    expect(taken).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(CASES / 10);
  });

  it("is an input that is applied once, in order, and never many that wait", () => {
    let receiver = new InputReceiver<number>();
    let now = 0;
    const refused = refusals(RangeError, (random) => {
      const n = random.below(9) ? random.below(40) : random.below(2 ** 50);
      const before = receiver.next;
      now += random.below(300);
      const { apply, acknowledge, refuse } = receiver.take({ n, base: random.below(n + 9), input: 0 }, now);
      ensure(receiver.next >= before && acknowledge === receiver.next - 1, "it went back");
      ensure(apply.length + refuse.length <= MAX_WAITING + 1, "too many waited");
      if (receiver.next > 1_000) receiver = new InputReceiver<number>();
    });
    expect(refused).toBe(0);
  });

  it("is an entry of bounded size, or none", () => {
    const kinds = ["chat", "page", "present", "chosen", "popover", "sheet", "constructor"];
    const long = "x".repeat(10_000);
    let state = EMPTY;
    const refused = refusals(RangeError, (random) => {
      const value = () => (random.below(3) ? random.of(["a", long, String(random.below(500))]) : odd(random));
      const line = { id: value(), from: value(), name: value(), text: value() };
      const page = random.below(3) ? { title: value(), address: value(), hidden: value() } : odd(random);
      const present = [{ id: value(), name: value(), role: value() }, odd(random)];
      const entry = { kind: random.of(kinds), line, page, present, id: value(), indexes: odd(random), open: true };
      const read = entryOf(asEvent(entry as unknown as Entry, 0));
      if (read) state = applied(state, read);
      ensure(state.chat.length <= MAX_CHAT, "too many lines");
      ensure(stateOf({ chat: [line], page }).page.title.length <= 300, "too long a title");
    });
    expect(refused).toBe(0);
    expect(state.chat).toHaveLength(MAX_CHAT);
    expect(JSON.stringify(state).length).toBeLessThan(MIB);
  });

  it("is a batch of the log, or an UnreadableLog", () => {
    const restored = deflateRaw(packed({}));
    // A stream is dear to make: these are told apart by what is changed in them.
    const random = new Random(4);
    const streams = Array.from({ length: 500 }, () => deflateRaw(bytes(random)));
    let reader = new Reader();
    let read = 0;
    const part = (data: Bytes) => reader.takePart({ kind: PART, epoch: 1, seq: -1, id: 0, part: 0, parts: 1, data });
    const refused = refusals(UnreadableLog, (random) => {
      if (random.below(9) === 0) reader = new Reader();
      if (reader.starting) part(restored);
      const stream = random.of(streams);
      const at = random.below(stream.length);
      const data = random.below(2) ? stream : stream.map((byte, index) => (index === at ? random.below(256) : byte));
      const flags = random.of([0, END, END, END, 0x80]);
      try {
        if (random.below(2)) {
          read += Number(typeof reader.take({ kind: FRAME, epoch: 1, seq: random.below(2), flags, data }) === "object");
        } else {
          reader.reset();
          read += Number(part(data) !== null);
        }
      } catch (error) {
        reader = new Reader();
        throw error;
      }
    });
    expect(Math.min(refused, read)).toBeGreaterThan(1_000);
  });

  it("inflates to no more than is allowed, however small it is", () => {
    const bomb = deflateRaw(new Uint8Array(65 * MIB));
    const parts = Math.ceil(bomb.length / MAX_FRAME);
    const reader = new Reader();
    expect(() => {
      for (let part = 0; part < parts; part += 1) {
        const data = bomb.subarray(part * MAX_FRAME, (part + 1) * MAX_FRAME);
        reader.takePart({ kind: PART, epoch: 1, seq: -1, id: 0, part, parts, data });
      }
    }).toThrow(UnreadableLog);
  });
});
