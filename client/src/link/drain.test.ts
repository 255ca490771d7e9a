/** How much may wait in a transport: 500 ms of what it carries, within bounds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Drain } from "./drain";

const LEAST = 32_768;
const MOST = 262_144;

/** A transport that carries `rate` bytes a ms, kept as full as it may be for `ms`; what waits in the end. */
function filled(rate: number, ms: number, step = 20): { waiting: number; carried: number } {
  const drain = new Drain();
  let waiting = 0;
  let carried = 0;
  for (let now = 1_000; now < 1_000 + ms; now += step) {
    const left = Math.min(waiting, rate * step);
    waiting -= left;
    carried += left;
    const room = Math.max(0, drain.room(waiting, now));
    drain.handed(room);
    waiting += room;
  }
  return { waiting, carried };
}

describe("Drain", () => {
  it("begins with the most, and counts what waits", () => {
    expect(new Drain().room(0, 1_000)).toBe(MOST);
    expect(new Drain().room(100_000, 1_000)).toBe(MOST - 100_000);
    expect(new Drain().room(MOST, 1_000)).toBe(0);
  });

  it("lets half a second's worth wait in a slow transport", () => {
    expect(filled(100, 20_000).waiting).toBeGreaterThan(100 * 500 * 0.8);
    expect(filled(100, 20_000).waiting).toBeLessThan(100 * 500 * 1.2);
  });

  it("lets the least wait in a stalled one, and the most in a fast one", () => {
    expect(filled(1, 400_000).waiting).toBeLessThanOrEqual(LEAST);
    expect(filled(1_000_000, 5_000).waiting).toBe(MOST);
  });

  it("never keeps a transport idle that could carry more", () => {
    for (const rate of [20, 100, 400]) expect(filled(rate, 20_000).carried).toBeGreaterThan(rate * 20_000 * 0.9);
  });

  it("keeps within its bounds whatever it sees", () => {
    const look = fc.record({ wait: fc.nat(1_000), handed: fc.nat(300_000), buffered: fc.nat(1_000_000) });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 50 }), (looks) => {
        const drain = new Drain();
        let now = 0;
        for (const { wait, handed, buffered } of looks) {
          now += wait;
          const room = drain.room(buffered, now);
          expect(room + buffered).toBeGreaterThanOrEqual(LEAST);
          expect(room + buffered).toBeLessThanOrEqual(MOST);
          drain.handed(handed);
        }
      }),
    );
  });
});
