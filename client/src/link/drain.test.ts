/** How much may wait in a transport: 250 ms of what it carries, within bounds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Drain } from "./drain";

const LEAST = 8_192;
const FIRST = 16_384;
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
  it("begins carefully, and counts what waits", () => {
    expect(new Drain().room(0, 1_000)).toBe(FIRST);
    expect(new Drain().room(50_000, 1_000)).toBe(FIRST - 50_000);
    expect(new Drain().room(MOST, 1_000)).toBeLessThan(0);
  });

  it("begins carefully again after a rest", () => {
    const drain = new Drain();
    drain.room(0, 1_000);
    drain.handed(1_000_000);
    expect(drain.room(0, 1_100)).toBe(MOST);
    expect(drain.room(0, 1_900)).toBe(MOST);
    for (let now = 1_900; now < 2_900; now += 100) {
      drain.handed(100); // little, and so no news of what it could carry
      drain.room(0, now);
    }
    expect(drain.room(0, 2_900)).toBe(FIRST);
  });

  it("lets more wait where it takes long to learn that it has arrived", () => {
    const drain = new Drain();
    expect(drain.room(0, 1_000, 250)).toBe(2 * FIRST);
  });

  it("lets a quarter of a second's worth wait in a slow transport", () => {
    expect(filled(100, 20_000).waiting).toBeGreaterThan(100 * 250 * 0.8);
    expect(filled(100, 20_000).waiting).toBeLessThan(100 * 250 * 1.2);
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
