/** Every state of a viewer has its word. */
import { describe, expect, it } from "vitest";
import { CloseCode } from "../protocol.gen";
import { SILENT_AFTER_MS, type Situation, stateAfter, stateIn } from "./states";

const LIVE: Situation = {
  before: "live",
  welcomed: true,
  connected: true,
  session: "active",
  admitted: true,
  starting: false,
  shownOnce: true,
  active: "relay",
  interruptedMs: 0,
};

describe("stateIn", () => {
  it.each<[string, Partial<Situation>, string]>([
    ["all is well", {}, "live"],
    ["nothing is there yet", { before: "connecting", welcomed: false, active: null }, "connecting"],
    ["not let in", { admitted: false, active: null, before: "waiting" }, "waiting"],
    ["let in, and no page yet", { starting: true, shownOnce: false, before: "waiting" }, "waiting"],
    ["a page is built anew", { starting: true }, "resetting"],
    ["paused", { session: "paused" }, "paused"],
    ["away", { session: "away" }, "away"],
    ["the visitor has lost the server, and the page goes on", { session: "away", active: "direct" }, "live"],
    ["a path changes", { active: null, interruptedMs: SILENT_AFTER_MS - 1 }, "live"],
    ["a path changes, and the server is gone", { active: null, connected: false, interruptedMs: 100 }, "live"],
    ["no path for long", { active: null, interruptedMs: SILENT_AFTER_MS }, "connecting"],
    ["no path, and it was not live", { active: null, before: "away", interruptedMs: 100 }, "connecting"],
    ["no path, and the page is built anew", { active: null, starting: true, interruptedMs: 100 }, "resetting"],
  ])("%s", (_, change, state) => {
    expect(stateIn({ ...LIVE, ...change })).toBe(state);
  });

  it("shows no page as live that a checkpoint is awaited for", () => {
    expect(stateIn({ ...LIVE, starting: true, active: null, interruptedMs: 0 })).not.toBe("live");
  });
});

describe("stateAfter", () => {
  it.each([
    [CloseCode.ENDED, "ended"],
    [CloseCode.REFUSED, "denied"],
    [CloseCode.UNKNOWN_SESSION, "denied"],
    [CloseCode.VERSION_MISMATCH, "failed"],
    [1009, "failed"],
  ])("%s", (code, state) => {
    expect(stateAfter(code)).toBe(state);
  });
});
