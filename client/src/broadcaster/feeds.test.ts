/** How the log leaves the broadcaster: what the server asks for is what it gets, and nobody in step is held up. */
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Transport } from "../link/transport";
import { CHECKPOINT_EVERY_MS, Log } from "../log";
import type { Demand } from "../protocol.gen";
import {
  type Bytes,
  decode,
  END,
  FRAME,
  type Frame,
  type Item,
  isControl,
  MAX_MESSAGE,
  PART,
  type Part,
} from "../records";
import { DirectFeed, Pump, RelayFeed } from "./feeds";
import type { Recorder } from "./recorder";

let now = 0;

beforeEach(() => {
  now = 10_000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

/** Stands for the recorder: a log, and checkpoints that are made when it is told to. */
class FakeRecorder {
  readonly log: Log;
  due = false;
  private checkpoints = 0;

  constructor(
    windowBytes = 1_000_000,
    readonly parts = 3,
  ) {
    this.log = new Log(1e12, windowBytes);
    this.begin(1);
  }

  begin(epoch: number): void {
    this.log.begin(epoch);
    this.seal();
  }

  wantCheckpoint(): void {
    this.due ||= this.log.usable(now) === null;
  }

  write(count = 1, size = 10): void {
    const { epoch } = this.log;
    for (let index = 0; index < count; index++)
      this.log.append({ kind: FRAME, epoch, seq: this.log.next, flags: END, data: new Uint8Array(size) }, now);
  }

  /** A checkpoint at the head, in a task of its own. */
  cut(): void {
    this.due = false;
    this.write();
    this.seal();
  }

  private seal(): void {
    const { epoch, next } = this.log;
    const { parts } = this;
    for (let part = 0; part < parts; part++)
      this.log.addPart(
        { kind: PART, epoch, seq: next - 1, id: this.checkpoints, part, parts, data: new Uint8Array(100) },
        now,
      );
    this.checkpoints += 1;
  }
}

const asRecorder = (fake: FakeRecorder) => fake as unknown as Recorder;
const demand = (what: Partial<Demand> = {}): Demand => ({
  type: "demand",
  frames: true,
  after: null,
  checkpoint: false,
  earlier: false,
  ...what,
});
const after = (seq: number, epoch = 1) => ({ after: { epoch, seq } });

/** `f4` is frame 4; `p-1:0` is part 0 of the checkpoint after frame -1. */
function names(pieces: readonly Bytes[]): string[] {
  return pieces.flatMap((piece) => decode(piece)).map(nameOf);
}

function nameOf(item: Item): string {
  if (isControl(item)) return `${item.type} ${String(item.reason ?? "")}`.trim();
  if (item.kind === FRAME) return `f${item.seq}`;
  return item.kind === PART ? `p${item.seq}:${item.part}` : item.name;
}

/** All that there is to take, `limit` bytes at a time. */
function drain(feed: { take(limit: number): Bytes[] }, limit = 100_000): string[] {
  const all: string[] = [];
  for (let pieces = feed.take(limit); pieces.length > 0; pieces = feed.take(limit)) all.push(...names(pieces));
  return all;
}

describe("RelayFeed", () => {
  it("sends nothing until it is asked for, and nothing when it no longer is", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(3);
    expect(drain(feed)).toEqual([]);
    feed.demand(demand(after(-1)));
    expect(drain(feed)).toEqual(["f0", "f1", "f2"]);
    feed.demand(demand({ frames: false }));
    recorder.write(2);
    expect(drain(feed)).toEqual([]);
    feed.demand(demand(after(2)));
    expect(drain(feed)).toEqual(["f3", "f4"]);
  });

  it("sends nothing before the recorder has begun", () => {
    const recorder = new FakeRecorder();
    recorder.log.begin(0);
    const feed = new RelayFeed(asRecorder(recorder));
    feed.demand(demand({ checkpoint: true }));
    expect(drain(feed)).toEqual([]);
    expect(recorder.due).toBe(false);
  });

  it("sends the checkpoint, and the frames after it, to one that stands nowhere", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(2);
    feed.demand(demand({ checkpoint: true }));
    const sent = drain(feed, 1);
    expect(sent.filter((name) => name.startsWith("f"))).toEqual(["f0", "f1"]);
    expect(sent.filter((name) => name.startsWith("p"))).toEqual(["p-1:0", "p-1:1", "p-1:2"]);
    expect(sent.indexOf("p-1:0")).toBeLessThan(sent.indexOf("f0"));
  });

  it("sends the first part before the frames after it, and the frames before the other parts", () => {
    const recorder = new FakeRecorder(1_000_000, 4);
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(3);
    feed.demand(demand(after(-1)));
    expect(names(feed.take(150))).toEqual(["f0", "f1", "f2"]);
    recorder.cut();
    recorder.write(2);
    feed.demand(demand({ checkpoint: true }));
    expect(names(feed.take(1))).toEqual(["f3"]);
    expect(names(feed.take(1))).toEqual(["p3:0"]);
    expect(names(feed.take(1))).toEqual(["f4"]);
    expect(names(feed.take(1))).toEqual(["f5"]);
    expect(names(feed.take(1))).toEqual(["p3:1"]);
    recorder.write(1);
    expect(names(feed.take(1))).toEqual(["f6"]);
    expect(names(feed.take(1))).toEqual(["p3:2"]);
    expect(drain(feed)).toEqual(["p3:3"]);
  });

  it("leaves room for frames that wait, though a part would fit", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    feed.demand(demand({ checkpoint: true }));
    expect(names(feed.take(1))).toEqual(["p-1:0"]);
    recorder.write(2, 200);
    expect(names(feed.take(400))).toEqual(["f0"]);
    expect(names(feed.take(400))).toEqual(["f1", "p-1:1"]);
  });

  it("does not send a frame twice unless it is sent back", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(4);
    feed.demand(demand(after(-1)));
    expect(drain(feed)).toEqual(["f0", "f1", "f2", "f3"]);
    feed.demand(demand({ checkpoint: true }));
    expect(drain(feed)).toEqual(["p-1:0", "p-1:1", "p-1:2"]);
    feed.demand(demand());
    expect(drain(feed)).toEqual([]);
    feed.demand(demand(after(1)));
    expect(drain(feed)).toEqual(["f2", "f3"]);
  });

  it("begins up to 32 KiB earlier where that is of use, as far as its log goes back", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(40, 4_096);
    feed.demand(demand({ ...after(30), earlier: true }));
    expect(drain(feed)).toEqual(Array.from({ length: 17 }, (_, n) => `f${n + 23}`));
    feed.demand(demand({ ...after(2), earlier: true }));
    expect(drain(feed)[0]).toBe("f0");
    feed.demand(demand({ ...after(-1), earlier: true }));
    expect(drain(feed)[0]).toBe("f0");
  });

  it("does not begin a checkpoint that is on its way anew when it is asked for again", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    feed.demand(demand({ checkpoint: true }));
    expect(names(feed.take(1))).toEqual(["p-1:0"]);
    feed.demand(demand({ checkpoint: true }));
    feed.demand(demand());
    expect(drain(feed, 1)).toEqual(["p-1:1", "p-1:2"]);
  });

  it("restarts at a checkpoint when the position is gone", () => {
    const recorder = new FakeRecorder(100);
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(30);
    feed.demand(demand(after(3)));
    expect(drain(feed)).toEqual([]);
    expect(recorder.due).toBe(true);
    recorder.cut();
    recorder.write(1);
    const sent = drain(feed);
    expect(sent[0]).toBe("p30:0");
    expect(sent).toContain("f31");
    expect(sent).toHaveLength(4);
  });

  it("restarts at a checkpoint when it falls off its own log", () => {
    const recorder = new FakeRecorder(100);
    const feed = new RelayFeed(asRecorder(recorder));
    feed.demand(demand(after(-1)));
    recorder.write(2);
    expect(drain(feed)).toEqual(["f0", "f1"]);
    recorder.write(30);
    expect(drain(feed)).toEqual([]);
    recorder.cut();
    expect(drain(feed)[0]).toBe("p32:0");
  });

  it.each([
    ["another epoch", after(-1, 7)],
    ["a place ahead", after(99)],
  ])("restarts at a checkpoint for %s", (_, place) => {
    const feed = new RelayFeed(asRecorder(new FakeRecorder()));
    feed.demand(demand(place));
    expect(drain(feed)).toEqual(["p-1:0", "p-1:1", "p-1:2"]);
  });

  it("starts over with a new epoch", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(5);
    feed.demand(demand(after(-1)));
    drain(feed);
    recorder.begin(2);
    recorder.write(1);
    expect(drain(feed, 1)).toEqual(["p-1:0", "f0", "p-1:1", "p-1:2"]);
  });

  it("has a checkpoint made when there is none to join from", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(40, 1_000);
    now += CHECKPOINT_EVERY_MS;
    feed.demand(demand({ checkpoint: true, ...after(39) }));
    expect(drain(feed)).toEqual([]);
    expect(recorder.due).toBe(true);
    recorder.cut();
    expect(drain(feed)).toEqual(["f40", "p40:0", "p40:1", "p40:2"]);
  });

  it("begins with another checkpoint when it is asked for one, and the one on its way has left the log", () => {
    const recorder = new FakeRecorder(10_000);
    const feed = new RelayFeed(asRecorder(recorder));
    feed.demand(demand({ checkpoint: true }));
    expect(names(feed.take(1))).toEqual(["p-1:0"]);
    for (let count = 0; count < 3; count++) {
      recorder.write(1, 5_000);
      feed.take(1);
    }
    feed.demand(demand({ checkpoint: true }));
    expect(drain(feed)).toEqual([]);
    expect(recorder.due).toBe(true);
    recorder.cut();
    expect(drain(feed)).toEqual(["f3", "p3:0", "p3:1", "p3:2"]);
  });

  it("forgets what was wanted with the connection", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    feed.demand(demand(after(-1)));
    feed.begin();
    recorder.write(2);
    expect(drain(feed)).toEqual([]);
  });

  it("never hands over more than was asked for, but for a first item", () => {
    const recorder = new FakeRecorder();
    const feed = new RelayFeed(asRecorder(recorder));
    recorder.write(50, 100);
    feed.demand(demand({ checkpoint: true, ...after(-1) }));
    for (let pieces = feed.take(1_000); pieces.length > 0; pieces = feed.take(1_000))
      expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(1_000);
  });

  it("encodes a record once, for whoever reads", () => {
    const recorder = new FakeRecorder();
    recorder.write(1);
    const pieces = [1, 2].map(() => {
      const feed = new RelayFeed(asRecorder(recorder));
      feed.demand(demand(after(-1)));
      return feed.take(100)[0];
    });
    expect(pieces[0]).toBe(pieces[1]);
  });
});

