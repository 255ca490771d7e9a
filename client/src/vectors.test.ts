/** The golden vectors of `tests/vectors.json`: this side of the wire holds to them, too. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkpointParts } from "./broadcaster/writer";
import { opened, sealed } from "./link/check";
import { Cursor, Log } from "./log";
import { direct } from "./messages";
import { CloseCode } from "./protocol.gen";
import {
  type Bytes,
  type Control,
  decode,
  END,
  encodeRecord,
  FRAME,
  type Frame,
  FULL,
  InvalidMessage,
  type Item,
  isControl,
  PART,
  VOLATILE,
} from "./records";
import { Reader } from "./viewer/reader";

interface Step {
  readonly op: "begin" | "append" | "add_part" | "trim" | "join" | "resume" | "take";
  readonly now: number;
  readonly epoch: number;
  readonly next: number;
  readonly seq: number;
  readonly size: number;
  readonly id: number;
  readonly part: number;
  readonly parts: number;
  readonly cursor: number;
  readonly limit: number;
  readonly result: unknown;
  readonly state: unknown;
}

interface Vectors {
  readonly messages: readonly { name: string; hex: string; items: unknown[] }[];
  readonly said: readonly { message: Control; path: string[]; taken: unknown[]; refused: unknown[] }[];
  readonly invalid: readonly { why: string; pieces: [string, number][] }[];
  readonly checked: readonly { n: number; hex: string; sealed: string }[];
  readonly stream: { epoch: number; frames: { seq: number; flags: number; hex: string; events?: unknown[] }[] };
  readonly logs: readonly {
    name: string;
    window_ms: number;
    window_bytes: number;
    cursors: number;
    steps: readonly Step[];
  }[];
  readonly close_codes: Record<string, number>;
}

const vectors = JSON.parse(
  readFileSync(new URL("../../tests/vectors.json", import.meta.url), "utf8"),
) as unknown as Vectors;

const bytes = (hex: string): Bytes => Uint8Array.from(Buffer.from(hex, "hex"));

/** A decoded item as it stands in the file. */
function stored(item: Item): unknown {
  if (isControl(item)) return plain(item);
  if (item.kind === FRAME) return plain([FRAME, item.epoch, item.seq, item.flags, item.data]);
  if (item.kind === PART) return plain([PART, item.epoch, item.seq, item.id, item.part, item.parts, item.data]);
  return plain([VOLATILE, item.party, item.name, ...item.values]);
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

/** The message with the field at `path` changed: `[text, times]` is a text so often, "left out" no field at all. */
function changed<Message extends object>(message: Message, path: readonly string[], value: unknown): Message {
  const [name, ...rest] = path as [keyof Message, ...string[]];
  if (rest.length > 0) return { ...message, [name]: changed(message[name] as object, rest, value) };
  if (value === "left out") {
    const { [name]: _, ...kept } = message;
    return kept as Message;
  }
  const isText = Array.isArray(value) && typeof value[1] === "number";
  return { ...message, [name]: isText ? (value[0] as string).repeat(value[1]) : value };
}

describe("messages", () => {
  it.each(vectors.messages)("decodes $name", ({ hex, items }) => {
    expect(decode(bytes(hex)).map(stored)).toEqual(items);
  });

  it.each(vectors.messages)("encodes the records of $name so that they come out the same", ({ hex }) => {
    for (const item of decode(bytes(hex)))
      if (!isControl(item)) expect(decode(encodeRecord(item)).map(stored)).toEqual([stored(item)]);
  });

  it.each(vectors.invalid)("refuses $why", ({ pieces }) => {
    const whole = Buffer.concat(pieces.flatMap(([hex, times]) => Array<Buffer>(times).fill(Buffer.from(hex, "hex"))));
    expect(() => decode(Uint8Array.from(whole))).toThrow(InvalidMessage);
  });

  it.each(vectors.said)("takes a $message.type with another $path as the server does", (vector) => {
    const { message, path, taken, refused } = vector;
    for (const value of taken) expect(() => direct(changed(message, path, value)), String(value)).not.toThrow();
    for (const value of refused)
      expect(() => direct(changed(message, path, value)), String(value)).toThrow(InvalidMessage);
  });

  it.each(vectors.checked)("seals and opens message $n of $hex", ({ n, hex, sealed: whole }) => {
    expect(Buffer.from(sealed(bytes(hex), n)).toString("hex")).toBe(whole);
    expect(opened(bytes(whole), n)).toEqual(bytes(hex));
    expect(opened(bytes(whole), n + 1)).toBeNull();
  });

  it("has the same close codes", () => {
    expect(CloseCode).toEqual(vectors.close_codes);
  });
});

describe("the stream", () => {
  const { epoch } = vectors.stream;
  const frames = vectors.stream.frames.map(
    ({ seq, flags, hex, events }): { frame: Frame; events: unknown[] | undefined } => ({
      frame: { kind: FRAME, epoch, seq, flags, data: bytes(hex) },
      events,
    }),
  );
  const full = frames.findIndex(({ frame }) => (frame.flags & FULL) !== 0);

  it.each([
    ["from the start", -1],
    ["by a fresh inflater from the full flush", full],
  ])("is read %s", (_, after) => {
    expect(full).toBeGreaterThan(0);
    const reader = new Reader();
    for (const part of checkpointParts(epoch, after, 0, [null])) reader.takePart(part);
    for (const { frame, events } of frames.slice(after + 1)) {
      const taken = reader.take(frame);
      expect(taken).toEqual((frame.flags & END) !== 0 ? { events } : "held");
    }
    expect(reader.seq).toBe(frames.length - 1);
  });

  it("decodes as MessagePack", () => {
    const all = frames.flatMap(({ events }) => events ?? []);
    expect(all.length).toBeGreaterThan(20);
  });
});

describe("log schedules", () => {
  it.each(vectors.logs)("$name", ({ window_ms, window_bytes, cursors, steps }) => {
    const log = new Log(window_ms, window_bytes);
    const readers = Array.from({ length: cursors }, () => new Cursor(log));
    steps.forEach((step, index) => {
      const where = `step ${index}: ${JSON.stringify(step)}`;
      expect(play(log, readers, step), where).toEqual(step.result);
      expect(observed(log, readers, step.now), where).toEqual(step.state);
    });
  });
});

function play(log: Log, readers: readonly Cursor[], step: Step): unknown {
  const { op, now, epoch, seq, size, id, part, parts } = step;
  const reader = readers[step.cursor];
  switch (op) {
    case "begin":
      log.begin(epoch, step.next);
      return null;
    case "append":
      return log.append({ kind: FRAME, epoch, seq, flags: END, data: new Uint8Array(size) }, now);
    case "add_part":
      return log.addPart({ kind: PART, epoch, seq, id, part, parts, data: new Uint8Array(size) }, now);
    case "trim":
      log.trim(now);
      return null;
    case "join":
      reader?.join();
      return null;
    case "resume":
      return reader?.resume(epoch, seq);
    case "take":
      return reader
        ?.take(step.limit, now)
        .map((item) => (item.kind === FRAME ? [FRAME, item.seq] : [PART, item.id, item.part]));
  }
}

function observed(log: Log, readers: readonly Cursor[], now: number): unknown {
  const held = log.checkpoint;
  return [
    [log.epoch, log.first, log.next, log.size],
    held && [held.id, held.seq, held.total, held.parts.length, held.size, log.since(held.seq)],
    log.usable(now)?.id ?? null,
    readers.map(({ epoch, next, waiting, lost }) => [epoch, next, Number(waiting), Number(lost)]),
  ];
}
