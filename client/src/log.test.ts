/** The log and its cursors: nothing lost, nothing twice, nothing out of order, whatever happens. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHECKPOINT_EVERY_MS, CHECKPOINT_FLOOR, Cursor, Log, WINDOW_FRAMES } from "./log";
import { END, FRAME, type Frame, MAX_CHECKPOINT, PART, type Part } from "./records";

const WINDOW_MS = 5_000;
const WINDOW_BYTES = 100_000;

const frame = (seq: number, size = 10, epoch = 1): Frame => ({
  kind: FRAME,
  epoch,
  seq,
  flags: END,
  data: new Uint8Array(size),
});
const part = (seq: number, id: number, part = 0, parts = 1, size = 10, epoch = 1): Part => ({
  kind: PART,
  epoch,
  seq,
  id,
  part,
  parts,
  data: new Uint8Array(size),
});

function begun(): Log {
  const log = new Log(WINDOW_MS, WINDOW_BYTES);
  log.begin(1);
  return log;
}

/** A reader that believes nothing: it throws unless what it gets is exactly what must come next. */
class Reading {
  readonly cursor: Cursor;
  private epoch = 0;
  private starting = true;
  private parts: Part[] = [];
  private next = -1;

  constructor(log: Log) {
    this.cursor = new Cursor(log);
    this.join();
  }

  join(): void {
    this.cursor.join();
    this.epoch = this.cursor.epoch;
    this.starting = true;
    this.parts = [];
  }

  resume(epoch: number, seq: number): boolean {
    if (!this.cursor.resume(epoch, seq)) return false;
    this.epoch = epoch;
    this.starting = false;
    this.next = seq + 1;
    return true;
  }

  take(item: Frame | Part): void {
    if (item.epoch !== this.epoch) throw new Error("another epoch's");
    if (item.kind === FRAME) {
      if (this.starting) throw new Error("a frame before the checkpoint is whole");
      if (item.seq !== this.next) throw new Error(`frame ${item.seq} where ${this.next} comes next`);
      this.next += 1;
      return;
    }
    if (!this.starting) throw new Error("a part in the middle of frames");
    if (item.part !== this.parts.length) throw new Error("a part left out, twice or out of order");
    if (this.parts.some(({ id, seq }) => id !== item.id || seq !== item.seq)) throw new Error("of two checkpoints");
    this.parts.push(item);
    if (this.parts.length < item.parts) return;
    this.starting = false;
    this.next = item.seq + 1;
  }
}

type Operation =
  | { op: "wait"; ms: number }
  | { op: "append"; size: number; count: number }
  | { op: "stray"; off: number; epoch: number }
  | { op: "checkpoint"; back: number; parts: number }
  | { op: "part"; size: number }
  | { op: "abandon" }
  | { op: "trim" }
  | { op: "begin"; ahead: number }
  | { op: "join"; who: number }
  | { op: "resume"; who: number; epoch: number; share: number }
  | { op: "take"; who: number; limit: number };

const size = fc.constantFrom(0, 1, 100, 5_000, 16_384);
const who = fc.nat(2);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.constantFrom(1, 50, 700, 2_500) }) },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant("append" as const), size, count: fc.integer({ min: 1, max: 8 }) }),
  },
  fc.record({
    op: fc.constant("stray" as const),
    off: fc.constantFrom(-2, -1, 1, 2),
    epoch: fc.constantFrom(-1, 0, 0, 1),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("checkpoint" as const),
      back: fc.constantFrom(0, 0, 0, 1, 5, 40, -1, -7),
      parts: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant("part" as const), size }) },
  fc.record({ op: fc.constant("abandon" as const) }),
  fc.record({ op: fc.constant("trim" as const) }),
  fc.record({ op: fc.constant("begin" as const), ahead: fc.constantFrom(1, 1, 5) }),
  fc.record({ op: fc.constant("join" as const), who }),
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("resume" as const),
      who,
      epoch: fc.constantFrom(0, 0, 0, 1, -1),
      share: fc.double({ min: -0.2, max: 1.2, noNaN: true }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant("take" as const), who, limit: fc.constantFrom(0, 1, 200, 9_000, 262_144) }),
  },
);

