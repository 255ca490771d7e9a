/**
 * A model of the server, by the rules of `cobrowse/session.py` and `cobrowse/relay.py`; their own code is in
 * `tests/model.py`. Who reads the log, from where, and what that needs of the broadcaster.
 */
import { Cursor, Log } from "../log";
import type { Begun, Demand, Position, Reset, Resumed, Subscribe, Unsubscribe } from "../protocol.gen";
import { FRAME, type Frame, type Part } from "../records";

/** Frames between two viewers who were by the same road until it was lost, at most. */
const NEAR = 8;
const SLOW_RESETS = 3;
const SLOW_WITHIN_MS = 60_000;

export interface Outlets {
  page(message: Demand | Begun): void;
  viewer(id: string, message: Resumed | Reset | Begun): void;
  /** The viewer's connection is closed. */
  drop(id: string): void;
}

class Place extends Cursor {
  /** The place that was resumed from is not one of this log. */
  lose(): void {
    this.next = -1;
    this.checkpoint = null;
    this.waiting = false;
  }

  /** Not all of a checkpoint has been got yet. */
  get starting(): boolean {
    return this.waiting || this.lost || (this.checkpoint !== null && !this.checkpoint.complete);
  }
}

interface Subscription {
  readonly id: number;
  readonly cursor: Place;
  served: boolean;
}

export class Server {
  readonly log: Log;
  readonly subscriptions = new Map<string, Subscription>();
  present = false;
  demanded: Demand = { type: "demand", frames: false, after: null, checkpoint: false, earlier: false };
  private readonly resets = new Map<string, number[]>();
  private placed = false;
  private begun = false;

  constructor(
    windowMs: number,
    windowBytes: number,
    private readonly out: Outlets,
  ) {
    this.log = new Log(windowMs, windowBytes);
  }

  /** The broadcaster is here: anew (`epoch` 0), or again. `welcome` is sent before all else. */
  arrive(epoch: number, last: number, now: number, welcome: (epoch: number) => void): void {
    this.present = true;
    const isNew = epoch === 0 || epoch < this.log.epoch;
    if (isNew) this.place(Math.max(this.log.epoch, last) + 1, null);
    else if (epoch > this.log.epoch) this.place(epoch, null);
    welcome(this.log.epoch);
    if (isNew) this.tellBegun();
    this.demand(now, true);
  }

  depart(): void {
    this.present = false;
    this.log.giveUp();
  }

  /** The broadcaster asks for another epoch. */
  begin(now: number): void {
    this.place(this.log.epoch + 1, null);
    this.tellBegun();
    this.demand(now, true);
  }

  take(item: Frame | Part, now: number): void {
    const { log } = this;
    if (item.kind === FRAME) {
      if (item.epoch !== log.epoch || !this.placed) return;
      // The broadcaster has begun earlier, as it may.
      if (item.seq < log.next && log.next === log.first && !log.checkpoint) log.begin(log.epoch, item.seq);
      if (!log.append(item, now) && item.seq > log.next) this.demand(now, true);
      return;
    }
    const restarts = item.epoch === log.epoch && !log.covers(item.seq);
    if (!log.addPart(item, now)) return;
    const again = restarts && this.placed;
    this.placed = true;
    if (restarts) for (const { cursor } of this.subscriptions.values()) if (cursor.next > log.next) cursor.lose();
    this.demand(now, again);
  }

  subscribe(viewer: string, { id, position }: Subscribe, now: number): void {
    const { log } = this;
    const movable = this.isMovable(viewer, position);
    const cursor = new Place(log);
    this.subscriptions.set(viewer, { id, cursor, served: false });
    let moved = false;
    if (position && position.epoch === log.epoch) {
      if (movable && !(this.placed && log.covers(position.seq))) {
        this.place(log.epoch, position.seq);
        moved = true;
      }
      if (cursor.resume(position.epoch, position.seq)) {
        this.out.viewer(viewer, { type: "resumed", id });
      } else {
        cursor.join();
        this.out.viewer(viewer, { type: "reset", id, reason: "window" });
      }
    } else {
      cursor.join();
      this.out.viewer(viewer, { type: "reset", id, reason: position ? "epoch" : "join" });
    }
    this.demand(now, moved, moved);
  }

  unsubscribe(viewer: string, { id }: Unsubscribe, now: number): void {
    if (this.subscriptions.get(viewer)?.id === id) this.leave(viewer, now);
  }

  leave(viewer: string, now: number): void {
    if (this.subscriptions.delete(viewer)) this.demand(now);
  }

  /** What the viewer gets next, about `limit` bytes. */
  pull(viewer: string, limit: number, now: number): (Frame | Part)[] {
    const held = this.subscriptions.get(viewer);
    if (!held) return [];
    const { cursor, id } = held;
    if (cursor.lost) {
      const reason = cursor.epoch === this.log.epoch ? "window" : "epoch";
      if (held.served && reason === "window" && cursor.next < this.log.first && this.isSlow(viewer, now)) {
        this.out.drop(viewer);
        return [];
      }
      cursor.join();
      held.served = false;
      this.out.viewer(viewer, { type: "reset", id, reason });
      this.demand(now);
    }
    const items = cursor.take(limit, now);
    held.served ||= items.length > 0;
    return items;
  }

  tick(now: number): void {
    this.log.trim(now);
    this.demand(now);
  }

  private place(epoch: number, seq: number | null): void {
    this.log.begin(epoch, seq === null ? 0 : seq + 1);
    this.placed = seq !== null;
  }

  private tellBegun(): void {
    this.out.page({ type: "begun", epoch: this.log.epoch });
  }

  /** What is needed of the broadcaster, if that has changed (or `again`: say it anyway). */
  private demand(now: number, again = false, earlier = false): void {
    const cursors = [...this.subscriptions.values()].map(({ cursor }) => cursor);
    const frames = cursors.length > 0;
    const seek = frames && this.placed && (again || !this.demanded.frames);
    if (seek) this.log.giveUp();
    const usable = this.log.usable(now);
    const checkpoint = !usable?.complete && cursors.some((cursor) => cursor.starting);
    const isAgain = again || (checkpoint && this.begun && usable === null);
    this.begun = usable !== null;
    if (!isAgain && frames === this.demanded.frames && checkpoint === this.demanded.checkpoint) return;
    const after = seek ? { epoch: this.log.epoch, seq: this.log.next - 1 } : null;
    this.demanded = { type: "demand", frames, after, checkpoint, earlier };
    this.out.page(this.demanded);
  }

  /** Whether the log may be placed at a viewer's position, and nobody else is the worse for it. */
  private isMovable(viewer: string, position: Position | null): boolean {
    if (![...this.subscriptions.keys()].some((id) => id !== viewer)) return true;
    const { log } = this;
    const isEmpty = log.first === log.next && log.checkpoint === null;
    return isEmpty && position !== null && log.first - NEAR <= position.seq && position.seq < log.first;
  }

  private isSlow(viewer: string, now: number): boolean {
    const resets = (this.resets.get(viewer) ?? []).filter((at) => at >= now - SLOW_WITHIN_MS);
    this.resets.set(viewer, [...resets, now]);
    return resets.length + 1 >= SLOW_RESETS;
  }
}
