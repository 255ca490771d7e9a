/**
 * The log of an epoch: its latest frames without a gap, the checkpoints to start from, and cursors into it.
 *
 * Pure: no I/O, no clock (`now` is passed in, in ms), no task. Its twin, with the same rules, is
 * `cobrowse/log.py`. A viewer is a cursor, not a copy: a slow one costs nothing, and one that falls off the
 * log is reset.
 */
import { FRAME, type Frame, MAX_CHECKPOINT, type Part } from "./records";

export const WINDOW_MS = 120_000;
/** Frames kept: twice what 2 minutes of batches make. A frame takes memory beside its bytes, however small it is. */
export const WINDOW_FRAMES = 16_384;
export const WINDOW_BYTES = 8 * 1_048_576;
/** Bytes of log after a checkpoint that never make it stale, however small it is. */
export const CHECKPOINT_FLOOR = 32_768;
/** Bytes of a record beside its data, at most. */
export const HEADER = 32;
/** A checkpoint younger than this is used, however much log stands after it. */
export const CHECKPOINT_EVERY_MS = 2_000;
/** A checkpoint of which a part came, or was taken, within this time is being read; frames after it do not grow old. */
export const READ_WITHIN_MS = 30_000;

/** The page and the session state after frame `seq`; its parts arrive in order. */
export class Checkpoint {
  readonly parts: Part[] = [];
  size = 0;
  /** When a part last came, or was taken. */
  readAt: number;

  constructor(
    readonly epoch: number,
    readonly seq: number,
    readonly id: number,
    readonly total: number,
    readonly at: number,
  ) {
    this.readAt = at;
  }

  get complete(): boolean {
    return this.parts.length === this.total;
  }

  /** Take the next part; false for one that is here already, or is not the next. */
  add(part: Part): boolean {
    const fits = this.size + part.data.byteLength <= MAX_CHECKPOINT;
    if (part.part !== this.parts.length || part.parts !== this.total || !fits) return false;
    this.parts.push(part);
    this.size += part.data.byteLength;
    return true;
  }
}

interface Entry {
  readonly at: number;
  /** Bytes of the log up to the end of this frame. */
  readonly end: number;
  readonly frame: Frame;
}

const GONE: Entry = { at: 0, end: 0, frame: { kind: FRAME, epoch: 0, seq: 0, flags: 0, data: new Uint8Array(0) } };

/** The frames from `first` up to `next` (exclusive) of one epoch, and the newest checkpoint. */
export class Log {
  epoch = 0;
  first = 0;
  next = 0;
  checkpoint: Checkpoint | null = null;
  private frames: Entry[] = [];
  private dropped = 0; // entries at the head of `frames` that have left the log
  private begun = 0;
  private total = 0;

  constructor(
    private readonly windowMs = WINDOW_MS,
    private readonly windowBytes = WINDOW_BYTES,
  ) {}

  /** Forget everything; the frame `next` of `epoch` comes next. */
  begin(epoch: number, next = 0): void {
    this.epoch = epoch;
    this.first = next;
    this.next = next;
    this.checkpoint = null;
    this.frames = [];
    this.dropped = 0;
    this.begun = 0;
    this.total = 0;
  }

  /**
   * Take the next frame, and let go of what has left the window. False, and nothing happens, for a frame of
   * another epoch, one that is here already, or one that is ahead of the next: the log never holds a gap.
   */
  append(frame: Frame, now: number): boolean {
    if (frame.epoch !== this.epoch || frame.seq !== this.next) return false;
    this.total += frame.data.byteLength;
    this.frames.push({ at: now, end: this.total, frame });
    this.next += 1;
    this.trim(now);
    return true;
  }

  /**
   * Take a part of a checkpoint; false for one that is of no use. A checkpoint that stands outside of the
   * frames here restarts the log at its position.
   */
  addPart(part: Part, now: number): boolean {
    if (part.epoch !== this.epoch) return false;
    const held = this.checkpoint;
    if (held && held.id === part.id && held.seq === part.seq) {
      held.readAt = now;
      return held.add(part);
    }
    if (part.part !== 0 || (held && part.id < held.id)) return false;
    if (!this.covers(part.seq)) this.begin(this.epoch, part.seq + 1);
    this.checkpoint = new Checkpoint(part.epoch, part.seq, part.id, part.parts, now);
    return this.checkpoint.add(part);
  }

  /** Forget a checkpoint of which the rest will not come. */
  giveUp(): void {
    if (this.checkpoint && !this.checkpoint.complete) this.checkpoint = null;
  }

