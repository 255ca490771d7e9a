/** The panel's numbers, and a sentence for each thing that can be wrong. */
import { describe, expect, it } from "vitest";
import { BEHIND_MS, healthOf, MANY_RESETS, SLOW_ROUND_TRIP_MS } from "./health";
import type { ViewerStats } from "./options";

const WELL: ViewerStats = {
  state: "live",
  path: "direct",
  transport: "webrtc",
  rttMs: 4.2,
  lagMs: 2.1,
  epoch: 1,
  seq: 10,
  bytesReceived: 12_345,
  framesReceived: 11,
  resets: 0,
  leftOut: {},
  eventsHeld: 20,
};
const ROUTE = { rttMs: 3, local: "host", remote: "srflx", protocol: "udp" };

describe("healthOf", () => {
  it("tells the path, the addresses, times, bytes and resets", () => {
    const { lines, advice } = healthOf(WELL, ROUTE, 12.6, false);
    expect(Object.fromEntries(lines)).toEqual({
      Path: "direct, browser to browser",
      Transport: "webrtc",
      Addresses: "own address to public address, udp",
      "Round trip to the visitor": "4.2 ms",
      "Round trip to the server": "13 ms",
      "Behind the visitor": "2.1 ms",
      Received: "12.3 kB",
      "Built anew": "0 times",
      "The visitor's tab": "in view",
    });
    expect(advice).toBeNull();
  });

  it("tells what is not known yet as that", () => {
    const { lines } = healthOf({ ...WELL, path: null, transport: null, rttMs: null, lagMs: null }, null, null, false);
    expect(Object.fromEntries(lines)).toMatchObject({ Path: "none", "Behind the visitor": "not known" });
    expect(Object.fromEntries(lines)).not.toHaveProperty("Addresses");
  });

  it.each<[Partial<ViewerStats>, boolean, RegExp]>([
    [{}, true, /another tab/],
    [{ lagMs: BEHIND_MS + 400 }, false, /1\.4 s behind/],
    [{ rttMs: SLOW_ROUND_TRIP_MS + 1 }, false, /long or busy/],
    [{ resets: MANY_RESETS }, false, /built anew/],
    [{ path: "relay", transport: "http" }, false, /WebSockets do not pass/],
  ])("says what is wrong and what to do: %j", (change, hidden, says) => {
    expect(healthOf({ ...WELL, ...change }, null, 1, hidden).advice).toMatch(says);
  });

  it("says nothing beside a state that speaks for itself", () => {
    expect(healthOf({ ...WELL, state: "away", lagMs: 9_000 }, null, 1, true).advice).toBeNull();
  });
});
