/**
 * Which path a viewer reads the log by: the relay first, then direct, then back, with nothing lost between. Pure: it
 * is told what happened, and says what to send.
 *
 * Each subscription has an id, and what is not of the current one is ignored. While one path delivers, the other may
 * be tried; frames that come twice are dropped by the reader.
 */
import type { Position, Subscribe, Unsubscribe } from "../protocol.gen";

export type Path = "relay" | "direct";

export interface Command {
  readonly path: Path;
  readonly message: Subscribe | Unsubscribe;
}

interface Subscription {
  readonly id: number;
  answered: boolean;
}

export class Paths {
  private lastId = 0;
  private readonly open = new Set<Path>();
  private readonly subscriptions = new Map<Path, Subscription>();
  /** The path that a checkpoint is awaited on. */
  private starting: Path | null = null;
  private askedOnce = false;

  constructor(private policy: "auto" | Path) {}

  /** The path that delivers now. */
  get active(): Path | null {
    for (const path of ["direct", "relay"] as const) if (this.subscriptions.get(path)?.answered) return path;
    return null;
  }

  /** Only that path from now on; what the other was asked for is forgotten. */
  restrict(path: Path): void {
    this.policy = path;
    const other = path === "direct" ? "relay" : "direct";
    this.subscriptions.delete(other);
    if (this.starting === other) this.starting = null;
  }

  /** The path can carry messages; `position` is null when only a checkpoint will do. */
  opened(path: Path, position: Position | null): Command[] {
    this.open.add(path);
    if (path === "relay" && (this.policy === "direct" || this.active === "direct")) return [];
    if (path === "direct" && this.policy === "relay") return [];
    return [this.subscribe(path, position)];
  }

  /** The path is gone, or silent: the other takes over from `position`, at once. */
  closed(path: Path, position: Position | null): Command[] {
    this.open.delete(path);
    this.subscriptions.delete(path);
    // What the other was asked for before this one's checkpoint began is of a position that is given up.
    const isGivenUp = this.starting === path;
    if (isGivenUp) this.starting = null;
    const other: Path = path === "direct" ? "relay" : "direct";
    const isFree = !this.subscriptions.has(other) || isGivenUp;
    return this.open.has(other) && isFree && this.policy !== path ? [this.subscribe(other, position)] : [];
  }

  /** The subscription goes on from the position it named. The other path, if any, is left. */
  resumed(path: Path, id: number): Command[] {
    const subscription = this.subscriptions.get(path);
    if (subscription?.id !== id) return [];
    // A checkpoint is on its way by the other path: what follows it comes by that one.
    if (this.starting !== null && this.starting !== path) return this.unsubscribe(path);
    subscription.answered = true;
    if (path === "relay") return this.subscriptions.get("direct")?.answered ? this.unsubscribe("relay") : [];
    return this.unsubscribe("relay");
  }

  /**
   * The subscription starts over from a checkpoint. Not taken while the other path delivers: then it is given up, and
   * nothing is lost. `taken`: the page is to be reset.
   */
  reset(path: Path, id: number): { taken: boolean; commands: Command[] } {
    const subscription = this.subscriptions.get(path);
    if (subscription?.id !== id) return { taken: false, commands: [] };
    const other = this.subscriptions.get(path === "direct" ? "relay" : "direct");
    if (other?.answered) return { taken: false, commands: this.unsubscribe(path) };
    subscription.answered = true;
    this.starting = path;
    return { taken: true, commands: [] };
  }

  /** Whether there is a subscription on that path, answered or not. */
  has(path: Path): boolean {
    return this.subscriptions.has(path);
  }

  /** A whole checkpoint has come. */
  started(): void {
    this.starting = null;
    this.askedOnce = false;
  }

  /** Whether frames and checkpoint parts of this path are to be taken. */
  accepts(path: Path): boolean {
    const answered = this.subscriptions.get(path)?.answered ?? false;
    return answered && (this.starting === null || this.starting === path);
  }

  /** A frame was taken in order. */
  delivered(): void {
    this.askedOnce = false;
  }

  /** A frame is ahead of the next: dropped while another path delivers; else asked for once, then start over. */
  gap(path: Path, position: Position | null): Command[] {
    const other = this.subscriptions.get(path === "direct" ? "relay" : "direct");
    if (other?.answered) return [];
    const from = this.askedOnce ? null : position;
    this.askedOnce = true;
    return [this.subscribe(path, from)];
  }

  /** What has come cannot be read: start over on the path that delivers. */
  unreadable(): Command[] {
    const { active } = this;
    return active ? [this.subscribe(active, null)] : [];
  }

  private subscribe(path: Path, position: Position | null): Command {
    this.lastId += 1;
    this.subscriptions.set(path, { id: this.lastId, answered: false });
    return { path, message: { type: "subscribe", id: this.lastId, position } };
  }

  private unsubscribe(path: Path): Command[] {
    const subscription = this.subscriptions.get(path);
    if (!subscription) return [];
    this.subscriptions.delete(path);
    return [{ path, message: { type: "unsubscribe", id: subscription.id } }];
  }
}
