/**
 * The live page: rrweb's Replayer with no clock in it. `startLive(Infinity)` makes every event older than its baseline,
 * so that each is applied at once, without an animation frame; what it would keep for ever is let go of.
 */
import { Replayer } from "rrweb";
import { entryOf, type ShownEntry } from "../state";
import { Checker, type Shown } from "./check";
import { LeftOut } from "./left";
import { UnreadableLog } from "./reader";
import type { Bounds } from "./stage";

const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const CUSTOM_ELEMENT = 16;
const KEEP_EVENTS = 1_000;
const RESET_CACHE_EVERY_MS = 180_000;
/** The replay's barrier: no script runs in it. */
const SANDBOX = "allow-same-origin";

type Options = ConstructorParameters<typeof Replayer>[1];
/** What the player keeps to itself. */
interface Inside {
  service: { state: { context: { events: unknown[] } }; send(event: { type: string; payload: object }): void };
}
interface Nodes {
  idNodeMap: Map<number, Node>;
}

export class Player {
  /** What was left out of the page since it was built. */
  readonly left = new LeftOut();
  private replayer: Replayer | null = null;
  private checker: Pick<Checker, "check"> | null = null;
  private cacheReset = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly onresize: (size: Bounds) => void,
    private readonly checked: (shown: Shown, left: LeftOut) => Pick<Checker, "check"> = (shown, left) =>
      new Checker(shown, left),
  ) {}

  /**
   * Build the page anew from a checkpoint; the events that were taken. Throws UnreadableLog when there is no page in it
   * that can be built, and another Error when the replay would not be sandboxed.
   */
  restore(events: readonly unknown[]): unknown[] {
    this.clear();
    this.left.clear();
    if (events.length === 0) return [];
    const replayer = new Replayer([], {
      root: this.root,
      liveMode: true,
      useVirtualDom: false,
      pauseAnimation: false,
      triggerFocus: false,
      mouseTail: false,
      showWarning: false,
      UNSAFE_replayCanvas: false,
      onmisfit: () => this.left.add("misfits"), // ours (`rrweb.mjs`)
    } as Options);
    this.replayer = replayer;
    shut(replayer.iframe);
    replayer.on("resize", (size) => this.onresize(size as Bounds));
    replayer.startLive(Number.POSITIVE_INFINITY);
    const mirror = replayer.getMirror();
    const nodes = mirror as unknown as Nodes;
    this.checker = this.checked({ getNode: (id) => mirror.getNode(id), size: () => nodes.idNodeMap.size }, this.left);
    const taken = this.apply(events);
    if (taken.some((event) => (event as { type: unknown }).type === FULL_SNAPSHOT)) return taken;
    throw this.unreadable("there is no page in it");
  }

  /** Apply what may be applied of these events, each at once; those that were. Throws UnreadableLog, and Error, as `restore`. */
  apply(events: readonly unknown[]): unknown[] {
    const { replayer, checker } = this;
    if (!replayer || !checker) return [];
    assertSandboxed(replayer.iframe);
    const taken = events.filter((event) => checker.check(event) && this.applyOne(event, replayer));
    const held = (replayer as unknown as Inside).service.state.context.events;
    // The first one stays: offsets and media are reckoned from it.
    if (held.length > KEEP_EVENTS) held.splice(1, held.length - KEEP_EVENTS / 2);
    const now = performance.now();
    if (now - this.cacheReset > RESET_CACHE_EVERY_MS) {
      this.cacheReset = now;
      replayer.resetCache();
    }
    return taken;
  }

  private applyOne(event: unknown, replayer: Replayer): boolean {
    try {
      // As `addEvent` does it, but now: what is checked next is checked against the page as it is then.
      (replayer as unknown as Inside).service.send({ type: "ADD_EVENT", payload: { event: event as object } });
    } catch (error) {
      if ((event as { type: unknown }).type === FULL_SNAPSHOT) throw this.unreadable(String(error));
      this.left.add("misfits");
      return false;
    }
    const entry = entryOf(event);
    if (entry && "id" in entry) this.show(entry);
    const defined = definedBy(event);
    if (defined) this.define(defined);
    return true;
  }

  /** Half a page is not shown. */
  private unreadable(reason: string): UnreadableLog {
    this.clear();
    return new UnreadableLog(`the page cannot be built: ${reason}`);
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
    this.checker = null;
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
    return this.replayer ? (this.replayer as unknown as Inside).service.state.context.events.length : 0;
  }
}

/**
 * Only the layer on top of it takes what the agent does: no pointer and no key gets into the replay, where a link
 * would be followed. Throws when the replay is not sandboxed as it must be.
 */
function shut(iframe: HTMLIFrameElement): void {
  assertSandboxed(iframe);
  iframe.tabIndex = -1;
  iframe.style.pointerEvents = "none";
}

function assertSandboxed(iframe: HTMLIFrameElement): void {
  if (iframe.getAttribute("sandbox") === SANDBOX) return;
  iframe.remove();
  throw new Error("the replay is not sandboxed as it must be; nothing is shown");
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
  const chosen = new Set(indexes);
  // In place of the options' own setters, after which a select with none chosen would choose its first.
  if (!select.multiple) select.selectedIndex = indexes[0] ?? -1;
  else Array.from(select.options, (option, index) => (option.selected = chosen.has(index)));
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
