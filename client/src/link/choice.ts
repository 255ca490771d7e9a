/**
 * Which transport to the server: a WebSocket by default; WebRTC where WebSockets do not pass, or are measurably worse;
 * HTTP last, and to begin with where nothing else opens. What failed rests, longer each time, so that nothing flaps.
 * Pure; `now` in ms.
 */
import type { TransportKind } from "./transport";

/** One transport alone, for diagnosis; `auto` leaves it to the choice. */
export type Wish = "auto" | TransportKind;

/** How long a kind that failed is left alone: the first time, the second … */
export const REST_MS = [30_000, 60_000, 120_000, 300_000, 600_000];
/** So long after the last failure of a kind, the next is its first again. Longer than any rest. */
export const FORGOTTEN_AFTER_MS = 1_200_000;
/** A WebSocket that did not open may have met a restart: it is tried once more so soon. */
export const AGAIN_MS = 1_000;
/** Round trips that are looked at, and from where on another kind is worth a look. */
export const SAMPLES = 10;
export const SLOW_MS = 200;
/** One that was left for being slow rests as long as one that failed four times. */
const LEFT_AS = 3;

interface Known {
  failures: number;
  failedAt: number;
  restsUntil: number;
}

const NEW: Known = { failures: 0, failedAt: Number.NEGATIVE_INFINITY, restsUntil: 0 };

export class Choice {
  private readonly known: Record<TransportKind, Known> = {
    websocket: { ...NEW },
    webrtc: { ...NEW },
    http: { ...NEW },
  };
  private suspected = false; // a WebSocket did not open: is it the WebSocket, or the server?
  private doubtedAt = Number.NEGATIVE_INFINITY;
  private roundTrips: number[] = [];

  constructor(private readonly wish: Wish) {}

  /** What to connect by when there is nothing. WebRTC needs another to be offered over. */
  first(now: number): TransportKind {
    if (this.wish === "websocket" || this.wish === "http") return this.wish;
    return this.suspected || now < this.known.websocket.restsUntil ? "http" : "websocket";
  }

  /** A first connection by that kind could not be made: the next is by another. */
  refused(kind: TransportKind): void {
    this.suspected = kind === "websocket";
  }

  /** That kind carries now. */
  opened(kind: TransportKind, now: number): void {
    this.roundTrips = [];
    if (kind === "http" && this.suspected) this.doubt(now);
    this.suspected = false;
  }

  /** That kind could not be made beside the one in use. */
  failed(kind: TransportKind, now: number): void {
    this.rest(kind, this.failures(kind, now), now);
  }

  /** That kind was changed to, and broke: it may open as well the next time, and break again. */
  broke(kind: TransportKind, now: number): void {
    if (this.wish === "auto") this.failed(kind, now);
  }

  /** That kind was left, as another is better. */
  left(kind: TransportKind, now: number): void {
    this.rest(kind, Math.max(this.failures(kind, now), LEFT_AS), now);
  }

  /** A round trip by the kind in use took that long, in ms. */
  measured(rttMs: number): void {
    this.roundTrips.push(rttMs);
    if (this.roundTrips.length > SAMPLES) this.roundTrips.shift();
  }

  /** A kind that is worth trying beside the one in use; null when all is well. */
  upgrade(current: TransportKind, now: number): TransportKind | null {
    const ready = (kind: TransportKind) => (now >= this.known[kind].restsUntil ? kind : null);
    if (this.wish !== "auto") return current === this.wish ? null : ready(this.wish);
    if (current === "websocket") return this.isSlow ? ready("webrtc") : null;
    if (current === "webrtc") return ready("websocket");
    return ready("websocket") ?? (this.failures("websocket", now) > 0 ? ready("webrtc") : null);
  }

  /** Whether a kind whose round trip takes `rttMs` is worth leaving a WebSocket for. */
  isBetter(rttMs: number): boolean {
    return this.upperQuartile > 2 * rttMs + 50;
  }

  /** Whether what is in use may carry the page, or only the offers of what is wished for. */
  mayCarry(kind: TransportKind): boolean {
    return this.wish === "auto" || this.wish === kind;
  }

  /** HTTP opens where a WebSocket did not: once it may have met a restart. */
  private doubt(now: number): void {
    if (now - this.doubtedAt < FORGOTTEN_AFTER_MS) this.failed("websocket", now);
    else this.known.websocket.restsUntil = now + AGAIN_MS;
    this.doubtedAt = now;
  }

  private failures(kind: TransportKind, now: number): number {
    const { failures, failedAt } = this.known[kind];
    return now - failedAt < FORGOTTEN_AFTER_MS ? failures : 0;
  }

  private rest(kind: TransportKind, failures: number, now: number): void {
    const restsMs = REST_MS[Math.min(failures, REST_MS.length - 1)] ?? 0;
    this.known[kind] = { failures: failures + 1, failedAt: now, restsUntil: now + restsMs };
  }

  private get isSlow(): boolean {
    return this.roundTrips.length >= SAMPLES && this.upperQuartile >= SLOW_MS;
  }

  private get upperQuartile(): number {
    const sorted = [...this.roundTrips].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.75)] ?? 0;
  }
}
