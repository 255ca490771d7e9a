/** The page as this viewer has it: the log read in order, shown on the stage, and the session's state beside it. */
import type { Frame, Part } from "../records";
import { applied, EMPTY, entryOf, type SharedState, stateOf } from "../state";
import { Lag } from "./lag";
import { Reader } from "./reader";
import type { Stage } from "./stage";

const MAX_UNREADABLE = 3;

export class Page {
  readonly reader = new Reader();
  readonly lag = new Lag();
  shared: SharedState = EMPTY;
  /** Whether a page has ever been shown. */
  shownOnce = false;
  bytes = 0;
  frames = 0;
  resets = 0;
  private unreadable = 0;

  /** `onrestored`: a page was built from a checkpoint; `onshared`: the session's state has changed. */
  constructor(
    private readonly stage: Stage,
    private readonly onrestored: () => void,
    private readonly onshared: () => void,
  ) {}

  /**
   * Take what has come; whether it was of use, or is ahead of what comes next. Throws UnreadableLog.
   */
  take(item: Frame | Part): "applied" | "restored" | "gap" | "nothing" {
    this.bytes += item.data.length;
    if (item.kind === 1) {
      this.frames += 1;
      const taken = this.reader.take(item);
      if (taken === "gap") return "gap";
      if (typeof taken !== "object") return "nothing";
      this.apply(taken.events);
      return "applied";
    }
    const restored = this.reader.takePart(item);
    if (!restored) return "nothing";
    this.restore(stateOf(restored.state), restored.events);
    return "restored";
  }

  /** The log cannot be read on: start over; false when that has happened too often. */
  startOver(): boolean {
    this.unreadable += 1;
    if (this.unreadable >= MAX_UNREADABLE) return false;
    this.reset();
    return true;
  }

  /** Start over: the next checkpoint is awaited. */
  reset(): void {
    if (this.shownOnce) this.resets += 1;
    this.reader.reset();
  }

  private apply(events: readonly unknown[]): void {
    this.note(events);
    this.stage.apply(events);
    this.lag.applied(this.reader.epoch, this.reader.seq, performance.now());
  }

  private restore(state: SharedState, events: readonly unknown[]): void {
    this.shared = state;
    this.onshared();
    this.stage.restore(events);
    this.shownOnce = true;
    // After whoever gave the checkpoint has noted that it was one.
    queueMicrotask(() => this.onrestored());
  }

  private note(events: readonly unknown[]): void {
    const before = this.shared;
    for (const event of events) {
      const entry = entryOf(event);
      if (entry) this.shared = applied(this.shared, entry);
    }
    if (this.shared !== before) this.onshared();
  }
}
