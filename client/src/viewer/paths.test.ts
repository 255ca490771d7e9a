/** Two roads at random, with a real reader, log and cursors: never a gap, and always one path that delivers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkpointParts, Writer } from "../broadcaster/writer";
import { Cursor, Log } from "../log";
import type { Position, Subscribe, Unsubscribe } from "../protocol.gen";
import { FRAME, type Frame, type Part } from "../records";
import { type Command, type Path, Paths } from "./paths";
import { Reader } from "./reader";

type Down = Frame | Part | { type: "resumed" | "reset"; id: number };
type Up = Subscribe | Unsubscribe;

/** The other end of a path: it answers subscriptions, and reads the log for the current one. */
class End {
  isOpen = false;
  readonly up: Up[] = [];
  readonly down: Down[] = [];
  private subscription: { id: number; cursor: Cursor } | null = null;

  constructor(private readonly log: Log) {}

  open(): void {
    this.isOpen = true;
    this.up.length = this.down.length = 0;
    this.subscription = null;
  }

  receive(): void {
    const message = this.up.shift();
    if (!message) return;
    if (message.type === "unsubscribe") {
      if (this.subscription?.id === message.id) this.subscription = null;
      return;
    }
    const { id, position } = message;
    const cursor = new Cursor(this.log);
    this.subscription = { id, cursor };
    const resumed =
      position?.epoch === this.log.epoch &&
      this.log.covers(position.seq) &&
      cursor.resume(position.epoch, position.seq);
    this.down.push({ type: resumed ? "resumed" : "reset", id });
  }

  pump(limit: number): void {
    if (!this.subscription) return;
    const { id, cursor } = this.subscription;
    if (cursor.lost) {
      cursor.join();
      this.down.push({ type: "reset", id });
    }
    this.down.push(...cursor.take(limit, 0));
  }
}

/** The broadcaster's log, two roads, and a viewer that reads as `viewer.ts` does. */
class World {
  readonly log = new Log(1e12, 2_000);
  writer = new Writer(1);
  written = 0;
  firstOfEpoch = 0;
  readonly ends: Record<Path, End> = { relay: new End(this.log), direct: new End(this.log) };
  readonly reader = new Reader();
  readonly paths: Paths;
  /** What the viewer's page shows: the numbers of the events that it was given. */
  shown = -1;
  resets = 0;

  constructor(policy: "auto" | Path) {
    this.paths = new Paths(policy);
    this.begin(1);
  }

  begin(epoch: number): void {
    this.log.begin(epoch);
    this.writer = new Writer(epoch);
    this.checkpoint();
  }

  checkpoint(): void {
    for (const frame of this.writer.cut()) this.log.append(frame, 0);
    const id = (this.log.checkpoint?.id ?? 0) + 1;
    for (const part of checkpointParts(this.log.epoch, this.writer.seq, id, [this.written - 1]))
      this.log.addPart(part, 0);
  }

  write(count: number): void {
    for (let index = 0; index < count; index++) {
      for (const frame of this.writer.write([this.written])) this.log.append(frame, 0);
      this.written += 1;
    }
    if (!this.log.checkpoint) this.checkpoint();
  }

  run(commands: readonly Command[]): void {
    for (const { path, message } of commands) if (this.ends[path].isOpen) this.ends[path].up.push(message);
  }

  open(path: Path): void {
    if (this.ends[path].isOpen) return;
    this.ends[path].open();
    this.run(this.paths.opened(path, this.reader.position));
  }

  close(path: Path): void {
    if (!this.ends[path].isOpen) return;
    this.ends[path].isOpen = false;
    this.run(this.paths.closed(path, this.reader.position));
  }

  deliver(path: Path, keep: boolean): void {
    const end = this.ends[path];
    const item = keep ? end.down[0] : end.down.shift();
    if (!item || !end.isOpen) return;
    if ("type" in item) {
      const before = this.paths.active;
      if (item.type === "resumed") this.run(this.paths.resumed(path, item.id));
      else {
        const { taken, commands } = this.paths.reset(path, item.id);
        this.run(commands);
        if (taken) {
          if (before !== null && before !== path) throw new Error(`reset by ${path} while ${before} delivers`);
          this.reader.reset();
          this.resets += 1;
        }
      }
      return;
    }
    if (!this.paths.accepts(path)) return;
    if (item.kind === FRAME) {
      const taken = this.reader.take(item);
      if (taken === "gap") this.run(this.paths.gap(path, this.reader.position));
      else if (typeof taken === "object") {
        this.paths.delivered();
        for (const event of taken.events) {
          if (event !== this.shown + 1) throw new Error(`event ${event} after ${this.shown}`);
          this.shown += 1;
        }
      }
    } else {
      const restored = this.reader.takePart(item);
      if (restored) {
        this.paths.started();
        this.shown = restored.state as number;
      }
    }
  }

  /** False when nothing was under way. */
  private flow(): boolean {
    let flowed = false;
    for (const each of ["relay", "direct"] as const) {
      const end = this.ends[each];
      flowed ||= end.up.length > 0;
      end.receive();
      end.pump(4_000);
      flowed ||= end.down.length > 0;
      for (let count = end.down.length; count > 0; count--) this.deliver(each, false);
    }
    return flowed;
  }