// Against the rules of the server's log -----------------------------------------------------------------------

/** The server's log: it says where it stands, whenever it began anew or a frame is ahead of it. */
class ServerModel {
  readonly log: Log;
  private placed = false;
  joining = false;

  constructor(
    private readonly feed: RelayFeed,
    windowBytes: number,
  ) {
    this.log = new Log(1e12, windowBytes);
    this.log.begin(1);
  }

  begin(epoch: number): void {
    this.log.begin(epoch);
    this.placed = false;
    this.feed.begin();
    this.say();
  }

  place(seq: number): void {
    this.log.begin(this.log.epoch, seq + 1);
    this.placed = true;
    this.say(true);
  }

  /** What it needs now. What has come of a checkpoint is given up: the broadcaster begins anew. */
  say(earlier = false): void {
    const { log } = this;
    if (log.checkpoint && !log.checkpoint.complete) log.checkpoint = null;
    const position = this.placed ? { epoch: log.epoch, seq: log.next - 1 } : null;
    this.feed.demand(demand({ after: position, checkpoint: this.joining && !log.usable(now), earlier }));
  }

  join(): void {
    this.joining = true;
    if (!this.log.usable(now)) this.feed.demand(demand({ checkpoint: true }));
  }

  stop(): void {
    this.joining = false;
    this.feed.demand(demand({ frames: false }));
  }

