/**
 * The live page: rrweb's Replayer with no clock in it. `startLive(Infinity)` makes every event older than its baseline,
 * so that each is applied at once, without an animation frame; what it would keep for ever is let go of.
 */
import { Replayer } from "rrweb";
import { entryOf, type ShownEntry } from "../state";
import type { Bounds } from "./stage";

const INCREMENTAL = 3;
const CUSTOM_ELEMENT = 16;
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
      if (entry && "id" in entry) queueMicrotask(() => this.show(entry));
      const defined = definedBy(event);
      if (defined) queueMicrotask(() => this.define(defined));
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

  /** The player defines custom elements when it makes one of them, and so not those that stand there already. */
  private define(name: string): void {
    const realm = this.iframe?.contentWindow as (Window & typeof globalThis) | null | undefined;
    try {
      if (realm && !realm.customElements.get(name))
        realm.customElements.define(name, class extends realm.HTMLElement {});
    } catch {
      // No name of a custom element.
    }
  }

  /** What the page's markup does not say. */
  private show(entry: ShownEntry): void {
    const node = this.mirror?.getNode(entry.id) as HTMLElement | null;
    if (!node) return;
    if (entry.kind === "chosen") choose(node, entry.indexes);
    else if (entry.kind === "popover") open(node, entry.open);
    else {
      const { sheet } = node as HTMLStyleElement;
      if (sheet) sheet.disabled = entry.disabled;
    }
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

/** The name in rrweb's event of a custom element that was defined; null for any other event. */
function definedBy(event: unknown): string | null {
  const { type, data } = event as { type?: unknown; data?: { source?: unknown; define?: { name?: unknown } } };
  const name = type === INCREMENTAL && data?.source === CUSTOM_ELEMENT ? data.define?.name : null;
  return typeof name === "string" ? name : null;
}

function choose(node: HTMLElement, indexes: readonly number[]): void {
  if (node.localName !== "select") return;
  const select = node as HTMLSelectElement;
  // In place of the options' own setters, after which a select with none chosen would choose its first.
  if (!select.multiple) select.selectedIndex = indexes[0] ?? -1;
  else for (const option of select.options) option.selected = indexes.includes(option.index);
}

function open(node: HTMLElement, wanted: boolean): void {
  try {
    if (node.matches(":popover-open") === wanted) return;
    if (wanted) node.showPopover();
    else node.hidePopover();
  } catch {
    // No popover any more, or a browser without them.
  }
}
