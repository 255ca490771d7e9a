/** Control messages that come direct from another participant: nobody has checked them on the way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { direct, signalTo } from "./messages";
import { type Control, InvalidMessage } from "./records";

const chat = { kind: "chat", id: "c", text: "hello" };

describe("direct", () => {
  it.each<Control>([
    { type: "subscribe", id: 1, position: null },
    { type: "subscribe", id: 1, position: { epoch: 2, seq: -1 } },
    { type: "unsubscribe", id: 0 },
    { type: "input", n: 0, base: 0, input: chat },
    { type: "resumed", id: 1 },
    { type: "reset", id: 1, reason: "epoch" },
    { type: "acknowledged", viewer: "", n: 3 },
    { type: "refused", viewer: "", n: 3, reason: "no" },
    { type: "admitted", capabilities: ["view"] },
    { type: "signal", peer: "", description: { type: "offer", sdp: "v=0" }, candidate: null, declined: null },
    { type: "signal", peer: "", candidate: { candidate: "", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null } },
    { type: "ping", at: 1.5 },
    { type: "pong", at: 0, later: true },
  ])("takes $type", (message) => {
    expect(direct(message)).toBe(message);
  });

  it.each<Control>([
    { type: "subscribe", id: 1, position: { epoch: 2, seq: -2 } },
    { type: "subscribe", id: 1, position: {} },
    { type: "subscribe", id: -1, position: null },
    { type: "subscribe", id: 1.5, position: null },
    { type: "subscribe", id: "1", position: null },
    { type: "unsubscribe" },
    { type: "input", n: 0, base: 0, input: { ...chat, kind: "fly" } },
    { type: "input", n: 0, base: 0, input: { ...chat, text: "" } },
    { type: "input", n: 0, base: 0, input: { ...chat, text: "x".repeat(2_001) } },
    { type: "input", n: 0, base: 0, input: { ...chat, id: "" } },
    { type: "input", n: 0, base: 0, input: null },
    { type: "input", n: 0, input: chat },
    { type: "refused", viewer: "", n: 1, reason: "x".repeat(2_001) },
    { type: "admitted", capabilities: "view" },
    { type: "admitted", capabilities: Array(33).fill("view") },
    { type: "signal", peer: "", description: { type: "offer", sdp: "x".repeat(16_385) } },
    { type: "signal", peer: "", description: { type: "answered", sdp: "" } },
    { type: "signal", peer: "", candidate: { candidate: "x".repeat(1_025) } },
    { type: "signal", peer: "x".repeat(65) },
    { type: "ping", at: Number.NaN },
    { type: "ping" },
  ])("refuses a malformed $type", (message) => {
    expect(() => direct(message)).toThrow(InvalidMessage);
  });

  it.each([["later"], ["welcome"], ["ended"], ["admit"], ["toString"], ["__proto__"], ["constructor"]])(
    "ignores %s",
    (type) => {
      expect(direct({ type })).toBeNull();
    },
  );

  it("meets anything with a message, null or InvalidMessage", () => {
    const type = fc.constantFrom("subscribe", "input", "signal", "admitted", "refused", "reset", "ping", "later");
    fc.assert(
      fc.property(type, fc.dictionary(fc.string(), fc.anything()), fc.anything(), (type, more, what) => {
        const control = { ...more, input: what, position: what, description: what, id: 1, n: 1, at: 1, type };
        try {
          expect([control, null]).toContain(direct(control));
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidMessage);
        }
      }),
    );
  });
});

describe("signalTo", () => {
  it("says null for what it does not say", () => {
    expect(signalTo("a", { declined: "no" })).toEqual({
      type: "signal",
      peer: "a",
      description: null,
      candidate: null,
      declined: "no",
    });
  });
});
