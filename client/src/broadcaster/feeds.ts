/** How the log leaves the broadcaster: to the server as it demands, and to direct viewers as they subscribe. */
import { Drain } from "../link/drain";
import { Marks } from "../link/marks";
import type { Transport } from "../link/transport";
import { type Checkpoint, Cursor, HEADER } from "../log";
import type { Demand, Reset, Resumed, Subscribe, Unsubscribe } from "../protocol.gen";
import { type Bytes, encodeRecord, type Frame, MAX_FRAME, type Part, packed } from "../records";
import type { Recorder } from "./recorder";

/** What a transport is fed from. */
interface Source {
  /** About `limit` bytes of what comes next, in order, encoded; empty when there is nothing. */
  take(limit: number): Bytes[];
}

/** Bytes of frames before the position that was asked for, when they are of use as well. */
const EARLIER = 32_768;

const encoded = new WeakMap<Frame | Part, Bytes>();

function recordOf(item: Frame | Part): Bytes {
  let record = encoded.get(item);
  if (!record) {
    record = encodeRecord(item);
    encoded.set(item, record);
  }
  return record;
}

/**
 * Feeds one transport, never ahead of what it can carry; in messages of about one full frame, as what is urgent waits
 * for the end of the one that is on its way.
 */
export class Pump {
  /** Bytes sent, for `stats()`. */
  sent = 0;
  private readonly drain = new Drain();
  private readonly marks = new Marks();

  /** `ping` sends one on the same transport, and returns when; without it only what waits in the page is known. */
  constructor(
    private readonly transport: Pick<Transport, "isOpen" | "bufferedAmount" | "maxMessage" | "send">,
    private readonly source: Source,
    private readonly ping: (() => number) | null = null,
  ) {}

  /** The pong of a ping that was sent at `at` has come. */
  arrived(at: number): void {
    this.marks.passed(at, performance.now());
    this.pump();
  }

  /** Call when there is more in the log, when the transport has drained, and when the source was told something. */
  pump(): void {
    while (this.transport.isOpen) {
      const waiting = Math.max(this.transport.bufferedAmount, this.marks.waiting);
      const room = this.drain.room(waiting, performance.now(), this.marks.roundTripMs);
      if (room <= 0) return;
      const pieces = this.source.take(Math.min(room, MAX_FRAME + HEADER, this.transport.maxMessage - 2 * HEADER));
      if (pieces.length === 0) return;
      for (const message of messagesOf(pieces, this.transport.maxMessage)) {
        this.transport.send(message);
        this.drain.handed(message.length);
        this.sent += message.length;
        if (this.ping && this.marks.add(message.length)) this.marks.mark(this.ping());
      }
    }
  }
}

/** Whatever goes out together leaves as one message, as far as it may be that long. */
function messagesOf(pieces: readonly Bytes[], most: number): Bytes[] {
  const messages: Bytes[] = [];
  let group: Bytes[] = [];
  let size = 0;
  const close = () => {
    const message = new Uint8Array(size);
    let offset = 0;
    for (const piece of group) {
      message.set(piece, offset);
      offset += piece.length;
    }
    if (size > 0) messages.push(message);
    group = [];
    size = 0;
  };
  for (const piece of pieces) {
    if (size + piece.length > most) close();
    group.push(piece);
    size += piece.length;
  }
  close();
  return messages;
}

/**
 * The server's reading of the log. Unlike a viewer it can take frames while a checkpoint is on its way, so that a
 * joiner never delays those in step: frames go first, once the checkpoint's first part has said where it stands.
 */
export class RelayFeed implements Source {
  private epoch = -1;
  private next = 0;
  private following = false;
  private wanted = false;
  private checkpoint: Checkpoint | null = null;
  private checkpointWanted = false;
  private part = 0;

  constructor(private readonly recorder: Recorder) {}

  /** A new connection: nothing is wanted until the server says so. */
  begin(): void {
    this.demand({ type: "demand", frames: false, after: null, checkpoint: false, earlier: false });
  }

