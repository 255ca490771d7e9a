/**
 * How much of what was sent has not arrived, by pings between it: what the pong of one says is that all before has.
 * Transports tell what waits in the page; what waits behind it, in the system and in the network, is seen only so.
 * Pure; times in ms.
 */

/** Bytes between two marks. */
const EVERY = 8_192;

export class Marks {
  /** The shortest time that a ping has taken. */
  roundTripMs = 0;
  private sent = 0;
  private arrived = 0;
  private readonly marks: { at: number; sent: number }[] = [];

  /** `bytes` were sent; whether a ping is due after them. */
  add(bytes: number): boolean {
    this.sent += bytes;
    return this.sent - (this.marks.at(-1)?.sent ?? this.arrived) >= EVERY;
  }

  /** A ping was sent at `at`. */
  mark(at: number): void {
    this.marks.push({ at, sent: this.sent });
  }

  /** The pong of a ping that was sent at `at` has come. */
  passed(at: number, now: number): void {
    const took = now - at;
    this.roundTripMs = this.roundTripMs === 0 ? took : Math.min(this.roundTripMs, took);
    for (let mark = this.marks[0]; mark && mark.at <= at; mark = this.marks[0]) {
      this.arrived = mark.sent;
      this.marks.shift();
    }
  }

  /** Bytes up to the last mark that have not arrived. */
  get waiting(): number {
    return (this.marks.at(-1)?.sent ?? this.arrived) - this.arrived;
  }
}