  receive(item: Frame | Part): void {
    const { log } = this;
    if (item.kind === FRAME) {
      if (item.epoch !== log.epoch || !this.placed) return;
      if (item.seq < log.next && log.next === log.first && !log.checkpoint) log.begin(log.epoch, item.seq);
      if (!log.append(item, now) && item.seq > log.next) this.say();
      return;
    }
    const before = log.next;
    if (!log.addPart(item, now)) return;
    const moved = this.placed && log.next !== before;
    this.placed = true;
    if (moved) this.say();
  }
}

type Operation =
  | { op: "write"; count: number; size: number }
  | { op: "wait"; ms: number }
  | { op: "place"; back: number }
  | { op: "pump"; limit: number; turns: number }
  | { op: "cut" | "join" | "stop" | "say" | "reconnect" | "epoch" };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("write" as const),
      count: fc.integer({ min: 1, max: 8 }),
      size: fc.constantFrom(1, 400, 6_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.constantFrom(1, 500, 2_500) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("place" as const), back: fc.integer({ min: -3, max: 20 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant("pump" as const),
      limit: fc.constantFrom(1, 300, 20_000),
      turns: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "cut" as const,
        "join" as const,
        "join" as const,
        "stop" as const,
        "say" as const,
        "reconnect" as const,
        "epoch" as const,
      ),
    }),
  },
);

