/** A viewer between two paths, of the product's paths, reader and states, put together as `viewer/viewer.ts` does. */
import type { Reset, Resumed } from "../protocol.gen";
import { FRAME, type Frame, type Part } from "../records";
import { type Command, type Path, Paths } from "../viewer/paths";
import { Reader } from "../viewer/reader";
import { stateIn, type ViewerState } from "../viewer/states";

export type Answer = Resumed | Reset;

/** Something that must never be; the text says what. */
export class Wrong extends Error {
  override readonly name = "Wrong";
}

/** The parts of a viewer; a test puts others in their place. */
export interface Kinds {
  readonly Paths: typeof Paths;
  readonly Reader: typeof Reader;
}

export const OWN: Kinds = { Paths, Reader };

export class Viewer {
  readonly paths: Paths;
  readonly reader: Reader;
  /** The number of the event that was shown last. */
  shown = 0;
  state: ViewerState = "connecting";
  private shownOnce = false;
  private interruptedAt = 0;

  constructor(
    readonly id: string,
    kinds: Kinds = OWN,
  ) {
    this.paths = new kinds.Paths("auto");
    this.reader = new kinds.Reader();
  }

  receive(path: Path, item: Frame | Part | Answer): Command[] {
    if ("type" in item) return this.answered(path, item);
    if (!this.paths.accepts(path)) return [];
    if (item.kind === FRAME) {
      const taken = this.reader.take(item);
      if (taken === "gap") return this.paths.gap(path, this.reader.position);
      if (typeof taken === "object") {
        this.paths.delivered();
        for (const event of taken.events) this.show(event, item);
      }
      return [];
    }
    const before = this.reader.epoch;
    const restored = this.reader.takePart(item);
    if (restored) {
      if (this.reader.epoch < before) throw new Wrong(`epoch ${this.reader.epoch} after ${before}`);
      this.paths.started();
      this.shownOnce = true;
      this.shown = restored.state as number;
    }
    return [];
  }

  /** What its page says of itself, as of now. */
  settle(now: number, isConnected: boolean): void {
    const { active } = this.paths;
    if (active !== null) this.interruptedAt = now;
    this.state = stateIn({
      before: this.state,
      welcomed: isConnected || active !== null,
      connected: isConnected,
      session: "active",
      admitted: true,
      starting: this.reader.starting,
      shownOnce: this.shownOnce,
      active,
      interruptedMs: now - this.interruptedAt,
    });
    if (this.state === "live" && this.reader.starting) throw new Wrong(`${this.id} awaits a checkpoint, and says live`);
  }

  private answered(path: Path, { type, id }: Answer): Command[] {
    if (type === "resumed") return this.paths.resumed(path, id);
    const { taken, commands } = this.paths.reset(path, id);
    if (taken) this.reader.reset();
    return commands;
  }

  private show(event: unknown, by: Frame): void {
    const [number] = event as [number];
    if (number !== this.shown + 1) throw new Wrong(`event ${number} after ${this.shown}, by frame ${by.seq}`);
    this.shown = number;
  }
}
