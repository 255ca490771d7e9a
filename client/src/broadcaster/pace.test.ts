/** How fast each viewer may send. */
import { describe, expect, it } from "vitest";
import { Pace } from "./pace";

const allowed = (pace: Pace, viewer: string, count: number, now: number) =>
  Array.from({ length: count }, () => pace.allows(viewer, now)).filter((fine) => fine).length;

describe("Pace", () => {
  it("lets through what a hand makes, for ever", () => {
    const pace = new Pace();
    for (let at = 0; at < 60_000; at += 15) expect(pace.allows("a", at)).toBe(true);
  });

  it("holds back what comes faster, each viewer on its own", () => {
    const pace = new Pace();
    expect([allowed(pace, "a", 1_000, 0), allowed(pace, "b", 10, 0)]).toEqual([200, 10]);
    expect(allowed(pace, "a", 1_000, 1_000)).toBe(100);
    expect(allowed(pace, "a", 1_000, 60_000)).toBe(200);
  });

  it("holds a steady flood to 100 a second", () => {
    const pace = new Pace();
    let fine = 0;
    for (let at = 0; at < 10_000; at += 1) if (pace.allows("a", at)) fine += 1;
    expect(fine).toBeGreaterThan(1_150);
    expect(fine).toBeLessThan(1_210);
  });

  it("forgets whom it is told to", () => {
    const pace = new Pace();
    allowed(pace, "a", 1_000, 0);
    pace.forget("a");
    expect(pace.allows("a", 0)).toBe(true);
  });
});
