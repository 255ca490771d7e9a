/** What a viewer is told where no page can be shown as live, in a sentence. Pure. */
import type { ViewerState } from "./states";

/** What each state means. */
const SENTENCES: Record<ViewerState, string> = {
  connecting: "Connecting…",
  waiting: "Waiting for the visitor to let you in…",
  live: "Live",
  resetting: "Catching up: the page is being built anew…",
  paused: "The visitor has paused sharing. The page goes on when they do.",
  away: "The visitor has left the page for a moment…",
  denied: "You cannot see this session",
  ended: "The session is over",
  failed: "This did not work",
};

/** Connecting takes a moment; from here on it is said why it may take longer. */
export const LONG_MS = 10_000;

export interface Situation {
  readonly state: ViewerState;
  /** Why it is denied, ended or failed, or what the site says of its absence. */
  readonly reason: string;
  readonly admitted: boolean;
  /** How much of the checkpoint that is awaited is here, from 0 to 1; null when none is on its way. */
  readonly progress: number | null;
  /** Whether the connection was too slow for the page before it was lost, or before the page had to be built anew. */
  readonly slow: boolean;
  /** For how long no path has delivered. */
  readonly interruptedMs: number;
}

export function noticeOf({ state, reason, admitted, progress, slow, interruptedMs }: Situation): string {
  if (reason) return `${SENTENCES[state].replace(/[….]+$/, "")}: ${reason}.`;
  const part = progress === null ? "" : `, ${Math.floor(progress * 100)} % of it is here`;
  if (state === "waiting" && admitted) return `You are let in: the page is on its way${part}…`;
  if (state === "resetting" && slow)
    return `Catching up: your connection is slow for this page${part}… Another network helps.`;
  if (state === "resetting" && part) return `Catching up: the page is being built anew${part}…`;
  if (state === "connecting" && slow)
    return "Connecting: your connection is too slow for this page. It is tried again and again; another network helps.";
  if (state === "connecting" && interruptedMs >= LONG_MS)
    return "Connecting: nothing comes from the server, or too slowly. It is tried again and again; look at your network.";
  return SENTENCES[state];
}
