/**
 * How much may wait in a transport: 500 ms of what it was measured to carry, within bounds, so that what is
 * urgent never waits long behind what is large. Pure; `now` in ms.
 */

const AHEAD_MS = 500;
const LEAST = 32_768;
const MOST = 262_144;

export class Drain {
  private rate = MOST / AHEAD_MS; // bytes a ms; the first measurement corrects it
  private sent = 0;
  private buffered = 0;
  private at = 0;

  /** `bytes` were handed over. */
  handed(bytes: number): void {
    this.sent += bytes;
  }

  /** How many more bytes may be handed over, with `buffered` waiting now. */
  room(buffered: number, now: number): number {
    const elapsed = now - this.at;
    if (elapsed >= 50) {
      const left = this.buffered + this.sent - buffered;
      // Only a transport that was kept busy shows what it can carry.
      if (this.buffered > 0 && buffered > 0) this.rate += 0.3 * (left / elapsed - this.rate);
      else if (left > 0) this.rate = Math.max(this.rate, left / elapsed);
      this.at = now;
      this.buffered = buffered;
      this.sent = 0;
    }
    return Math.min(MOST, Math.max(LEAST, this.rate * AHEAD_MS)) - buffered;
  }
}