  /** Both roads are well: everything flows. */
  heal(): void {
    for (const path of ["relay", "direct"] as const) {
      this.open(path);
      for (let turn = 0; turn < 100 && this.flow(); turn++);
    }
  }
}

type Operation =
  | { op: "write"; count: number }
  | { op: "checkpoint" | "epoch" }
  | { op: "open" | "close" | "receive"; path: Path }
  | { op: "pump"; path: Path; limit: number }
  | { op: "deliver"; path: Path; count: number; twice: boolean }
  | { op: "lose"; path: Path; count: number };

const path = fc.constantFrom<Path>("relay", "direct");
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("write" as const), count: fc.constantFrom(1, 3, 20, 150) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom("checkpoint" as const, "epoch" as const) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("open" as const), path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("close" as const), path }) },
  { weight: 8, arbitrary: fc.record({ op: fc.constant("receive" as const), path }) },
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant("pump" as const), path, limit: fc.constantFrom(1, 100, 9_000) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant("deliver" as const),
      path,
      count: fc.integer({ min: 1, max: 20 }),
      twice: fc.boolean(),
    }),
  },
);
/** A path that closes loses what is on its way; a broken one loses some of it and goes on: the reader must notice. */
const broken: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 12, arbitrary: operation },
  fc.record({ op: fc.constant("lose" as const), path, count: fc.integer({ min: 1, max: 4 }) }),
);

function run(world: World, step: Operation): void {
  switch (step.op) {
    case "write":
      world.write(step.count);
      break;
    case "checkpoint":
      world.checkpoint();
      break;
    case "epoch":
      world.begin(world.log.epoch + 1);
      break;
    case "open":
      world.open(step.path);
      break;
    case "close":
      world.close(step.path);
      break;
    case "receive":
      world.ends[step.path].receive();
      break;
    case "pump":
      world.ends[step.path].pump(step.limit);
      break;
    case "deliver":
      for (let count = 0; count < step.count; count++) world.deliver(step.path, step.twice && count % 2 === 0);
      break;
    case "lose": {
      const { down } = world.ends[step.path];
      const kept = down.filter((item, index) => "type" in item || index >= step.count);
      down.splice(0, down.length, ...kept);
    }
  }
}

function live(world: World): void {
  expect(world.reader.starting).toBe(false);
  expect(world.shown).toBe(world.written - 1);
  expect(world.reader.position).toEqual({ epoch: world.log.epoch, seq: world.log.next - 1 });
}

describe("Paths, with a reader between two roads", () => {
  it("shows every event once and in order, and is live when the roads are well", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80, size: "max" }), (operations) => {
        const world = new World("auto");
        for (const step of operations) run(world, step);
        world.heal();
        live(world);
        expect(world.paths.active).not.toBeNull();
      }),
      { numRuns: 250 },
    );
  });

  it("never shows a gap on a road that loses, and asks for what is missing", () => {
    fc.assert(
      fc.property(fc.array(broken, { maxLength: 80, size: "max" }), (operations) => {
        const world = new World("auto");
        for (const step of operations) run(world, step);
        for (const path of ["relay", "direct"] as const) world.close(path);
        world.heal();
        live(world);
      }),
      { numRuns: 250 },
    );
  });

  it("goes on after a loss in the middle, without the road being closed", () => {
    const world = new World("relay");
    world.open("relay");
    world.heal();
    world.write(3);
    world.ends.relay.pump(9_000);
    world.ends.relay.down.shift();
    world.heal();
    live(world);
    expect(world.resets).toBe(1);
  });

  it("does not reset when it changes to direct and back", () => {
    const world = new World("auto");
    world.heal();
    expect([world.paths.active, world.resets]).toEqual(["direct", 1]);
    world.write(5);
    world.ends.direct.pump(9_000);
    world.close("direct");
    world.write(5);
    for (let turn = 0; turn < 20; turn++) {
      world.ends.relay.receive();
      world.ends.relay.pump(9_000);
      world.deliver("relay", false);
    }
    expect([world.paths.active, world.resets, world.shown]).toEqual(["relay", 1, 9]);
    world.heal();
    live(world);
    expect([world.paths.active, world.resets]).toEqual(["direct", 1]);
  });
});

