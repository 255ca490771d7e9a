/** A first look at every event before the player sees it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlayable } from "./check";

describe("isPlayable", () => {
  it.each([
    [{ type: 0, timestamp: 1, data: {} }],
    [{ type: 2, timestamp: 1, data: { node: {} } }],
    [{ type: 3, timestamp: 1, data: { source: 0 } }],
    [{ type: 3, timestamp: 1, data: { source: 16 } }],
    [{ type: 5, timestamp: 1, data: { tag: "x" } }],
  ])("takes %o", (event) => {
    expect(isPlayable(event)).toBe(true);
  });

  it.each([
    [null],
    [undefined],
    ["event"],
    [[]],
    [{}],
    [{ type: 6, timestamp: 1, data: {} }],
    [{ type: -1, timestamp: 1, data: {} }],
    [{ type: "3", timestamp: 1, data: { source: 0 } }],
    [{ type: 2.5, timestamp: 1, data: {} }],
    [{ type: 2, timestamp: "1", data: {} }],
    [{ type: 2, data: {} }],
    [{ type: 3, timestamp: 1 }],
    [{ type: 3, timestamp: 1, data: null }],
    [{ type: 3, timestamp: 1, data: {} }],
    [{ type: 3, timestamp: 1, data: { source: 9 } }],
    [{ type: 3, timestamp: 1, data: { source: 17 } }],
    [{ type: 3, timestamp: 1, data: { source: "0" } }],
  ])("leaves %o", (event) => {
    expect(isPlayable(event)).toBe(false);
  });

  it("has an answer for anything", () => {
    fc.assert(fc.property(fc.anything(), (event) => typeof isPlayable(event) === "boolean"));
  });
});