  demand({ frames, after, checkpoint, earlier }: Demand): void {
    const { log } = this.recorder;
    this.wanted = frames;
    if (!frames) {
      this.following = false;
      this.checkpoint = null;
      this.checkpointWanted = false;
      return;
    }
    if (after) {
      this.following = after.epoch === log.epoch && log.covers(after.seq);
      this.next = after.seq + 1;
      this.epoch = after.epoch;
      this.checkpoint = null;
      if (this.following && earlier)
        while (this.next > log.first && log.since(this.next - 2) - log.since(after.seq) <= EARLIER) this.next -= 1;
    }
    // One that has left the log is of no use when it is whole: another is made.
    if (checkpoint && this.checkpoint && !log.covers(this.checkpoint.seq)) this.checkpoint = null;
    this.checkpointWanted = checkpoint && !this.checkpoint;
  }

  take(limit: number): Bytes[] {
    const { log } = this.recorder;
    const pieces: Bytes[] = [];
    if (!this.wanted || log.epoch === 0) return pieces;
    if (this.epoch !== log.epoch || (this.following && this.next < log.first)) {
      this.epoch = log.epoch;
      this.following = false;
      this.checkpoint = null;
    }
    if (!this.checkpoint && (this.checkpointWanted || !this.following)) this.attach();
    let room = limit;
    const add = (item: Frame | Part) => {
      if (pieces.length > 0 && item.data.length + HEADER > room) return false;
      pieces.push(recordOf(item));
      room -= item.data.length + HEADER;
      return true;
    };
    const { checkpoint } = this;
    if (checkpoint && !this.following) {
      this.following = true;
      this.next = checkpoint.seq + 1;
    }
    // The first part goes before the frames after it, which are of no use to a log that does not stand there yet.
    if (checkpoint && this.part === 0 && this.next > checkpoint.seq && !this.addPart(checkpoint, add)) return pieces;
    while (this.following && this.next < log.next && add(log.frame(this.next))) this.next += 1;
    if (checkpoint && this.part > 0 && this.next >= log.next) this.addPart(checkpoint, add);
    return pieces;
  }

  private attach(): void {
    const usable = this.recorder.log.usable(performance.now());
    if (usable) {
      this.checkpoint = usable;
      this.part = 0;
      this.checkpointWanted = false;
    } else {
      this.recorder.wantCheckpoint();
    }
  }

  private addPart(checkpoint: Checkpoint, add: (item: Part) => boolean): boolean {
    const part = checkpoint.parts[this.part];
    checkpoint.readAt = performance.now();
    if (part && !add(part)) return false;
    this.part += 1;
    if (this.part >= checkpoint.total) this.checkpoint = null;
    return true;
  }
}

/** A direct viewer's reading of the log, with the answers to its subscriptions. */
export class DirectFeed implements Source {
  private subscription: { id: number; cursor: Cursor } | null = null;
  private answers: Bytes[] = [];

  constructor(private readonly recorder: Recorder) {}

  get isFollowing(): boolean {
    return this.subscription !== null;
  }

  subscribe({ id, position }: Subscribe): void {
    const { log } = this.recorder;
    const cursor = new Cursor(log);
    this.subscription = { id, cursor };
    if (position && position.epoch === log.epoch && log.covers(position.seq) && cursor.resume(log.epoch, position.seq))
      this.answer({ type: "resumed", id });
    else
      this.answer({
        type: "reset",
        id,
        reason: position ? (position.epoch === log.epoch ? "window" : "epoch") : "join",
      });
  }

  unsubscribe({ id }: Unsubscribe): void {
    if (this.subscription?.id === id) this.subscription = null;
  }

  take(limit: number): Bytes[] {
    const pieces = this.answers;
    this.answers = [];
    if (!this.subscription) return pieces;
    const { id, cursor } = this.subscription;
    if (cursor.lost) {
      const reason = cursor.epoch === this.recorder.log.epoch ? "window" : "epoch";
      cursor.join();
      pieces.push(packed({ type: "reset", id, reason } satisfies Reset));
    }
    if (cursor.waiting) this.recorder.wantCheckpoint();
    pieces.push(...cursor.take(limit, performance.now()).map(recordOf));
    return pieces;
  }

  private answer(message: Resumed | Reset): void {
    this.answers.push(packed(message));
  }
}
