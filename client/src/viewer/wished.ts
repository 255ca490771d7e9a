/** A path or transport that was asked for: one that cannot be is given up, with a sentence, rather than waited for. */

const WITHIN_MS = 20_000;

export class Wished {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly giveUp: (reason: string) => void) {}

  /** It is to hold in time, else it is given up for that reason. */
  within(holds: () => boolean, reason: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!holds()) this.giveUp(reason);
    }, WITHIN_MS);
  }

  granted(): void {
    clearTimeout(this.timer);
  }
}
