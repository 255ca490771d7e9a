/** What lies between two ends. It carries whole items in order, until it is harmed. */
import type { Begun, Demand, Subscribe, Unsubscribe } from "../protocol.gen";
import { FRAME, type Frame, type Part } from "../records";
import type { Chance } from "./chance";
import type { Answer } from "./viewer";

/** What the page is told when its connection is made, and what it says to have another epoch. */
interface Plain {
  readonly type: "welcome" | "begin";
  readonly epoch: number;
}

export type Carried = Frame | Part | Answer | Begun | Demand | Subscribe | Unsubscribe | Plain;

/** One direction of a connection. */
export class Road {
  items: Carried[] = [];
  /** Whether what a reader cannot ask for again was harmed: only another connection mends that. */
  broken = false;

  /** Lose an item, repeat it, or have it come at another time; `gently`: frames only. */
  harm(chance: Chance, gently: boolean): boolean {
    const at = chance.below(this.items.length);
    const item = this.items[at];
    if (!item) return false;
    if ("type" in item || item.kind !== FRAME) {
      if (gently) return false;
      this.broken = true;
    }
    const how = chance.next();
    if (how < 0.7) this.items.splice(at, 1);
    if (how > 0.4) this.items.splice(chance.below(this.items.length + 1), 0, item);
    return true;
  }
}

/** A connection: two roads, and whether its ends believe in it. */
export class Link {
  isOpen = false;
  /** Nothing passes, and nobody has noticed yet. */
  silent = false;
  up = new Road();
  down = new Road();

  open(): void {
    this.clear();
    this.isOpen = true;
    this.silent = false;
  }

  close(): void {
    this.clear();
    this.isOpen = false;
  }

  clear(): void {
    this.up = new Road();
    this.down = new Road();
  }

  put(road: Road, items: readonly Carried[]): void {
    if (this.isOpen && !this.silent) road.items.push(...items);
  }

  get isBroken(): boolean {
    return this.silent || this.up.broken || this.down.broken;
  }
}
