/**
 * Every viewer shows every event once and in order, whatever the roads do, and is live again once they are well.
 *
 * The model of `model/world.ts`, at random; and the same with a rule broken on purpose, which it must find. The other
 * half, with the server's own core, is in `tests/test_model.py`.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DirectFeed, RelayFeed } from "./broadcaster/feeds";
import { Cursor, Log } from "./log";
import { OWN, Wrong } from "./model/viewer";
import { Visitor } from "./model/visitor";
import { type Parts, World } from "./model/world";
import type { Demand, Position, Subscribe } from "./protocol.gen";
import type { Frame } from "./records";
import { type Command, type Path, Paths } from "./viewer/paths";
import { Reader, type Taken } from "./viewer/reader";

// Frames and parts are small, so that batches and checkpoints are of several.
vi.mock("./records", async (original) => ({ ...(await original<typeof import("./records")>()), MAX_FRAME: 200 }));

/** Of the model in TypeScript; that in Python takes as many (`tests/test_model.py`). */
const STEPS = 600_000;
const STEPS_A_WORLD = 3_000;
const FIRST_SEED = Number(process.env.COBROWSE_MODEL_SEED ?? 0);

const clock = { now: 0 };

beforeEach(() => vi.stubGlobal("performance", { now: () => clock.now }));
afterEach(() => vi.unstubAllGlobals());

describe("The model", () => {
  it(`loses, repeats and reorders nothing, and everybody is live again, for ${STEPS} steps`, {
    timeout: 500_000,
  }, () => {
    let steps = 0;
    let worlds = 0;
    for (; steps < STEPS; worlds++) steps += new World(FIRST_SEED + worlds, clock).run(STEPS_A_WORLD);
    console.log(`${steps} steps in ${worlds} worlds`);
    expect(steps).toBeGreaterThanOrEqual(STEPS);
  });

  it("is the same each time", () => {
    const worlds = [7, 7].map((seed) => new World(seed, clock));
    for (const world of worlds) world.run(STEPS_A_WORLD);
    const [one, other] = worlds.map(({ last, visitor, viewers }) => [
      last,
      visitor.happened,
      viewers.map((v) => v.shown),
    ]);
    expect(one).toEqual(other);
  });

  it("says what is needed to see it again", () => {
    expect(() => new World(0, clock, { kinds: { ...OWN, Reader: Repeats } }).run(STEPS)).toThrow(
      /World\(0\)\.run\(\d+\) fails at step \d+, after[\s\S]* (viewerHears|v\d hears)/,
    );
  });
});

// Rules broken on purpose --------------------------------------------------------------------------------------------

class JumpsGaps extends Reader {
  override take(frame: Frame): Taken {
    const taken = super.take(frame);
    return taken === "gap" ? takenAt(this, frame) : taken;
  }
}

class Repeats extends Reader {
  override take(frame: Frame): Taken {
    const taken = super.take(frame);
    return taken === "duplicate" ? takenAt(this, frame) : taken;
  }
}

function takenAt(reader: Reader, frame: Frame): Taken {
  (reader as unknown as { next: number }).next = frame.seq;
  return Reader.prototype.take.call(reader, frame);
}

class NeverAsks extends Paths {
  override gap(): Command[] {
    return [];
  }
}

class IsResetWhileAnotherDelivers extends Paths {
  override reset(path: Path, id: number) {
    const { taken, commands } = super.reset(path, id);
    return { taken: taken || commands.length > 0, commands };
  }
}

class LeavesTheRelayBeforeItIsAnswered extends Paths {
  override opened(path: Path, position: Position | null): Command[] {
    const commands = super.opened(path, position);
    return path === "direct" ? [...commands, ...this.closed("relay", position)] : commands;
  }
}

/** The snapshot knows of events that the log does not have yet at its position. */
class CutsInABatch extends Visitor {
  override cut(): boolean {
    const { waiting } = this;
    this.waiting = [];
    const isCut = super.cut();
    this.waiting = [...waiting, ...this.waiting];
    return isCut;
  }
}

class LetsOneSlipBetween extends Visitor {
  protected override flushFully(): void {
    super.flushFully();
    this.change();
  }
}