describe("Log and Cursor", () => {
  it("never lose, repeat or reorder a seq", () => {
    fc.assert(fc.property(fc.array(operation, { minLength: 1, maxLength: 120, size: "max" }), play), { numRuns: 300 });
  });
});

function play(operations: readonly Operation[]): void {
  const log = begun();
  const readers = [new Reading(log), new Reading(log), new Reading(log)];
  const reader = (who: number): Reading => readers[who] as Reading;
  let now = 0;
  let made = 0;
  let writing: { seq: number; id: number; parts: number; part: number } | null = null;
  const addPart = (bytes: number) => {
    if (!writing) return;
    const { seq, id, parts, part: index } = writing;
    const taken = log.addPart(part(seq, id, index, parts, bytes, log.epoch), now);
    if (index === 0 && !taken) throw new Error("the first part of a new checkpoint was not taken");
    writing = index + 1 < parts ? { seq, id, parts, part: index + 1 } : null;
  };
  for (const step of operations) {
    switch (step.op) {
      case "wait":
        now += step.ms;
        break;
      case "append":
        for (let count = 0; count < step.count; count++)
          if (!log.append(frame(log.next, step.size, log.epoch), now)) throw new Error("the next was not taken");
        break;
      case "stray": {
        const before = [log.first, log.next, log.size];
        const stray = frame(log.next + step.off, 9, log.epoch + step.epoch);
        if (log.append(stray, now)) throw new Error("what is not next was taken");
        expect([log.first, log.next, log.size]).toEqual(before);
        break;
      }
      case "checkpoint":
        made += 1;
        writing = { seq: Math.max(-1, log.next - 1 - step.back), id: made, parts: step.parts, part: 0 };
        addPart(100);
        break;
      case "part":
        addPart(step.size);
        break;
      case "abandon":
        writing = null;
        break;
      case "trim":
        log.trim(now);
        break;
      case "begin":
        log.begin(log.epoch + step.ahead);
        writing = null;
        if (!readers.every(({ cursor }) => cursor.lost)) throw new Error("a reader missed the new epoch");
        break;
      case "join":
        reader(step.who).join();
        break;
      case "resume": {
        const seq = Math.max(-1, log.first - 1 + Math.round(step.share * (log.next - log.first)));
        const resumed = reader(step.who).resume(log.epoch + step.epoch, seq);
        expect(resumed).toBe(step.epoch === 0 && seq >= log.first - 1);
        break;
      }
      case "take":
        take(log, reader(step.who), step.limit, now);
    }
    holds(log);
  }
}

function take(log: Log, reading: Reading, limit: number, now: number): void {
  const { cursor } = reading;
  const { lost } = cursor;
  const items = cursor.take(limit, now);
  const bytes = items.reduce((sum, { data }) => sum + data.length, 0);
  if (items.length > 1 && bytes > limit) throw new Error(`${bytes} bytes where ${limit} were asked for`);
  if (lost && items.length > 0) throw new Error("something for a reader that is lost");
  for (const item of items) reading.take(item);
  if (lost || items.length > 0) return;
  if (cursor.waiting) expect(log.usable(now)).toBeNull();
  else if (cursor.checkpoint)
    expect([cursor.checkpoint.complete, cursor.checkpoint === log.checkpoint]).toEqual([false, true]);
  else if (cursor.next < log.next) throw new Error("nothing, where there was something");
}

function holds(log: Log): void {
  if (log.size > WINDOW_BYTES) throw new Error(`holds ${log.size} bytes`);
  let bytes = 0;
  for (let seq = log.first; seq < log.next; seq++) {
    const kept = log.frame(seq);
    if (kept.seq !== seq) throw new Error("holds a gap");
    bytes += kept.data.length;
  }
  if (bytes !== log.size) throw new Error("does not know its size");
  if (log.checkpoint && !log.covers(log.checkpoint.seq))
    throw new Error("keeps a checkpoint that nobody can go on from");
}

