/**
 * How far the viewer is behind the page, with no two clocks compared: a probe comes back with the log's position at
 * the broadcaster, and the lag ends when that position has been applied here. Pure; `now` in ms.
 */
export class Lag {
  rttMs: number | null = null;
  lagMs: number | null = null;
  private awaited: { epoch: number; seq: number; since: number } | null = null;

  /** A probe sent at `at` came back; the log stood at (epoch, seq) there, and stands at `applied` here. */
  echoed(at: number, epoch: number, seq: number, applied: { epoch: number; seq: number }, now: number): void {
    this.rttMs = now - at;
    if (epoch === applied.epoch && seq <= applied.seq) {
      this.lagMs = this.rttMs / 2;
      this.awaited = null;
    } else if (!this.awaited || this.awaited.epoch !== epoch) {
      this.awaited = { epoch, seq, since: now - this.rttMs / 2 };
    } else {
      this.lagMs = now - this.awaited.since;
    }
  }

  /** Everything up to `seq` has been applied. */
  applied(epoch: number, seq: number, now: number): void {
    if (!this.awaited || epoch !== this.awaited.epoch || seq < this.awaited.seq) return;
    this.lagMs = now - this.awaited.since;
    this.awaited = null;
  }
}
