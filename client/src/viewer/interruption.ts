/** For how long no path has delivered, and what came before. Pure. */
export class Interruption {
  /** Whether the connection was too slow for the page before it was lost. */
  slow = false;
  private since: number | null = null;

  /** Whether a path delivers now. */
  note(delivers: boolean, now: number): void {
    if (delivers) this.since = null;
    else this.since ??= now;
  }

  /** How long it lasts; without one, since ever. */
  lastsMs(now: number): number {
    return now - (this.since ?? 0);
  }
}
