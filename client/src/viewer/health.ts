/** How the connection does, in numbers, and in a plain sentence when something is wrong. Pure. */
import type { Route } from "../link/peer";
import type { ViewerStats } from "./options";

export interface Health {
  /** Name and value of each line of the panel. */
  readonly lines: readonly (readonly [string, string])[];
  /** What is degraded and what to do about it; null when all is well. */
  readonly advice: string | null;
}

/** Behind by more than this is felt. */
export const BEHIND_MS = 1_000;
export const SLOW_ROUND_TRIP_MS = 600;
/** So many times built anew points to a connection that does not keep up. */
export const MANY_RESETS = 3;

const CANDIDATES: Readonly<Record<string, string>> = {
  host: "own address",
  srflx: "public address",
  prflx: "public address",
  relay: "TURN",
};

export function healthOf(
  stats: ViewerStats,
  route: Route | null,
  serverRttMs: number | null,
  visitorHidden: boolean,
): Health {
  const { state, path, transport, rttMs, lagMs, bytesReceived, resets } = stats;
  const by = path === null ? "none" : path === "direct" ? "direct, browser to browser" : "by the server";
  const lines: [string, string][] = [
    ["Path", by],
    ["Transport", transport ?? "none"],
    ...(route ? ([["Addresses", `${named(route.local)} to ${named(route.remote)}, ${route.protocol}`]] as const) : []),
    ["Round trip to the visitor", milliseconds(rttMs)],
    ["Round trip to the server", milliseconds(serverRttMs)],
    ["Behind the visitor", milliseconds(lagMs)],
    ["Received", bytes(bytesReceived)],
    ["Built anew", resets === 1 ? "once" : `${resets} times`],
    ["The visitor's tab", visitorHidden ? "hidden" : "in view"],
  ].map(([name, value]) => [name ?? "", value ?? ""]);
  return { lines, advice: state === "live" ? adviceOn(stats, visitorHidden) : null };
}

function adviceOn({ path, transport, rttMs, lagMs, resets }: ViewerStats, visitorHidden: boolean): string | null {
  if (visitorHidden) return "The visitor looks at another tab: the page may stand still until they are back.";
  if (lagMs !== null && lagMs > BEHIND_MS)
    return `You are ${(lagMs / 1_000).toFixed(1)} s behind: a network on the way is slow. Say so, and wait before you ask for the next step.`;
  if (rttMs !== null && rttMs > SLOW_ROUND_TRIP_MS)
    return "The way to the visitor is long or busy: give each step a moment.";
  if (resets >= MANY_RESETS)
    return "The page had to be built anew several times: your connection drops. A cable or another network helps.";
  if (path === "relay" && transport === "http")
    return "WebSockets do not pass between you and the server, so changes take longer. Ask whoever runs your network to let them through.";
  return null;
}

function named(kind: string): string {
  return CANDIDATES[kind] ?? kind;
}

function milliseconds(value: number | null): string {
  if (value === null) return "not known";
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function bytes(value: number): string {
  if (value < 1_000) return `${value} B`;
  return value < 1_000_000 ? `${(value / 1_000).toFixed(1)} kB` : `${(value / 1_000_000).toFixed(1)} MB`;
}
