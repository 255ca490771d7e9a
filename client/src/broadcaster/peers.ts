/** The direct paths of this broadcaster: a few viewers are served from here, the rest stay on the relay. */
import { type Ice, Peer, type Route } from "../link/peer";
import { direct, signalIn, signalTo } from "../messages";
import type { InputMessage, Signal } from "../protocol.gen";
import { type Bytes, decode, isControl, packed, type Volatile } from "../records";
import { DirectFeed, Pump } from "./feeds";
import type { Recorder } from "./recorder";

export const MAX_DIRECT = 4;
/** Any byte received is life; this long without one and the path is given up. */
const SILENT_AFTER_MS = 10_000;
/** A path this long silent makes room for another viewer's. */
const SUSPECT_AFTER_MS = 3_000;

export interface PeerEvents {
  /** Whether the viewer may look, now. */
  mayView(viewer: string): boolean;
  signal(signal: Signal): void;
  input(viewer: string, message: InputMessage): void;
  volatile(viewer: string, record: Volatile): void;
  onchange(): void;
}

interface DirectViewer {
  readonly peer: Peer;
  /** Of the viewer's peer connection, which its next one does not have. */
  readonly origin: string;
  readonly feed: DirectFeed;
  readonly pump: Pump;
  heard: number;
  route: Route | null;
}

export class Peers {
  private readonly direct = new Map<string, DirectViewer>();
  private sentBefore = 0;

  constructor(
    private readonly recorder: Recorder,
    private readonly ice: () => Ice,
    private readonly events: PeerEvents,
  ) {}

  /** A signal of an admitted viewer; its first offer opens the path. */
  receive(viewer: string, signal: Signal): void {
    const { description } = signal;
    const origin = description?.type === "offer" ? originOf(description.sdp) : null;
    let known = this.direct.get(viewer);
    if (known && origin !== null && origin !== known.origin) {
      // The viewer has given up the path that we still have: nobody could tell us.
      known.peer.close();
      known = undefined;
    }
    if (!known) {
      if (origin === null) return;
      if (this.direct.size >= MAX_DIRECT) this.closeSilent(SUSPECT_AFTER_MS);
      if (this.direct.size >= MAX_DIRECT) {
        this.events.signal(signalTo(viewer, { declined: `${MAX_DIRECT} viewers have a direct path already` }));
        return;
      }
      try {
        known = this.open(viewer, origin);
      } catch (error) {
        // A browser without WebRTC, or ICE servers that it does not take.
        console.warn("cobrowse: no direct path can be made", error);
        this.events.signal(signalTo(viewer, { declined: "the visitor's browser makes no direct path" }));
        return;
      }
    }
    void known.peer.receive(signalIn(signal));
  }

  /** Whether the viewer reads the log by its direct path. */
  serves(viewer: string): boolean {
    return this.direct.get(viewer)?.feed.isFollowing ?? false;
  }

  /** What the viewer's direct path goes by, as it was last looked at. */
  routeOf(viewer: string): Route | null {
    return this.direct.get(viewer)?.route ?? null;
  }

  get sent(): number {
    return [...this.direct.values()].reduce((sum, { pump }) => sum + pump.sent, this.sentBefore);
  }

  pump(): void {
    for (const { pump } of this.direct.values()) pump.pump();
  }

  /** Send a control message by the viewer's direct path; false if there is none. */
  send(viewer: string, message: object): boolean {
    const known = this.direct.get(viewer);
    if (!known?.peer.isOpen) return false;
    known.peer.send(packed(message));
    return true;
  }

  /** Send a volatile record to one viewer; false if it has no direct path. */
  sendVolatile(viewer: string, record: Bytes): boolean {
    const known = this.direct.get(viewer);
    if (!known?.peer.isOpen) return false;
    known.peer.sendVolatile(record);
    return true;
  }

  /** Ask for signs of life, and give up paths that show none. */
  tick(): void {
    this.closeSilent(SILENT_AFTER_MS);
    for (const [viewer, known] of this.direct) {
      this.send(viewer, { type: "ping", at: performance.now() });
      void known.peer.route().then((route) => {
        known.route = route;
      });
    }
  }

  close(viewer?: string): void {
    for (const [id, { peer }] of this.direct) if (viewer === undefined || id === viewer) peer.close();
  }

  private closeSilent(after: number): void {
    const now = performance.now();
    for (const { peer, heard } of [...this.direct.values()]) if (now - heard > after) peer.close();
  }

  private open(viewer: string, origin: string): DirectViewer {
    const feed = new DirectFeed(this.recorder);
    const peer = new Peer(true, this.ice(), (signal) => this.events.signal(signalTo(viewer, signal)), {
      onopen: () => {
        known.heard = performance.now();
        known.pump.pump();
      },
      onmessage: (message) => this.message(viewer, known, message),
      ondrain: () => known.pump.pump(),
      onclose: () => {
        if (this.direct.get(viewer) !== known) return;
        this.direct.delete(viewer);
        this.sentBefore += known.pump.sent;
        this.events.onchange();
      },
    });
    const pump = new Pump(peer, feed);
    const known: DirectViewer = { peer, origin, feed, pump, heard: performance.now(), route: null };
    this.direct.set(viewer, known);
    return known;
  }

  private message(viewer: string, known: DirectViewer, message: Bytes): void {
    known.heard = performance.now();
    try {
      for (const item of decode(message)) {
        if (!this.events.mayView(viewer)) known.peer.close();
        else if (isControl(item)) this.control(viewer, known, direct(item));
        else if (item.kind === 3) this.events.volatile(viewer, item);
      }
    } catch (error) {
      console.warn("cobrowse: a direct path is given up", error);
      known.peer.close(1000, error instanceof Error ? error.message : String(error));
    }
  }

  private control(viewer: string, known: DirectViewer, message: ReturnType<typeof direct>): void {
    switch (message?.type) {
      case "subscribe":
        known.feed.subscribe(message);
        known.pump.pump();
        this.events.onchange();
        break;
      case "unsubscribe":
        known.feed.unsubscribe(message);
        this.events.onchange();
        break;
      case "input":
        this.events.input(viewer, message);
        break;
      case "signal":
        this.receive(viewer, message);
        break;
      case "ping":
        this.send(viewer, { type: "pong", at: message.at });
        break;
    }
  }
}

/** What tells one peer connection of the other side from another: its session id (JSEP, RFC 9429, section 5.2.1). */
function originOf(sdp: string): string {
  return /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? "";
}
