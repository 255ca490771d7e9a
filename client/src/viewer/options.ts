/** What a viewer is given, and what it tells of itself. */
import type { Wish } from "../link/choice";
import type { TransportKind } from "../link/transport";
import type { Reason } from "./left";
import type { Path } from "./paths";
import type { ViewerState } from "./states";

export interface ViewerOptions {
  /** The server's address, with a trailing slash. */
  readonly base: string;
  readonly session: string;
  readonly secret: string | null;
  readonly agentToken: string | null;
  readonly viewerToken: string | null;
  readonly path: "auto" | Path;
  readonly transport: Wish;
  readonly keepToken: (token: string | null) => void;
}

export interface ViewerStats {
  readonly state: ViewerState;
  readonly path: Path | null;
  readonly transport: TransportKind | null;
  readonly rttMs: number | null;
  readonly lagMs: number | null;
  readonly epoch: number;
  readonly seq: number;
  readonly bytesReceived: number;
  readonly framesReceived: number;
  readonly resets: number;
  readonly eventsHeld: number;
  /** What was left out of the page since it was built, as it could harm who looks at it: how many, by reason. */
  readonly leftOut: Readonly<Partial<Record<Reason, number>>>;
}
