/**
 * The live page: rrweb's Replayer with no clock in it. `startLive(Infinity)` makes every event older than its baseline,
 * so that each is applied at once, without an animation frame; what it would keep for ever is let go of.
 */
import { Replayer } from "rrweb";
import { entryOf } from "../state";
import type { Bounds } from "./stage";

const KEEP_EVENTS = 1_000;
const RESET_CACHE_EVERY_MS = 180_000;
/** The replay's barrier: no script runs in it. */
const SANDBOX = "allow-same-origin";

type RrwebEvent = Parameters<Replayer["addEvent"]>[0];
interface Held {
  service: { state: { context: { events: unknown[] } } };
}

export class Player {
  private replayer: Replayer | null = null;
  private cacheReset = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly onresize: (size: Bounds) => void,
  ) {}

  /** Build the page anew from a checkpoint. Throws when the replay would not be sandboxed. */
  restore(events: readonly unknown[]): void {
    this.clear();
    if (events.length === 0) return;
    const replayer = new Replayer([], {
      root: this.root,
      liveMode: true,
      useVirtualDom: false,
      pauseAnimation: false,
      triggerFocus: false,
      mouseTail: false,
      showWarning: false,
      UNSAFE_replayCanvas: false,
    });
    if (replayer.iframe.getAttribute("sandbox") !== SANDBOX) {
      replayer.destroy();
      throw new Error("the replay is not sandboxed as it must be; nothing is shown");
    }
    replayer.on("resize", (size) => this.onresize(size as Bounds));
    replayer.startLive(Number.POSITIVE_INFINITY);
    this.replayer = replayer;
    this.apply(events);
  }

  apply(events: readonly unknown[]): void {
    const { replayer } = this;
    if (!replayer) return;
    for (const event of events) {
      replayer.addEvent(event as RrwebEvent);
      const entry = entryOf(event);
      // The player applies each event in a microtask of its own; this one comes right after it.
      if (entry?.kind === "chosen") queueMicrotask(() => this.choose(entry.id, entry.indexes));
    }
    const held = (replayer as unknown as Held).service.state.context.events;
    // The first one stays: offsets and media are reckoned from it.
    if (held.length > KEEP_EVENTS) held.splice(1, held.length - KEEP_EVENTS / 2);
    const now = performance.now();
    if (now - this.cacheReset > RESET_CACHE_EVERY_MS) {
      this.cacheReset = now;
      replayer.resetCache();
    }
  }

  private choose(id: number, indexes: readonly number[]): void {
    const select = this.mirror?.getNode(id) as HTMLSelectElement | null;
    if (select?.localName !== "select") return;
    const chosen = new Set(indexes);
    for (const option of select.options) option.selected = chosen.has(option.index);
  }

  clear(): void {
    this.replayer?.destroy();
    this.replayer = null;
    this.root.replaceChildren();
  }

  get iframe(): HTMLIFrameElement | null {
    return this.replayer?.iframe ?? null;
  }

  get mirror(): ReturnType<Replayer["getMirror"]> | null {
    return this.replayer?.getMirror() ?? null;
  }

  /** Events kept in memory, for `stats()`. */
  get held(): number {
    return this.replayer ? (this.replayer as unknown as Held).service.state.context.events.length : 0;
  }
}
