/**
 * The link's secret. It is made in the broadcaster's browser and never leaves browsers: the server gets only a key
 * derived from it, HKDF-SHA256(secret, info "auth") (RFC 5869), of which it keeps a hash.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "./records";

const SECRET_BYTES = 16;
const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

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
  return hkdf(encoder.encode(secret), encoder.encode("auth"));
}

/** The first 32 bytes of HKDF-SHA256 without a salt (RFC 5869). By hand, as all of its kind would be loaded with another. */
export function hkdf(secret: Bytes, info: Bytes): Bytes {
  return hmac(hmac(new Uint8Array(HASH_BYTES), secret), Uint8Array.of(...info, 1));
}

/** HMAC-SHA256 (RFC 2104), for keys of at most a block. */
function hmac(key: Bytes, message: Bytes): Bytes {
  const padded = (mask: number) => Uint8Array.from({ length: BLOCK_BYTES }, (_, at) => (key[at] ?? 0) ^ mask);
  const inner = sha256(Uint8Array.of(...padded(0x36), ...message));
  return sha256(Uint8Array.of(...padded(0x5c), ...inner));
}

/** A random id, for a line of chat or the like. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