/** A fresh inflater cannot begin there. */
class FlushesByHalf extends Visitor {
  protected override flushFully(): void {
    this.change();
    this.flush();
  }
}

class PlacesItABatchBefore extends Visitor {
  protected override seal(): void {
    this.place(Math.max(this.log.first - 1, this.log.next - 4));
  }
}

class PlacesItAFrameAfter extends Visitor {
  protected override seal(): void {
    const { happened } = this;
    if (this.log.next > 0) {
      this.change();
      this.flush();
    }
    this.place(this.writer.seq, happened);
  }
}

describe("The model finds", () => {
  const restored: (() => void)[] = [];
  afterEach(() => {
    for (const restore of restored.splice(0)) restore();
  });

  /** Put a rule in the place of another until the test's end. */
  function breakRule(of: object, name: string, broken: PropertyDescriptor): PropertyDescriptor {
    const own = Object.getOwnPropertyDescriptor(of, name) as PropertyDescriptor;
    Object.defineProperty(of, name, { ...broken, configurable: true });
    restored.push(() => Object.defineProperty(of, name, own));
    return own;
  }

  const readers = { JumpsGaps, Repeats };
  it.each(Object.entries(readers))("a reader that %s", (_, kind) => finds({ kinds: { ...OWN, Reader: kind } }));

  const paths = { NeverAsks, IsResetWhileAnotherDelivers, LeavesTheRelayBeforeItIsAnswered };
  it.each(Object.entries(paths))("paths of which one %s", (_, kind) => finds({ kinds: { ...OWN, Paths: kind } }));

  const visitors = { CutsInABatch, LetsOneSlipBetween, FlushesByHalf, PlacesItABatchBefore, PlacesItAFrameAfter };
  it.each(Object.entries(visitors))("a visitor that %s", (_, visitor) => finds({ visitor }));

  it("a log that takes frames ahead of the next", () => {
    const own = breakRule(Log.prototype, "append", {
      value(this: Log, frame: Frame, now: number): boolean {
        if (frame.epoch !== this.epoch || frame.seq < this.next) return false;
        this.next = frame.seq;
        return own.value.call(this, frame, now);
      },
    });
    finds();
  });

  it("a log that takes frames again", () => {
    const own = breakRule(Log.prototype, "append", {
      value(this: Log, frame: Frame, now: number): boolean {
        const isHere = frame.epoch === this.epoch && this.first <= frame.seq && frame.seq < this.next;
        return own.value.call(this, isHere ? { ...frame, seq: this.next } : frame, now);
      },
    });
    finds();
  });

  it("a log that keeps all", () => {
    breakRule(Log.prototype, "trim", { value: () => {} });
    finds();
  });

  it("a reader off the log that is not reset", () => {
    breakRule(Cursor.prototype, "lost", {
      get(this: Cursor): boolean {
        if (!this.waiting && this.epoch === this.log.epoch && !this.checkpoint)
          this.next = Math.max(this.next, this.log.first);
        return this.epoch !== this.log.epoch;
      },
    });
    finds();
  });

  it("a page that does not go where the server asks it to", () => {
    const own = breakRule(RelayFeed.prototype, "demand", {
      value(this: RelayFeed, demand: Demand): void {
        own.value.call(this, { ...demand, after: null });
      },
    });
    finds();
  });

  it("a page that says it goes on where it does not", () => {
    const own = breakRule(DirectFeed.prototype, "subscribe", {
      value(this: DirectFeed, { id, position }: Subscribe): void {
        const { log } = (this as unknown as { recorder: { log: Log } }).recorder;
        const from = position && log.next > 0 ? { epoch: log.epoch, seq: log.next - 1 } : null;
        own.value.call(this, { type: "subscribe", id, position: from });
      },
    });
    finds();
  });
});

function finds(parts: Parts = {}): void {
  let steps = 0;
  for (let seed = 0; steps < STEPS; seed++) {
    const world = new World(seed, clock, parts);
    try {
      steps += world.run(STEPS_A_WORLD);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      console.log(`found after ${steps + world.steps} steps: ${error.message.split("\n")[0]}`);
      return;
    }
  }
  expect.fail(`not found in ${steps} steps`);
}
