/** How far the viewer is behind the page, with no two clocks compared. */
import { describe, expect, it } from "vitest";
import { Lag } from "./lag";

const at = (seq: number, epoch = 1) => ({ epoch, seq });

describe("Lag", () => {
  it("knows nothing before a probe is back", () => {
    expect([new Lag().rttMs, new Lag().lagMs]).toEqual([null, null]);
  });

  it("is half a round trip when everything is applied already", () => {
    const lag = new Lag();
    lag.echoed(1_000, 1, 7, at(7), 1_040);
    expect([lag.rttMs, lag.lagMs]).toEqual([40, 20]);
    lag.echoed(2_000, 1, 7, at(9), 2_010);
    expect([lag.rttMs, lag.lagMs]).toEqual([10, 5]);
  });

  it("ends when the position of the probe is applied", () => {
    const lag = new Lag();
    lag.echoed(1_000, 1, 9, at(7), 1_040);
    expect(lag.lagMs).toBeNull();
    lag.applied(1, 8, 1_050);
    expect(lag.lagMs).toBeNull();
    lag.applied(1, 9, 1_060);
    expect(lag.lagMs).toBe(40);
    lag.applied(1, 20, 9_000);
    expect(lag.lagMs).toBe(40);
  });

  it("grows while it is awaited, from the first probe on", () => {
    const lag = new Lag();
    lag.echoed(1_000, 1, 9, at(7), 1_040);
    lag.echoed(2_000, 1, 50, at(8), 2_040);
    expect(lag.lagMs).toBe(2_040 - 1_020);
    lag.echoed(3_000, 1, 90, at(8), 3_040);
    expect(lag.lagMs).toBe(3_040 - 1_020);
    lag.applied(1, 9, 3_100);
    expect(lag.lagMs).toBe(3_100 - 1_020);
  });

  it("begins anew with another epoch", () => {
    const lag = new Lag();
    lag.echoed(1_000, 1, 9, at(7), 1_040);
    lag.applied(2, 20, 1_050);
    expect(lag.lagMs).toBeNull();
    lag.echoed(2_000, 2, 3, at(7), 2_040);
    lag.applied(2, 3, 2_060);
    expect(lag.lagMs).toBe(40);
  });
});
