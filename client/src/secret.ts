/**
 * The link's secret. It is made in the broadcaster's browser and never leaves browsers: the server gets only a key
 * derived from it, HKDF-SHA256(secret, info "auth") (RFC 5869), of which it keeps a hash.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "./records";

const SECRET_BYTES = 16;

/** A new secret, as it stands in a link. */
export function makeSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** What shows the server that one has the secret: 32 bytes. */
export function proofOf(secret: string): Bytes {
  const encoder = new TextEncoder();
  return hkdf(sha256, encoder.encode(secret), undefined, encoder.encode("auth"), 32);
}

/** A random id, for a line of chat or the like. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
