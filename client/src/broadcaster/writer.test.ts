/** What is written is read: events into frames and back, with cuts, big batches, bombs and noise. */
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { Deflate, deflateRaw } from "pako";
import { describe, expect, it } from "vitest";
import { type Bytes, END, FRAME, type Frame, FULL, MAX_FRAME, PART, type Part } from "../records";
import { Reader, UnreadableLog } from "../viewer/reader";
import { checkpointParts, Writer } from "./writer";

const EPOCH = 3;

/** A reader that stands after frame `seq`. */
function readerAt(seq: number, epoch = EPOCH): Reader {
  const reader = new Reader();
  for (const part of checkpointParts(epoch, seq, 1, [null])) reader.takePart(part);
  return reader;
}

function eventsOf(reader: Reader, frames: readonly Frame[]): unknown[] {
  return frames.flatMap((frame) => {
    const taken = reader.take(frame);
    if (typeof taken === "object") return taken.events;
    expect(taken).toBe("held");
    return [];
  });
}

/** Text that hardly compresses. */
function noise(size: number): string {
  let state = 2_463_534_242;
  return Array.from({ length: size }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return String.fromCharCode(0x20 + ((state >>> 8) % 95));
  }).join("");
}

function incompressible(size: number): Uint8Array {
  let state = 88_172_645;
  return Uint8Array.from({ length: size }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 11;
  });
}