  /**
   * Let go of frames older than the window, or beyond its bytes or its number. Those after a checkpoint that is being
   * read are let go for their bytes or number alone: on a slow way it takes longer than the window, and would be of no
   * use without them.
   */
  trim(now: number): void {
    const held = this.checkpoint;
    const kept = !held || held.readAt < now - READ_WITHIN_MS ? this.next : held.seq + 1;
    for (let oldest = this.frames[this.dropped]; oldest; oldest = this.frames[this.dropped]) {
      const isMany = this.frames.length - this.dropped > WINDOW_FRAMES;
      const isOld = oldest.at < now - this.windowMs && this.first < kept;
      if (this.size <= this.windowBytes && !isMany && !isOld) break;
      this.begun = oldest.end;
      this.frames[this.dropped] = GONE; // the frame is let go of now, its place in the list later
      this.first += 1;
      this.dropped += 1;
    }
    if (this.dropped > 1_024 || this.dropped === this.frames.length) {
      this.frames.splice(0, this.dropped);
      this.dropped = 0;
    }
    if (this.checkpoint && !this.covers(this.checkpoint.seq)) this.checkpoint = null;
  }

  /** Whether a reader that has applied `seq` can go on from here. */
  covers(seq: number): boolean {
    return this.first - 1 <= seq && seq < this.next;
  }

  /** The frame `seq`, which must be in the log. */
  frame(seq: number): Frame {
    return this.entry(seq).frame;
  }

  /** Bytes of the frames kept. */
  get size(): number {
    return this.total - this.begun;
  }

  /** Bytes of the kept frames after `seq`. */
  since(seq: number): number {
    return this.total - (seq < this.first ? this.begun : this.entry(seq).end);
  }

  /**
   * The newest checkpoint, if a joiner should start from it rather than from a new one. It may still be
   * arriving. It is stale once more log than itself stands after it, unless it is too young for another.
   */
  usable(now: number): Checkpoint | null {
    const held = this.checkpoint;
    if (!held) return null;
    const allowed = Math.max(held.size, CHECKPOINT_FLOOR);
    if (held.complete && now - held.at >= CHECKPOINT_EVERY_MS && this.since(held.seq) > allowed) return null;
    return held;
  }

  private entry(seq: number): Entry {
    const entry = this.frames[this.dropped + seq - this.first];
    if (!entry) throw new RangeError(`frame ${seq} is not in the log, which holds ${this.first} to ${this.next - 1}`);
    return entry;
  }
}

/** One reader's place in a log: first the parts of a checkpoint, then the frames after it. */
export class Cursor {
  epoch: number;
  next = 0;
  checkpoint: Checkpoint | null = null;
  part = 0;
  waiting = true;

  constructor(readonly log: Log) {
    this.epoch = log.epoch;
  }

  /** Start over from a checkpoint, as soon as there is a usable one. */
  join(): void {
    this.epoch = this.log.epoch;
    this.checkpoint = null;
    this.waiting = true;
  }

  /** Go on after `seq`; false if the log cannot: then `join`. A place ahead of the log waits for it. */
  resume(epoch: number, seq: number): boolean {
    if (epoch !== this.log.epoch || seq < this.log.first - 1) return false;
    this.epoch = epoch;
    this.next = seq + 1;
    this.checkpoint = null;
    this.waiting = false;
    return true;
  }

  /** The reader fell off the log, its checkpoint was given up, or another epoch runs: it must `join`. */
  get lost(): boolean {
    if (this.epoch !== this.log.epoch) return true;
    if (this.waiting) return false;
    const givenUp = this.checkpoint !== null && !this.checkpoint.complete && this.checkpoint !== this.log.checkpoint;
    return this.next < this.log.first || givenUp;
  }

  /** What the reader gets next, at most `limit` bytes with headers (but one item always fits). */
  take(limit: number, now: number): (Frame | Part)[] {
    const items: (Frame | Part)[] = [];
    if (this.lost) return items;
    if (this.waiting) {
      this.checkpoint = this.log.usable(now);
      if (!this.checkpoint) return items;
      this.part = 0;
      this.next = this.checkpoint.seq + 1;
      this.waiting = false;
    }
    let room = limit;
    const fits = (item: Frame | Part): boolean => {
      if (items.length > 0 && item.data.byteLength + HEADER > room) return false;
      items.push(item);
      room -= item.data.byteLength + HEADER;
      return true;
    };
    if (this.checkpoint) {
      this.checkpoint.readAt = now;
      for (let part = this.checkpoint.parts[this.part]; part; part = this.checkpoint.parts[this.part]) {
        if (!fits(part)) return items;
        this.part += 1;
      }
      if (!this.checkpoint.complete) return items;
      this.checkpoint = null;
    }
    while (this.next < this.log.next && fits(this.log.frame(this.next))) this.next += 1;
    return items;
  }
}
