/**
 * Control messages that a participant may send to another by a direct path: nobody has checked them on the way, so
 * they are checked here. What the server sends is typed by `protocol.gen.ts` and taken as it is.
 */
import type { PeerSignal } from "./link/peer";
import {
  type Acknowledged,
  type Admitted,
  CAPABILITIES,
  type Declined,
  type InputMessage,
  type Ping,
  type Pong,
  type Refused,
  type Reset,
  type Resumed,
  type Signal,
  type Subscribe,
  type Unsubscribe,
} from "./protocol.gen";
import { type Control, InvalidMessage } from "./records";

export type Direct =
  | Subscribe
  | Unsubscribe
  | InputMessage
  | Resumed
  | Reset
  | Acknowledged
  | Refused
  | Declined
  | Admitted
  | Signal
  | Ping
  | Pong;

type Check = (value: unknown) => boolean;

const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const finite: Check = (value) => typeof value === "number" && Number.isFinite(value);
const upTo =
  (most: number): Check =>
  (value) =>
    count(value) && (value as number) <= most;
/** Characters are code points, as the server counts them. */
const text =
  (most: number, least = 0): Check =>
  (value) =>
    typeof value === "string" && value.length >= least && (value.length <= most || isWithin(value, most));
const isWithin = (value: string, most: number) => value.length <= 2 * most && Array.from(value).length <= most;
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
/** The same for what may be left out. */
const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || value === undefined || check(value);
const listOf =
  (check: Check, most: number, least = 0): Check =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.length <= most && value.every(check);
const map =
  (checks: Record<string, Check>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(checks).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const position = map({ epoch: count, seq: (value) => value === -1 || count(value) });
const description = map({ type: oneOf("offer", "answer", "rollback", "pranswer"), sdp: text(16_384) });
const candidate = map({
  candidate: text(1_024),
  sdpMid: nullOr(text(64)),
  sdpMLineIndex: nullOr(upTo(64)),
  usernameFragment: nullOr(text(256)),
});
const capability = oneOf(...CAPABILITIES);
const capabilities = listOf(capability, CAPABILITIES.length);
const chat = map({ kind: oneOf("chat"), id: text(64, 1), text: text(2_000, 1) });
const request = map({ kind: oneOf("request"), capabilities: listOf(capability, CAPABILITIES.length, 1) });
const input: Check = (value) => chat(value) || request(value);

const CHECKS: Record<Direct["type"], Check> = {
  subscribe: map({ id: count, position: orNull(position) }),
  unsubscribe: map({ id: count }),
  input: map({ n: count, base: count, input }),
  resumed: map({ id: count }),
  reset: map({ id: count, reason: text(32) }),
  acknowledged: map({ viewer: text(64), n: count }),
  refused: map({ viewer: text(64), n: count, reason: text(2_000) }),
  declined: map({ viewer: text(64), capabilities, reason: text(2_000) }),
  admitted: map({ capabilities: listOf(text(32), 32) }),
  signal: map({
    peer: text(64),
    description: nullOr(description),
    candidate: nullOr(candidate),
    declined: nullOr(text(2_000)),
  }),
  ping: map({ at: finite }),
  pong: map({ at: finite }),
};

/** The message in a control map; null for an unknown type, which is ignored. Throws InvalidMessage for bad content. */
export function direct(control: Control): Direct | null {
  const check = Object.hasOwn(CHECKS, control.type) ? CHECKS[control.type as Direct["type"]] : undefined;
  if (!check) return null;
  if (!check(control)) throw new InvalidMessage(`${control.type}: not as the protocol says`);
  return control as unknown as Direct;
}

/** A signal of this end, with what it does not say left null. */
export function signalTo(peer: string, what: PeerSignal & { readonly declined?: string }): Signal {
  return { type: "signal", peer, description: null, candidate: null, declined: null, ...what };
}

/** A signal of the other end, without what it does not say. */
export function signalIn({ description, candidate }: Omit<Signal, "type">): PeerSignal {
  return { ...(description ? { description } : {}), ...(candidate ? { candidate } : {}) };
}
