/** What is told in the place of the page says what is so, and what helps. */
import { describe, expect, it } from "vitest";
import { LONG_MS, noticeOf, type Situation } from "./notice";

const CONNECTING: Situation = {
  state: "connecting",
  reason: "",
  admitted: true,
  progress: null,
  slow: false,
  interruptedMs: 0,
};

describe("noticeOf", () => {
  it.each<[string, Partial<Situation>, RegExp]>([
    ["at first", {}, /^Connecting…$/],
    ["before long", { interruptedMs: LONG_MS - 1 }, /^Connecting…$/],
    ["for long", { interruptedMs: LONG_MS }, /nothing comes from the server, or too slowly/],
    ["after it was behind", { slow: true }, /too slow for this page/],
    ["not let in", { state: "waiting", admitted: false }, /^Waiting for the visitor to let you in…$/],
    ["let in", { state: "waiting" }, /^You are let in: the page is on its way…$/],
    ["half of it is here", { state: "waiting", progress: 0.509 }, /on its way, 50 % of it is here…$/],
    ["built anew", { state: "resetting" }, /^Catching up: the page is being built anew…$/],
    ["built anew, some of it", { state: "resetting", progress: 0.25 }, /built anew, 25 % of it is here…$/],
    ["built anew, as it was behind", { state: "resetting", slow: true, progress: 0 }, /slow for this page, 0 %/],
    [
      "over",
      { state: "ended", reason: "the visitor has ended it" },
      /^The session is over: the visitor has ended it\.$/,
    ],
    ["away, expected", { state: "away", reason: "paying" }, /^The visitor has left the page for a moment: paying\.$/],
  ])("%s", (_, change, said) => {
    expect(noticeOf({ ...CONNECTING, ...change })).toMatch(said);
  });
});
