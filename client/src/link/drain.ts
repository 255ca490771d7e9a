/**
 * How much may wait on a transport: 250 ms of what it was measured to carry, within bounds, so that what is
 * urgent never waits long behind what is large. Pure; `now` in ms.
 */

const AHEAD_MS = 250;
const LEAST = 8_192;
/** Before the first measurement, and after a rest: a network may have become worse meanwhile. */
const FIRST = 16_384;
const MOST = 262_144;
const REST_MS = 1_000;
const LOOK_EVERY_MS = 50;

export class Drain {
  private rate = FIRST / AHEAD_MS; // bytes a ms; the first measurement corrects it
  private sent = 0;
  private buffered = 0;
  private at = 0;
  private busyAt = 0;

  /** `bytes` were handed over. */
  handed(bytes: number): void {
    this.sent += bytes;
  }

  /**
   * How many more bytes may be handed over, with `buffered` waiting now. `roundTripMs`: what it takes at least until
   * bytes that have arrived are counted as waiting no more.
   */
  room(buffered: number, now: number, roundTripMs = 0): number {
    const elapsed = now - this.at;
    const left = this.buffered + this.sent - buffered;
    // What has left is told in lumps: the time since the last one counts.
    if (elapsed >= (left > 0 ? LOOK_EVERY_MS : REST_MS)) {
      // Only a transport that was kept busy shows what it can carry.
      const isBusy = this.buffered > 0 && buffered > 0;
      if (isBusy) this.rate += 0.3 * (left / elapsed - this.rate);
      else if (left > 0) this.rate = Math.max(this.rate, left / elapsed);
      if (isBusy || left > LEAST) this.busyAt = now;
      else if (now - this.busyAt >= REST_MS) this.rate = Math.min(this.rate, FIRST / AHEAD_MS);
      this.at = now;
      this.buffered = buffered;
      this.sent = 0;
    }
    return Math.min(MOST, Math.max(LEAST, this.rate * (AHEAD_MS + roundTripMs))) - buffered;
  }
}
