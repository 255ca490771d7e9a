/** Numbers from a seed, for tests that make up a hundred thousand cases: the same each time, and made in no time. */
import type { Bytes } from "./records";

export class Random {
  constructor(private state: number) {}

  /** A whole number from 0 to and without `limit`. */
  below(limit: number): number {
    // mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

export function noise(random: Random, most: number): Bytes {
  return Uint8Array.from({ length: random.below(most + 1) }, () => random.below(256));
}

/** A value that nobody expects. */
export function odd(random: Random, depth = 0): unknown {
  switch (random.below(depth < 2 ? 8 : 6)) {
    case 0:
      return random.of([null, undefined, true, false]);
    case 1:
      return random.of([-1, 0, 1, 2, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 60), random.below(1_000)]);
    case 2:
      return random.of(["", "a", "constructor", "__proto__", "toString", "\u0000", "<b>", "x".repeat(300)]);
    case 3:
      return noise(random, 8);
    case 4:
      return random.below(12);
    case 5:
      return random.of([[], {}]);
    case 6:
      return Array.from({ length: random.below(4) }, () => odd(random, depth + 1));
    default:
      return { [random.of(["id", "type", "x", "seq", "epoch", "kind"])]: odd(random, depth + 1), id: random.below(9) };
  }
}