describe("Log", () => {
  it("lets frames go by number", () => {
    const log = begun();
    for (let seq = log.next; seq < WINDOW_FRAMES + 3; seq += 1) log.append(frame(seq, 0), seq / 1_000);
    expect(log.next - log.first).toBe(WINDOW_FRAMES);
  });

  it("lets frames go by age and by bytes", () => {
    const log = begun();
    log.append(frame(0, 60_000), 0);
    log.append(frame(1, 40_000), 1);
    expect([log.first, log.size]).toEqual([0, 100_000]);
    log.append(frame(2, 1), 2);
    expect([log.first, log.size]).toEqual([1, 40_001]);
    log.trim(1 + WINDOW_MS);
    expect(log.first).toBe(1);
    log.trim(2 + WINDOW_MS);
    expect(log.first).toBe(2);
    log.trim(10 * WINDOW_MS);
    expect([log.first, log.next, log.size]).toEqual([3, 3, 0]);
  });

  it("stays right over many thousands of frames", () => {
    const log = new Log(WINDOW_MS, 1_000);
    log.begin(1);
    for (let seq = 0; seq < 5_000; seq++) log.append(frame(seq, 10), seq);
    expect([log.first, log.next, log.frame(4_900).seq, log.since(4_989)]).toEqual([4_900, 5_000, 4_900, 100]);
    expect(() => log.frame(5_000)).toThrow(RangeError);
  });

  it("restarts at a checkpoint that stands outside of its frames", () => {
    const log = begun();
    log.append(frame(0), 0);
    const cursor = new Cursor(log);
    expect(cursor.resume(1, -1)).toBe(true);
    expect(log.addPart(part(40, 1), 0)).toBe(true);
    expect([log.epoch, log.first, log.next, cursor.lost]).toEqual([1, 41, 41, true]);
  });

  it.each([
    [10, CHECKPOINT_FLOOR, CHECKPOINT_EVERY_MS, true],
    [10, CHECKPOINT_FLOOR + 1, CHECKPOINT_EVERY_MS, false],
    [10, CHECKPOINT_FLOOR + 1, CHECKPOINT_EVERY_MS - 1, true],
    [50_000, 50_000, CHECKPOINT_EVERY_MS, true],
    [50_000, 50_001, CHECKPOINT_EVERY_MS, false],
  ])("with a checkpoint of %i bytes and %i after it, %i ms old, finds it usable: %s", (bytes, after, age, usable) => {
    const log = begun();
    log.addPart(part(-1, 0, 0, 1, bytes), 0);
    log.append(frame(0, after), 0);
    expect(log.usable(age) !== null).toBe(usable);
  });

  it("takes a checkpoint up to a most", () => {
    const log = begun();
    expect(log.addPart(part(-1, 0, 0, 2, MAX_CHECKPOINT), 0)).toBe(true);
    expect(log.addPart(part(-1, 0, 1, 2, 1), 0)).toBe(false);
  });
});

describe("Cursor", () => {
  it("is lost when the checkpoint it reads is given up", () => {
    const log = begun();
    log.addPart(part(-1, 0, 0, 2), 0);
    const cursor = new Cursor(log);
    expect(cursor.take(1_000, 0)).toHaveLength(1);
    expect(cursor.lost).toBe(false);
    log.addPart(part(-1, 1), 1);
    expect([cursor.lost, cursor.take(1_000, 1)]).toEqual([true, []]);
  });

  it("reads a whole checkpoint to its end though another is made", () => {
    const log = begun();
    log.addPart(part(-1, 0, 0, 2), 0);
    log.addPart(part(-1, 0, 1, 2), 0);
    const cursor = new Cursor(log);
    expect(cursor.take(10, 0)).toHaveLength(1);
    log.append(frame(0), 0);
    log.addPart(part(0, 1), 0);
    expect(cursor.take(1_000, 0).map(({ kind }) => kind)).toEqual([PART, FRAME]);
  });

  it("waits for a log that it is ahead of", () => {
    const log = begun();
    const cursor = new Cursor(log);
    expect(cursor.resume(1, 1)).toBe(true);
    log.append(frame(0), 0);
    log.append(frame(1), 0);
    expect(cursor.take(1_000, 0)).toEqual([]);
    log.append(frame(2), 0);
    expect(cursor.take(1_000, 0).map(({ seq }) => seq)).toEqual([2]);
  });
});
