/**
 * A viewer's inputs, applied once and in order whatever path they take: each carries a number, the broadcaster
 * acknowledges. Pure; `now` in ms. `InputSender` stands in the viewer, `InputReceiver` in the broadcaster.
 */

/** Unacknowledged inputs younger than this are sent again after a change of path. */
export const RESEND_WITHIN_MS = 2_000;
/** How long a hole is waited for before what follows it is refused. */
export const HOLE_WAIT_MS = 500;
/** Inputs that may wait behind a hole, and for an acknowledgement. */
export const MAX_WAITING = 256;

export interface Numbered<T> {
  readonly n: number;
  /** The lowest number that the sender still has: a hole below it will not be filled. */
  readonly base: number;
  readonly input: T;
}

export class InputSender<T> {
  private n = 0;
  private unacknowledged: { n: number; input: T; at: number }[] = [];

  /** Number an input. The oldest unacknowledged one is let go when too many wait. */
  send(input: T, now: number): Numbered<T> {
    const n = this.n++;
    this.unacknowledged.push({ n, input, at: now });
    if (this.unacknowledged.length > MAX_WAITING) this.unacknowledged.shift();
    return { n, base: this.base, input };
  }

  /** The broadcaster has dealt with everything up to `n`. */
  acknowledged(n: number): void {
    this.unacknowledged = this.unacknowledged.filter((waiting) => waiting.n > n);
  }

  /** The broadcaster will not apply `n`. */
  refused(n: number): void {
    this.unacknowledged = this.unacknowledged.filter((waiting) => waiting.n !== n);
  }

  /** After a change of path: what may not have arrived, in order. What is too old is given up. */
  resend(now: number): Numbered<T>[] {
    this.unacknowledged = this.unacknowledged.filter((waiting) => now - waiting.at < RESEND_WITHIN_MS);
    return this.unacknowledged.map(({ n, input }) => ({ n, base: this.base, input }));
  }

  private get base(): number {
    return this.unacknowledged[0]?.n ?? this.n;
  }
}

export interface Received<T> {
  /** To apply now, in this order. */
  readonly apply: T[];
  /** Everything up to here has been dealt with; -1 is nothing yet. */
  readonly acknowledge: number;
  /** Numbers that will not be applied. */
  readonly refuse: number[];
}

export class InputReceiver<T> {
  private waiting = new Map<number, { input: T; at: number }>();

  constructor(public next = 0) {}

  take(numbered: Numbered<T>, now: number): Received<T> {
    const { n, base, input } = numbered;
    if (base > this.next && base <= n) this.skipTo(base);
    if (n === this.next || (n > this.next && this.waiting.size < MAX_WAITING)) this.waiting.set(n, { input, at: now });
    return this.tick(now);
  }

  /** Call while something waits: a hole is waited for, then what follows it is refused. */
  tick(now: number): Received<T> {
    const apply: T[] = [];
    const refuse: number[] = [];
    const run = () => {
      for (let waiting = this.waiting.get(this.next); waiting; waiting = this.waiting.get(this.next)) {
        apply.push(waiting.input);
        this.waiting.delete(this.next);
        this.next += 1;
      }
    };
    run();
    const oldest = Math.min(...Array.from(this.waiting.values(), ({ at }) => at));
    if (this.waiting.size > 0 && now - oldest >= HOLE_WAIT_MS) {
      refuse.push(...[...this.waiting.keys()].sort((a, b) => a - b));
      this.next = Math.max(...refuse) + 1;
      this.waiting.clear();
    }
    return { apply, acknowledge: this.next - 1, refuse };
  }

  private skipTo(base: number): void {
    for (const n of this.waiting.keys()) if (n < base) this.waiting.delete(n);
    this.next = base;
  }

  get hasHole(): boolean {
    return this.waiting.size > 0;
  }
}
