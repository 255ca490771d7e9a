import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHECK_SIZE, opened, sealed } from "./check";

describe("the check of a message", () => {
  const message = fc.uint8Array({ maxLength: 200 });

  it("lets through what was sent, in its turn alone", () => {
    fc.assert(
      fc.property(message, fc.nat(1_000_000), fc.integer({ min: 1, max: 65_535 }), (given, n, more) => {
        expect(opened(sealed(given, n), n)).toEqual(given);
        expect(opened(sealed(given, n), n + more)).toBeNull();
      }),
    );
  });

  it("sees every bit that is another, and up to sixteen in a row", () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 65_535 }), (given, n, place, burst) => {
        const whole = sealed(given, n);
        const at = place % (whole.length - CHECK_SIZE + 1);
        new DataView(whole.buffer).setUint16(at, new DataView(whole.buffer).getUint16(at) ^ burst);
        expect(opened(whole, n)).toBeNull();
      }),
    );
  });

  it("sees that there is nothing, or too little", () => {
    for (const size of [0, 1]) expect(opened(new Uint8Array(size), 0)).toBeNull();
    expect(opened(new Uint8Array(2), 1)).toBeNull();
  });
});