describe("Paths", () => {
  const at = (seq: number): Position => ({ epoch: 1, seq });
  const subscribe = (path: Path, id: number, position: Position | null): Command => ({
    path,
    message: { type: "subscribe", id, position },
  });
  const unsubscribe = (path: Path, id: number): Command => ({ path, message: { type: "unsubscribe", id } });

  /** Live on the relay, by subscription 1. */
  function onRelay(): Paths {
    const paths = new Paths("auto");
    expect(paths.opened("relay", null)).toEqual([subscribe("relay", 1, null)]);
    expect(paths.reset("relay", 1)).toEqual({ taken: true, commands: [] });
    paths.started();
    return paths;
  }

  it("leaves the relay only once direct goes on from its position", () => {
    const paths = onRelay();
    expect(paths.opened("direct", at(5))).toEqual([subscribe("direct", 2, at(5))]);
    expect([paths.active, paths.accepts("relay"), paths.accepts("direct")]).toEqual(["relay", true, false]);
    expect(paths.resumed("direct", 2)).toEqual([unsubscribe("relay", 1)]);
    expect([paths.active, paths.accepts("relay"), paths.accepts("direct")]).toEqual(["direct", false, true]);
  });

  it("gives direct up when that would reset while the relay delivers", () => {
    const paths = onRelay();
    paths.opened("direct", at(5));
    expect(paths.reset("direct", 2)).toEqual({ taken: false, commands: [unsubscribe("direct", 2)] });
    expect(paths.active).toBe("relay");
  });

  it("stays with the path that a checkpoint is awaited on when the other could have gone on", () => {
    const paths = onRelay();
    paths.opened("direct", at(5));
    expect(paths.reset("relay", 1).taken).toBe(true);
    expect(paths.resumed("direct", 2)).not.toContainEqual(unsubscribe("relay", 1));
    expect([paths.accepts("relay"), paths.accepts("direct")]).toEqual([true, false]);
    paths.started();
    expect(paths.active).toBe("relay");
  });

  it("asks the relay from its position when direct is gone", () => {
    const paths = onRelay();
    paths.opened("direct", at(5));
    paths.resumed("direct", 2);
    expect(paths.closed("direct", at(9))).toEqual([subscribe("relay", 3, at(9))]);
    expect(paths.active).toBeNull();
    paths.resumed("relay", 3);
    expect(paths.active).toBe("relay");
  });

  it("goes on with the relay when direct closes before it has answered", () => {
    const paths = onRelay();
    paths.opened("direct", at(5));
    expect(paths.closed("direct", at(6))).toEqual([]);
    expect(paths.active).toBe("relay");
  });

  it("asks the relay anew when direct closes in the middle of the checkpoint that it began with", () => {
    const paths = onRelay();
    paths.opened("direct", at(5));
    paths.resumed("direct", 2);
    paths.closed("direct", at(9));
    expect(paths.opened("direct", at(9))).toEqual([subscribe("direct", 4, at(9))]);
    expect(paths.reset("direct", 4).taken).toBe(true);
    expect(paths.closed("direct", null)).toEqual([subscribe("relay", 5, null)]);
    expect([paths.resumed("relay", 3), paths.accepts("relay")]).toEqual([[], false]);
  });

  it("ignores stragglers of an earlier subscription", () => {
    const paths = onRelay();
    paths.closed("relay", at(3));
    paths.opened("relay", at(3));
    expect(paths.resumed("relay", 1)).toEqual([]);
    expect(paths.reset("relay", 1)).toEqual({ taken: false, commands: [] });
    expect(paths.accepts("relay")).toBe(false);
    paths.resumed("relay", 2);
    expect(paths.accepts("relay")).toBe(true);
  });

  it("asks once for a gap, and then starts over", () => {
    const paths = onRelay();
    expect(paths.gap("relay", at(3))).toEqual([subscribe("relay", 2, at(3))]);
    paths.resumed("relay", 2);
    expect(paths.gap("relay", at(3))).toEqual([subscribe("relay", 3, null)]);
  });

  it("asks again once something was delivered between", () => {
    const paths = onRelay();
    paths.gap("relay", at(3));
    paths.resumed("relay", 2);
    paths.delivered();
    expect(paths.gap("relay", at(7))).toEqual([subscribe("relay", 3, at(7))]);
  });

  it("starts over on the path that delivers when the log is unreadable", () => {
    const paths = onRelay();
    expect(paths.unreadable()).toEqual([subscribe("relay", 2, null)]);
    expect(new Paths("auto").unreadable()).toEqual([]);
  });

  it("never reads by the relay when only direct is allowed, nor direct when only the relay is", () => {
    const direct = new Paths("direct");
    expect(direct.opened("relay", null)).toEqual([]);
    expect(direct.opened("direct", null)).toEqual([subscribe("direct", 1, null)]);
    direct.reset("direct", 1);
    expect(direct.closed("direct", at(4))).toEqual([]);
    const relay = new Paths("relay");
    expect(relay.opened("direct", null)).toEqual([]);
    expect(relay.opened("relay", null)).toEqual([subscribe("relay", 1, null)]);
  });

  it("does not read by the relay while direct delivers", () => {
    const paths = new Paths("auto");
    paths.opened("direct", null);
    paths.reset("direct", 1);
    expect(paths.opened("relay", at(3))).toEqual([]);
  });

  it("takes a checkpoint from the path that has one on its way alone", () => {
    const paths = new Paths("auto");
    paths.opened("relay", null);
    paths.opened("direct", null);
    expect(paths.reset("direct", 2).taken).toBe(true);
    expect(paths.reset("relay", 1)).toEqual({ taken: false, commands: [unsubscribe("relay", 1)] });
    expect([paths.accepts("direct"), paths.accepts("relay")]).toEqual([true, false]);
  });
});
