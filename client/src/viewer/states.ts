/** What a viewer is in, said in one word and one sentence. Pure. */
import { CloseCode, type Ended, type Updated } from "../protocol.gen";
import type { Path } from "./paths";

export type ViewerState =
  | "connecting"
  | "waiting"
  | "live"
  | "resetting"
  | "paused"
  | "away"
  | "denied"
  | "ended"
  | "failed";

/** A change of path takes a round trip; from here on it is called silence. */
export const SILENT_AFTER_MS = 3_000;

export interface Situation {
  readonly before: ViewerState;
  /** Whether the server has answered, and can be talked to. */
  readonly welcomed: boolean;
  readonly connected: boolean;
  readonly session: Updated["state"];
  readonly admitted: boolean;
  /** Whether a checkpoint is awaited, and whether a page was ever shown. */
  readonly starting: boolean;
  readonly shownOnce: boolean;
  /** The path that delivers, and for how long none has. */
  readonly active: Path | null;
  readonly interruptedMs: number;
}

/** The state of a viewer that is neither denied, nor over, nor failed. */
export function stateIn(at: Situation): ViewerState {
  const { active, session, starting } = at;
  const isChanging = active === null && at.interruptedMs < SILENT_AFTER_MS;
  if (isChanging && at.before === "live" && session === "active" && !starting) return "live";
  if (!at.welcomed || (active === null && !at.connected)) return "connecting";
  // By a direct path the page goes on while its visitor has lost the server.
  if (session === "paused" || (session === "away" && active !== "direct")) return session;
  if (!at.admitted) return "waiting";
  if (starting) return at.shownOnce ? "resetting" : "waiting";
  return active === null ? "connecting" : "live";
}

const DENIED: readonly number[] = [
  CloseCode.REFUSED,
  CloseCode.REMOVED,
  CloseCode.UNAUTHORIZED,
  CloseCode.UNKNOWN_SESSION,
  CloseCode.NOT_PERMITTED,
];

/** What a final close code makes of the viewer. */
export function stateAfter(code: number): "ended" | "denied" | "failed" {
  if (code === CloseCode.ENDED) return "ended";
  return DENIED.includes(code) ? "denied" : "failed";
}

export const ENDED: Readonly<Record<Ended["reason"], string>> = {
  broadcaster: "the visitor has ended it",
  failed: "the visitor's page cannot be shared; the console of their browser says why",
  agent: "an agent has ended it",
  pending_timeout: "nobody was let in for a long time",
  idle_timeout: "nobody has watched for a long time",
  active_timeout: "it has reached the longest time allowed",
  away_timeout: "the visitor did not come back",
  server: "the server has ended it",
};
