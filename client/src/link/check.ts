/**
 * Two bytes at the end of a message that show whether it has come as it was sent, and as which: for roads without TLS,
 * where something on the way may change, lose or repeat bytes. `docs/protocol.md` has the text. Pure. Its twin is
 * `cobrowse/transports/check.py`.
 */
import type { Bytes } from "../records";

export const CHECK_SIZE = 2;
const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let rest = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) rest = (rest << 1) ^ (rest & 0x8000 ? POLYNOMIAL : 0);
  return rest;
});

/** CRC-16 with the polynomial of CCITT, which begins from the message's number `n`. */
function check(message: Bytes, n: number): number {
  let rest = ~n & 0xffff;
  for (const byte of message) rest = ((rest << 8) & 0xffff) ^ (TABLE[(rest >> 8) ^ byte] as number);
  return ~rest & 0xffff;
}

/** Message `n` of a direction, with its check. */
export function sealed(message: Bytes, n: number): Bytes {
  const whole = new Uint8Array(message.length + CHECK_SIZE);
  whole.set(message);
  new DataView(whole.buffer).setUint16(message.length, check(message, n));
  return whole;
}

/** The message in what has come as the `n`th; null when that is not what was sent as the `n`th. */
export function opened(whole: Bytes, n: number): Bytes | null {
  if (whole.length < CHECK_SIZE) return null;
  const message = whole.subarray(0, -CHECK_SIZE);
  const [high = 0, low = 0] = whole.subarray(-CHECK_SIZE);
  return check(message, n) === ((high << 8) | low) ? message : null;
}
