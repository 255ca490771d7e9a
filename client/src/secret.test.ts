/** The proof is HKDF, as the RFC and another implementation have it. */
import { hkdf as hkdfTheirs } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hkdf, makeSecret, proofOf } from "./secret";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("hkdf", () => {
  it("gives the test case of RFC 5869 without salt and info", () => {
    const okm = hkdf(new Uint8Array(22).fill(0x0b), new Uint8Array(0));
    expect(hex(okm)).toBe("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
  });

  it("is the same as another's", () => {
    const bytes = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(bytes, bytes, (secret, info) => {
        expect(hex(hkdf(secret, info))).toBe(hex(hkdfTheirs(sha256, secret, undefined, info, 32)));
      }),
    );
  });
});

describe("a secret", () => {
  it("is another each time, and its proof is 32 bytes that do not show it", () => {
    const secrets = new Set(Array.from({ length: 50 }, makeSecret));
    expect(secrets.size).toBe(50);
    for (const secret of secrets) {
      expect(secret).toMatch(/^[\w-]{22}$/);
      expect(proofOf(secret)).toHaveLength(32);
    }
  });
});
