/** What a site gives when it starts a session, and what it gets: the types of the public surface. */
import type { Anchor } from "../anchor";
import type { Wish } from "../link/choice";
import type { Route } from "../link/peer";
import type { TransportKind } from "../link/transport";
import type { Capability, Ended, Updated } from "../protocol.gen";
import type { ChatLine } from "../state";
import type { ViewerInfo } from "./consent";
import type { SiteHooks } from "./hooks";
import type { PrivacyOptions } from "./privacy";
import type { Session } from "./session";

export interface StartOptions extends PrivacyOptions, SiteHooks {
  /** The site's key; default: the script tag's `data-site`. */
  readonly site?: string;
  /** The server; default: where the script came from. */
  readonly server?: string;
  /** What the site knows of the visitor, for its own use. */
  readonly customData?: Readonly<Record<string, string>>;
  /** The most that may be granted in this session. */
  readonly capabilities?: readonly Capability[];
  /** "granted": the visitor has agreed already to be seen by whoever holds the link; needs the site's policy. */
  readonly consent?: "ask" | "granted";
  /** "relay" keeps frames off direct paths, "direct" off the server. */
  readonly path?: "auto" | "relay" | "direct";
  /** One transport to the server alone, for diagnosis. */
  readonly transport?: Wish;
}

export type SessionState = Updated["state"];
export type EndedReason = Ended["reason"];

export interface Viewer extends ViewerInfo {
  readonly capabilities: readonly Capability[];
  readonly path: "direct" | "relay";
}

export interface Stats {
  readonly epoch: number;
  readonly seq: number;
  readonly viewers: number;
  readonly bytesSent: number;
  readonly checkpoints: number;
}

/** How one viewer does: its path, and what it says of itself; null is not known yet. Times in ms. */
export interface ViewerMetrics {
  readonly viewer: string;
  readonly path: "direct" | "relay";
  /** What a direct path goes by. */
  readonly route: Route | null;
  /** How far it is behind this page, and the round trip to it. */
  readonly lagMs: number | null;
  readonly rttMs: number | null;
  /** How often its page was built anew, and the bytes it has received of the log. */
  readonly resets: number | null;
  readonly bytesReceived: number | null;
}

/** How the session goes, once a second. */
export interface Metrics extends Stats {
  /** What the server is reached by, and how long a round trip to it takes, in ms. */
  readonly transport: TransportKind | null;
  readonly serverRttMs: number | null;
  /** Whether this tab is hidden: what is recorded of it may come late. */
  readonly hidden: boolean;
  /** One of each viewer. */
  readonly perViewer: readonly ViewerMetrics[];
}

export type SessionEvents = {
  "session.updated": Session;
  "session.ended": Session;
  "viewer.requested": ViewerInfo;
  "viewer.joined": Viewer;
  "viewer.left": ViewerInfo;
  "viewer.updated": Viewer;
  chat: ChatLine;
  /** A viewer is writing a line: told each 2 s while that is so, and to be believed for 5. */
  typing: ViewerInfo;
  metrics: Metrics;
  /** A viewer's pointer; null when it has left the page. For the widget. */
  pointer: { viewer: ViewerInfo; anchor: Anchor | null };
};

/** A session cannot be started or carried on; the text says why, and `code` is the close code. */
export class SessionError extends Error {
  override readonly name = "SessionError";

  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}
