/** Tries for a direct path, and tries again later when it fails. */
import { Peer, type PeerSignal } from "../link/peer";
import type { Transport } from "../link/transport";
import type { IceServer } from "../protocol.gen";
import type { Bytes } from "../records";

const OPEN_WITHIN_MS = 10_000;
const RETRY_MS = [2_000, 10_000, 30_000, 60_000];

export interface DirectEvents {
  signal(signal: PeerSignal): void;
  onopen(transport: Transport): void;
  onmessage(message: Bytes): void;
  onclose(): void;
}

export class Direct {
  private peer: Peer | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private resting = false; // after a failure, until it is time to try again

  constructor(
    private readonly iceServers: () => readonly IceServer[],
    private readonly events: DirectEvents,
  ) {}

  get transport(): Transport | null {
    return this.peer?.isOpen ? this.peer : null;
  }

  /** Try now, unless there is a path, or an attempt, already. */
  attempt(): void {
    if (this.peer || this.stopped || this.resting) return;
    clearTimeout(this.timer);
    const peer = new Peer(false, this.iceServers(), (signal) => this.events.signal(signal), {
      onopen: () => {
        clearTimeout(this.timer);
        this.failures = 0;
        this.events.onopen(peer);
      },
      onmessage: (message) => this.events.onmessage(message),
      ondrain: () => {},
      onclose: () => this.closed(peer),
    });
    this.peer = peer;
    this.timer = setTimeout(() => peer.close(), OPEN_WITHIN_MS);
    peer.open();
  }

  receive(signal: PeerSignal): void {
    void this.peer?.receive(signal);
  }

  /** The broadcaster will not have one now: it is not asked again for a while. */
  decline(): void {
    this.failures = RETRY_MS.length - 1;
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
    this.peer = null;
    clearTimeout(this.timer);
    this.events.onclose();
    if (this.stopped) return;
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 60_000;
    this.failures += 1;
    this.resting = true;
    this.timer = setTimeout(() => {
      this.resting = false;
      this.attempt();
    }, wait);
  }
}
