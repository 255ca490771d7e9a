/** Tries for a direct path, gives up one that is silent, and tries again later. */
import { type Ice, Peer, type PeerSignal, type Route } from "../link/peer";
import type { Transport } from "../link/transport";
import { type Bytes, packed } from "../records";
import { SILENT_AFTER_MS } from "./states";

const OPEN_WITHIN_MS = 10_000;
const RETRY_MS = [2_000, 10_000, 30_000, 60_000];
/** Where there is no other path. */
const ALONE_RETRY_MS = [300, 1_000, 3_000, 10_000];

export interface DirectEvents {
  signal(signal: PeerSignal): void;
  onopen(transport: Transport): void;
  onmessage(message: Bytes): void;
  onclose(): void;
}

export class Direct {
  /** What the path goes by, as last asked; null while there is none. */
  route: Route | null = null;
  private peer: Peer | null = null;
  private heard = 0;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private waits: readonly number[] = RETRY_MS;
  private resting = false; // after a failure, until it is time to try again

  constructor(
    private readonly ice: () => Ice,
    private readonly events: DirectEvents,
  ) {}

  get transport(): Transport | null {
    return this.peer?.isOpen ? this.peer : null;
  }

  /** Ask for a sign of life, and what the path goes by now. */
  probe(now: number): void {
    const { peer } = this;
    if (!peer?.isOpen) return;
    peer.send(packed({ type: "ping", at: now }));
    void peer.route().then((route) => {
      if (this.peer === peer) this.route = route;
    });
  }

  closeSilent(now: number): void {
    if (this.transport && now - this.heard > SILENT_AFTER_MS) this.close();
  }

  /** Try now, unless there is a path, or an attempt, already. */
  attempt(): void {
    if (this.peer || this.stopped || this.resting) return;
    clearTimeout(this.timer);
    let peer: Peer;
    try {
      peer = this.made();
    } catch (error) {
      // A browser without WebRTC, or ICE servers that it does not take: the relay is left.
      console.warn("cobrowse: no direct path can be made", error);
      this.rest();
      return;
    }
    this.peer = peer;
    this.timer = setTimeout(() => peer.close(), OPEN_WITHIN_MS);
    peer.open();
  }

  private made(): Peer {
    const peer = new Peer(false, this.ice(), (signal) => this.events.signal(signal), {
      onopen: () => {
        clearTimeout(this.timer);
        this.failures = 0;
        this.heard = performance.now();
        this.events.onopen(peer);
      },
      onmessage: (message) => {
        this.heard = performance.now();
        this.events.onmessage(message);
      },
      ondrain: () => {},
      onclose: () => this.closed(peer),
    });
    return peer;
  }

  /** There is no other path: it is tried again sooner. */
  standAlone(): void {
    this.waits = ALONE_RETRY_MS;
  }

  receive(signal: PeerSignal): void {
    void this.peer?.receive(signal);
  }

  /** The broadcaster will not have one now: it is not asked again for a while. */
  decline(): void {
    this.failures = this.waits.length - 1;
    this.close();
  }

  close(): void {
    this.peer?.close();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.close();
  }

  private closed(peer: Peer): void {
    if (this.peer !== peer) return;
    this.peer = this.route = null;
    clearTimeout(this.timer);
    if (!this.stopped) this.rest();
    // Who is told may ask for an attempt at once.
    this.events.onclose();
  }

  private rest(): void {
    const wait = this.waits[Math.min(this.failures, this.waits.length - 1)] ?? 0;
    this.failures += 1;
    this.resting = true;
    this.timer = setTimeout(() => {
      this.resting = false;
      this.attempt();
    }, wait);
  }
}
