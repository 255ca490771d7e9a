/**
 * A visitor's page without a page: numbered events through the product's writer into its log, with checkpoints, by the
 * rules of `broadcaster/recorder.ts`. A checkpoint says how many events there were.
 */
import { checkpointParts, Writer } from "../broadcaster/writer";
import { CHECKPOINT_EVERY_MS, Log } from "../log";
import { END, type Frame } from "../records";
import type { Chance } from "./chance";

export class Visitor {
  readonly log: Log;
  happened = 0;
  waiting: unknown[] = [];
  due = false;
  /** How many events there were up to the last frame of a batch, by its seq. */
  readonly upto = new Map<number, number>();
  protected writer = new Writer(0);
  private checkpoints = 0;
  private sealedAt = Number.NEGATIVE_INFINITY;
  private readonly largest: number;
  private readonly pageSize: number;

  constructor(
    protected readonly chance: Chance,
    windowMs: number,
    windowBytes: number,
    protected readonly clock: { now: number },
  ) {
    this.log = new Log(windowMs, windowBytes);
    // A checkpoint is stale after so many bytes of log that few worlds come so far; in those, events are large.
    this.largest = windowBytes > 40_000 ? 4_000 : 90;
    this.pageSize = chance.one([10, 10, 900]);
  }

  begin(epoch: number): void {
    this.log.begin(epoch);
    this.writer = new Writer(epoch);
    this.waiting = [];
    this.due = false;
    this.upto.clear();
    this.seal();
  }

  change(): void {
    this.happened += 1;
    const more = this.chance.one(["", "a line that comes again", this.chance.noise(this.largest)]);
    this.waiting.push([this.happened, more]);
  }

  flush(): void {
    if (this.waiting.length === 0) return;
    const events = this.waiting;
    this.waiting = [];
    this.put(this.writer.write(events));
  }

  /** As the recorder: as soon as may be. */
  wantCheckpoint(): void {
    this.due ||= this.log.epoch > 0 && this.log.usable(this.clock.now) === null;
  }

  /** Whether a checkpoint was made. */
  cut(): boolean {
    if (!this.due || this.clock.now - this.sealedAt < CHECKPOINT_EVERY_MS) return false;
    this.due = false;
    this.flush();
    this.flushFully();
    this.seal();
    return true;
  }

  protected flushFully(): void {
    this.put(this.writer.cut());
  }

  protected seal(): void {
    this.place(this.writer.seq);
  }

  protected place(seq: number, happened = this.happened): void {
    const values = [happened, this.chance.noise(this.pageSize)];
    for (const part of checkpointParts(this.log.epoch, seq, this.checkpoints, values))
      this.log.addPart(part, this.clock.now);
    this.checkpoints += 1;
    this.sealedAt = this.clock.now;
  }

  private put(frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.log.append(frame, this.clock.now);
      if (frame.flags & END) this.upto.set(frame.seq, this.happened);
    }
  }
}