function thrown(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

/** MessagePack's decoder refuses a key that would change an object's prototype; no event has one. */
const event = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
const batch = fc.array(event, { minLength: 1, maxLength: 6 });
/** A batch of events, or null for a cut. */
const story = fc.array(fc.option(batch, { freq: 4 }), { minLength: 1, maxLength: 12 });

const canonical = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("Writer and Reader", () => {
  it("hand over every batch, whole, and the frames are numbered without a gap", () => {
    fc.assert(
      fc.property(story, (batches) => {
        const writer = new Writer(EPOCH);
        const reader = readerAt(-1);
        let next = 0;
        for (const events of batches) {
          const frames = events ? writer.write(events) : writer.cut();
          for (const frame of frames) {
            expect([frame.epoch, frame.seq]).toEqual([EPOCH, next]);
            expect(frame.data.length).toBeLessThanOrEqual(MAX_FRAME);
            next += 1;
          }
          expect(writer.seq).toBe(next - 1);
          expect(canonical(eventsOf(reader, frames))).toEqual(canonical(events ?? []));
          expect(reader.seq).toBe(writer.seq);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("let a fresh reader begin at every cut", () => {
    fc.assert(
      fc.property(story, story, (before, after) => {
        const writer = new Writer(EPOCH);
        for (const events of before) if (events) writer.write(events);
        writer.cut();
        const reader = readerAt(writer.seq);
        const frames = after.flatMap((events) => (events ? writer.write(events) : writer.cut()));
        const sent = after.flatMap((events) => events ?? []);
        expect(canonical(eventsOf(reader, frames))).toEqual(canonical(sent));
      }),
      { numRuns: 100 },
    );
  });

  it("cut a big batch into many frames, of which only the last ends it", () => {
    const text = noise(200_000);
    const events = Array.from({ length: 20 }, (_, index) => ({
      index,
      text: text.slice(index * 10_000).slice(0, 10_000),
    }));
    const frames = new Writer(EPOCH).write(events);
    expect(frames.length).toBeGreaterThan(3);
    expect(frames.map(({ flags }) => flags & END)).toEqual([...Array(frames.length - 1).fill(0), END]);
    const reader = readerAt(-1);
    for (const frame of frames.slice(0, -1)) {
      expect(reader.take(frame)).toBe("held");
      expect(reader.seq).toBe(-1);
    }
    expect(reader.take(frames.at(-1) as Frame)).toEqual({ events });
    expect(reader.seq).toBe(frames.length - 1);
  });

  it("carry a page that is nested as deep as pages are", () => {
    let node: object = { type: 3, textContent: "deep" };
    for (let level = 0; level < 600; level += 1) node = { type: 2, childNodes: [node] };
    expect(eventsOf(readerAt(-1), new Writer(EPOCH).write([node]))).toEqual([node]);
  });

  it("keep no more memory than a frame has bytes", () => {
    const [frame] = new Writer(EPOCH).write(["small"]);
    expect(frame?.data.buffer.byteLength).toBe(frame?.data.length);
  });

  it("leave out the tail of every flush, also about where a frame is full", () => {
    const counts = new Set<number>();
    for (let size = 16_364; size < 16_384; size += 2) {
      const writer = new Writer(EPOCH);
      const deflate = new Deflate({ raw: true, level: 6, chunkSize: MAX_FRAME });
      const pieces: Uint8Array[] = [];
      deflate.onData = (piece) => pieces.push((piece as Uint8Array).slice());
      // Bytes that do not compress are stored as they are, so that each size is met.
      const bytes = incompressible(size);
      deflate.push(encode(bytes), 2);
      const whole = Buffer.concat(pieces.splice(0));
      const frames = writer.write([bytes]);
      counts.add(frames.length);
      expect(whole.subarray(-4)).toEqual(Buffer.from([0, 0, 0xff, 0xff]));
      expect(Buffer.concat(frames.map(({ data }) => data))).toEqual(whole.subarray(0, -4));
      expect(frames.every(({ data }) => data.length > 0)).toBe(true);
      expect(frames.at(-1)?.flags).toBe(END);
      expect(eventsOf(readerAt(-1), [...frames, ...writer.write(["next"])])).toEqual([bytes, "next"]);
    }
    expect([...counts]).toEqual([1, 2]);
  });

  it("mark a cut, and make nothing of a second one", () => {
    const writer = new Writer(EPOCH);
    writer.write(["a"]);
    const cut = writer.cut();
    expect(cut.map(({ flags }) => flags)).toEqual([END | FULL]);
    expect(writer.cut()).toEqual([]);
    expect(eventsOf(readerAt(cut[0]?.seq ?? 0), writer.write(["b"]))).toEqual(["b"]);
  });
});

describe("checkpointParts", () => {
  it("is the state and the events, in parts", () => {
    const values = [{ chat: [] }, { type: 4 }, { type: 2, data: noise(60_000) }];
    const parts = checkpointParts(EPOCH, 41, 7, values);
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.every(({ data }) => data.length <= MAX_FRAME)).toBe(true);
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index));
    expect(parts.every((part) => part.seq === 41 && part.id === 7 && part.parts === parts.length)).toBe(true);
    const reader = new Reader();
    const restored = parts.map((part) => reader.takePart(part));
    expect(restored.slice(0, -1)).toEqual(restored.slice(0, -1).map(() => null));
    expect(restored.at(-1)).toEqual({ state: values[0], events: values.slice(1) });
    expect(reader.position).toEqual({ epoch: EPOCH, seq: 41 });
  });
});

describe("Reader", () => {
  const writer = new Writer(EPOCH);
  const frames = ["a", "b", "c", "d"].flatMap((text) => writer.write([text]));
  const [a, b, c, d] = frames as [Frame, Frame, Frame, Frame];

  it("takes frames in order, none twice, and never past a gap", () => {
    const reader = readerAt(-1);
    expect(reader.take(b)).toBe("gap");
    expect(reader.take(a)).toEqual({ events: ["a"] });
    expect(reader.take(a)).toBe("duplicate");
    expect(reader.take(c)).toBe("gap");
    expect(reader.take(b)).toEqual({ events: ["b"] });
    expect(reader.take(c)).toEqual({ events: ["c"] });
    expect(reader.take({ ...d, epoch: EPOCH + 1 })).toBe("stale");
    expect(reader.take({ ...d, epoch: EPOCH - 1 })).toBe("stale");
    expect(reader.take(d)).toEqual({ events: ["d"] });
    expect(reader.position).toEqual({ epoch: EPOCH, seq: 3 });
  });

  it("takes no frame before a checkpoint is whole", () => {
    const reader = new Reader();
    expect(reader.take(a)).toBe("stale");
    expect(reader.position).toBeNull();
    const [first, ...rest] = checkpointParts(EPOCH, -1, 1, [noise(60_000)]);
    reader.takePart(first as Part);
    expect(reader.take(a)).toBe("stale");
    for (const part of rest) reader.takePart(part);
    expect(reader.take(a)).toEqual({ events: ["a"] });
  });

  it("takes whatever order, repetition and loss, or says what is missing", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 30 }), (order) => {
        const reader = readerAt(-1);
        const seen: unknown[] = [];
        for (const index of order) {
          const taken = reader.take(frames[index] as Frame);
          if (typeof taken === "object") seen.push(...taken.events);
          else expect(taken).toBe(index < seen.length ? "duplicate" : "gap");
        }
        expect(seen).toEqual(["a", "b", "c", "d"].slice(0, seen.length));
      }),
    );
  });

  it("does not count a batch whose end has not come as applied", () => {
    const big = new Writer(EPOCH).write([noise(50_000)]);
    const reader = readerAt(-1);
    reader.take(big[0] as Frame);
    expect([reader.seq, reader.position]).toEqual([-1, { epoch: EPOCH, seq: 0 }]);
  });

  it("starts over from another checkpoint when the first is given up", () => {
    const old = checkpointParts(EPOCH, 0, 1, ["old", noise(60_000)]);
    const fresh = checkpointParts(EPOCH, 2, 2, ["fresh", noise(60_000)]);
    const reader = new Reader();
    reader.takePart(old[0] as Part);
    reader.takePart(old[1] as Part);
    const restored = fresh.map((part) => reader.takePart(part)).at(-1);
    expect(restored?.state).toBe("fresh");
    expect(reader.position).toEqual({ epoch: EPOCH, seq: 2 });
  });

  it("wants parts in order, each once", () => {
    const parts = checkpointParts(EPOCH, 0, 1, ["state", noise(60_000)]);
    const reader = new Reader();
    expect(reader.takePart(parts[1] as Part)).toBeNull();
    for (const part of parts.slice(0, -1)) {
      reader.takePart(part);
      reader.takePart(part);
    }
    expect(reader.takePart(parts.at(-1) as Part)?.state).toBe("state");
    expect(reader.takePart(parts[0] as Part)).toBeNull();
  });

  it("is in step again after a reset in the middle of a batch", () => {
    const writer = new Writer(EPOCH);
    const big = writer.write([noise(50_000)]);
    const reader = readerAt(-1);
    reader.take(big[0] as Frame);
    reader.reset();
    expect(reader.position).toBeNull();
    writer.cut();
    for (const part of checkpointParts(EPOCH, writer.seq, 2, ["state"])) reader.takePart(part);
    expect(eventsOf(reader, writer.write(["after"]))).toEqual(["after"]);
  });

  it("refuses flags that it must understand, and ignores the others", () => {
    expect(() => readerAt(-1).take({ ...a, flags: END | 0x10 })).toThrow(UnreadableLog);
    expect(readerAt(-1).take({ ...a, flags: END | 0x0c })).toEqual({ events: ["a"] });
  });

  it("gives up on what does not inflate", () => {
    const broken = { ...a, data: Uint8Array.from([0xff, 0xff, 0xff]) };
    expect(() => readerAt(-1).take(broken)).toThrow(UnreadableLog);
  });

  it("gives up on what is no MessagePack", () => {
    const data = sync(Uint8Array.from([0xc1]));
    expect(() => readerAt(-1).take({ ...a, data })).toThrow(UnreadableLog);
  });

  it("gives up on a batch that ends in the middle of an event", () => {
    const data = sync(encode({ text: "cut off" }).slice(0, -3));
    expect(() => readerAt(-1).take({ ...a, data })).toThrow(UnreadableLog);
  });

  it("gives up on a bomb, without inflating all of it", () => {
    const frames = bomb(80 * 1_048_576);
    expect(frames.length).toBeLessThan(10);
    const reader = readerAt(-1);
    const error = thrown(() => frames.map((frame) => reader.take(frame)));
    expect(error).toBeInstanceOf(UnreadableLog);
    expect((error as Error).message).toMatch(/inflates to over/);
  });

  it("gives up on a checkpoint that is a bomb", () => {
    const frames = bomb(80 * 1_048_576);
    const reader = new Reader();
    const parts = frames.map(
      ({ data }, part): Part => ({ kind: PART, epoch: EPOCH, seq: -1, id: 0, part, parts: frames.length, data }),
    );
    const error = thrown(() => parts.map((part) => reader.takePart(part)));
    expect(error).toBeInstanceOf(UnreadableLog);
  });

  it("gives up on more events than a batch may have", () => {
    const data = sync(new Uint8Array(100_001).fill(0xc0));
    expect(() => readerAt(-1).take({ ...a, data })).toThrow(/events in one batch/);
  });

  it("gives up on a checkpoint that is cut short", () => {
    const whole = deflateRaw(encode({ text: noise(500) })) as Bytes;
    const data = whole.subarray(0, 200);
    const part: Part = { kind: PART, epoch: EPOCH, seq: -1, id: 0, part: 0, parts: 1, data };
    expect(() => new Reader().takePart(part)).toThrow(UnreadableLog);
  });

  it("reads on from a checkpoint after it gave up", () => {
    const reader = readerAt(-1);
    thrown(() => reader.take({ ...a, data: Uint8Array.from([0xff, 0xff]) }));
    reader.reset();
    const writer = new Writer(EPOCH);
    for (const part of checkpointParts(EPOCH, -1, 2, ["state"])) reader.takePart(part);
    expect(eventsOf(reader, writer.write(["again"]))).toEqual(["again"]);
  });

  it("meets noise with UnreadableLog or with events, and nothing else", () => {
    const frame = fc.uint8Array({ minLength: 1, maxLength: 200 });
    const flaw = fc.record({ at: fc.nat(60), value: fc.nat(255) });
    const good = new Writer(EPOCH).write([{ type: 3, data: { text: "something to break", list: [1, 2, 3] } }]);
    const [original] = good as [Frame];
    const broken = fc.array(flaw, { minLength: 1, maxLength: 4 }).map((flaws) => {
      const data = original.data.slice();
      for (const { at, value } of flaws) data[at % data.length] = value;
      return data;
    });
    fc.assert(
      fc.property(fc.oneof(frame, broken), (data) => {
        const error = thrown(() => readerAt(-1).take({ ...original, data }));
        if (error instanceof Error) expect(error).toBeInstanceOf(UnreadableLog);
        const part: Part = { kind: PART, epoch: 1, seq: -1, id: 0, part: 0, parts: 1, data };
        const another = thrown(() => new Reader().takePart(part));
        if (another instanceof Error) expect(another).toBeInstanceOf(UnreadableLog);
      }),
      { numRuns: 300 },
    );
  });
});

/** The bytes through a raw deflate that is flushed, not finished, without the flush's tail. */
function sync(bytes: Uint8Array): Bytes {
  const pieces: Uint8Array[] = [];
  const deflate = new Deflate({ raw: true });
  deflate.onData = (piece) => pieces.push(piece as Uint8Array);
  deflate.push(bytes, 2);
  return Uint8Array.from(Buffer.concat(pieces).subarray(0, -4));
}

/** Frames that inflate to that many bytes. */
function bomb(size: number): Frame[] {
  const data = deflateRaw(new Uint8Array(size), { level: 9 }) as Bytes;
  const count = Math.ceil(data.length / MAX_FRAME);
  return Array.from({ length: count }, (_, seq) => ({
    kind: FRAME,
    epoch: EPOCH,
    seq,
    flags: seq === count - 1 ? END : 0,
    data: data.subarray(seq * MAX_FRAME, (seq + 1) * MAX_FRAME),
  }));
}
