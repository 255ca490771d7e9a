import { describe, expect, it } from "vitest";
import { hintedMs } from "./server";

describe("when to come back", () => {
  it.each([
    ["too many connections from your address; come back in 5 s", 5_000],
    ["come back in 999999 s", 60_000],
    ["come back in 5 s, or never", 0],
    ["the server is restarting", 0],
    ["", 0],
  ])("%j", (reason, ms) => {
    expect(hintedMs(reason)).toBe(ms);
  });
});