describe("RelayFeed and the server's log", () => {
  it("come together whatever was demanded before, and no frame is sent twice unasked", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60, size: "max" }),
        fc.constantFrom(1, 3, 9),
        fc.constantFrom(20_000, 100_000),
        (operations, parts, window) => {
          now = 10_000;
          const recorder = new FakeRecorder(window, parts);
          const feed = new RelayFeed(asRecorder(recorder));
          const asked = vi.spyOn(feed, "demand");
          const server = new ServerModel(feed, window);
          const seen = new Set<number>();
          let demands = 0;
          let epoch = 1;
          const pump = (limit: number, turns: number) => {
            for (let turn = 0; turn < turns; turn++) {
              if (asked.mock.calls.slice(demands).some(([{ after, frames }]) => after || !frames)) seen.clear();
              demands = asked.mock.calls.length;
              const pieces = feed.take(limit);
              if (pieces.length === 0) return;
              for (const item of pieces.flatMap((piece) => decode(piece)) as (Frame | Part)[]) {
                if (epoch !== item.epoch) seen.clear();
                epoch = item.epoch;
                if (item.kind === FRAME && seen.has(item.seq)) throw new Error(`frame ${item.seq} twice`);
                if (item.kind === FRAME) seen.add(item.seq);
                server.receive(item);
              }
            }
          };
          server.begin(1);
          for (const step of operations) {
            if (step.op === "write") recorder.write(step.count, step.size);
            else if (step.op === "wait") now += step.ms;
            else if (step.op === "place") server.place(Math.max(-1, recorder.log.next - 1 - step.back));
            else if (step.op === "pump") pump(step.limit, step.turns);
            else if (step.op === "cut" && recorder.due) recorder.cut();
            else if (step.op === "join") server.join();
            else if (step.op === "stop") server.stop();
            else if (step.op === "say") server.say();
            else if (step.op === "reconnect") server.begin(recorder.log.epoch);
            else if (step.op === "epoch") {
              recorder.begin(recorder.log.epoch + 1);
              server.log.begin(recorder.log.epoch);
              server.begin(recorder.log.epoch);
            }
          }
          for (let turn = 0; turn < 8; turn++) {
            now += CHECKPOINT_EVERY_MS;
            server.joining = true;
            server.say();
            pump(50_000, 1_000);
            if (recorder.due) recorder.cut();
            pump(50_000, 1_000);
          }
          expect([server.log.epoch, server.log.next]).toEqual([recorder.log.epoch, recorder.log.next]);
          expect(server.log.usable(now)?.complete).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

// Direct ------------------------------------------------------------------------------------------------------

describe("DirectFeed", () => {
  const subscribe = (id: number, position: { epoch: number; seq: number } | null) =>
    ({ type: "subscribe", id, position }) as const;

  it("goes on from a position, and says so first", () => {
    const recorder = new FakeRecorder();
    recorder.write(4);
    const feed = new DirectFeed(asRecorder(recorder));
    expect(drain(feed)).toEqual([]);
    feed.subscribe(subscribe(1, { epoch: 1, seq: 1 }));
    expect(drain(feed)).toEqual(["resumed", "f2", "f3"]);
    recorder.write(1);
    expect(drain(feed)).toEqual(["f4"]);
  });

  it.each([
    ["join", null],
    ["epoch", { epoch: 9, seq: 1 }],
    ["window", { epoch: 1, seq: 77 }],
  ])("starts over, with the reason %s", (reason, position) => {
    const recorder = new FakeRecorder();
    recorder.write(1);
    const feed = new DirectFeed(asRecorder(recorder));
    feed.subscribe(subscribe(1, position));
    expect(drain(feed)).toEqual([`reset ${reason}`, "p-1:0", "p-1:1", "p-1:2", "f0"]);
  });

  it("resets one that falls off the log, and has a checkpoint made", () => {
    const recorder = new FakeRecorder(100);
    const feed = new DirectFeed(asRecorder(recorder));
    feed.subscribe(subscribe(1, { epoch: 1, seq: -1 }));
    drain(feed);
    recorder.write(30);
    expect(names(feed.take(1_000))).toEqual(["reset window"]);
    expect(recorder.due).toBe(true);
    recorder.cut();
    expect(drain(feed)).toEqual(["p30:0", "p30:1", "p30:2"]);
  });

  it("resets when a new epoch begins", () => {
    const recorder = new FakeRecorder();
    const feed = new DirectFeed(asRecorder(recorder));
    feed.subscribe(subscribe(1, { epoch: 1, seq: -1 }));
    drain(feed);
    recorder.begin(2);
    expect(drain(feed)).toEqual(["reset epoch", "p-1:0", "p-1:1", "p-1:2"]);
  });

  it("stops for the subscription that is meant alone", () => {
    const recorder = new FakeRecorder();
    const feed = new DirectFeed(asRecorder(recorder));
    feed.subscribe(subscribe(1, null));
    feed.subscribe(subscribe(2, { epoch: 1, seq: -1 }));
    feed.unsubscribe({ type: "unsubscribe", id: 1 });
    expect(feed.isFollowing).toBe(true);
    feed.unsubscribe({ type: "unsubscribe", id: 2 });
    recorder.write(1);
    expect([feed.isFollowing, drain(feed).filter((name) => name.startsWith("f"))]).toEqual([false, []]);
  });
});

describe("Pump", () => {
  class FakeTransport implements Transport {
    readonly kind = "websocket";
    isOpen = true;
    bufferedAmount = 0;
    maxMessage = MAX_MESSAGE;
    readonly sent: Bytes[] = [];
    send(message: Bytes): void {
      this.sent.push(message);
      this.bufferedAmount += message.length;
    }
    sendVolatile(): void {}
    close(): void {}
  }

  function pumped(maxMessage: number, frames: number, size: number) {
    const recorder = new FakeRecorder(10_000_000);
    recorder.write(frames, size);
    const feed = new DirectFeed(asRecorder(recorder));
    feed.subscribe({ type: "subscribe", id: 1, position: { epoch: 1, seq: -1 } });
    const transport = new FakeTransport();
    transport.maxMessage = maxMessage;
    return { recorder, transport, pump: new Pump(transport, feed) };
  }

  it("sends what goes out together as one message", () => {
    const { transport, pump } = pumped(MAX_MESSAGE, 20, 10);
    pump.pump();
    expect(transport.sent).toHaveLength(1);
    expect(names(transport.sent)).toHaveLength(21);
    expect(pump.sent).toBe(transport.bufferedAmount);
  });

  it.each([
    [MAX_MESSAGE, 3_000, 5],
    [MAX_MESSAGE, 30, 16_384],
    [16_448, 30, 16_384],
    [16_448, 4_000, 1],
  ])("never makes a message of more than %i bytes", (most, frames, size) => {
    const { transport, pump } = pumped(most, frames, size);
    for (let turn = 0; turn < 100; turn++) {
      pump.pump();
      transport.bufferedAmount = 0;
    }
    expect(Math.max(...transport.sent.map(({ length }) => length))).toBeLessThanOrEqual(most);
    expect(names(transport.sent)).toEqual(["resumed", ...Array.from({ length: frames }, (_, seq) => `f${seq}`)]);
  });

  it("hands over only as much as the transport can carry, and goes on when that has left", () => {
    const { transport, pump } = pumped(MAX_MESSAGE, 100, 16_384);
    pump.pump();
    const first = transport.bufferedAmount;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(262_144 + MAX_MESSAGE);
    pump.pump();
    expect(transport.bufferedAmount).toBe(first);
    transport.bufferedAmount = 0;
    pump.pump();
    expect(transport.bufferedAmount).toBeGreaterThan(0);
  });

  it("takes nothing for a transport that is closed", () => {
    const { transport, pump } = pumped(MAX_MESSAGE, 5, 10);
    transport.isOpen = false;
    pump.pump();
    transport.isOpen = true;
    pump.pump();
    expect(names(transport.sent)).toHaveLength(6);
  });
});
