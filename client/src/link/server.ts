/**
 * The connection to the server, by whichever transport: hello, signs of life, reconnecting, and changing to a better
 * transport while the one in use still carries. What it carries is decoded here, and given out one item at a time.
 */
import { signalIn, signalTo } from "../messages";
import { CloseCode, type Signal } from "../protocol.gen";
import { type Bytes, decode, InvalidMessage, type Item, isControl, packed } from "../records";
import { Choice, type Wish } from "./choice";
import { HttpTransport } from "./http";
import { Peer } from "./peer";
import type { Transport, TransportEvents, TransportKind } from "./transport";
import { WebSocketTransport } from "./websocket";

/** Any byte received is life; this long without one and the connection is made anew. */
export const SILENT_AFTER_MS = 3_000;
const DELAYS_MS = [0, 300, 1_200, 2_700, 4_800, 7_000, 7_000, 7_000, 7_000, 7_000];
const OPEN_WITHIN_MS: Record<TransportKind, number> = { websocket: 4_000, http: 8_000, webrtc: 10_000 };
/** The most that a busy server's word on when to come back is taken for. */
const MAX_HINT_S = 60;
const TICK_MS = 500;
const PING_EVERY_MS = 1_000;
/** The server as a peer, in signaling. */
const SERVER = "server";

export interface ServerEvents {
  /** The first message of a connection; a change of transport is a new one. */
  hello(): object;
  onitem(item: Item): void;
  /**
   * The connection is lost, or left for a better one; it will be made again, unless `final` says why that is of no
   * use and false is returned. `code` is what it was closed with; null when it was left for a better one.
   */
  onlost(final: { code: number; reason: string } | null, code: number | null): boolean;
  ondrain(): void;
  /** The answer to a ping that was sent at `at`: all that was sent before it has arrived. */
  onpong?(at: number): void;
}

/** A transport that is being made beside the one in use. */
interface Candidate {
  readonly kind: TransportKind;
  readonly transport: Transport;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Server {
  transport: Transport | null = null;
  /** The last round trip to the server, in ms. */
  rttMs: number | null = null;
  private choice: Choice;
  private candidate: Candidate | null = null;
  private attempts = 0;
  private heard = 0;
  private pinged = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private opening: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private done = false;
  private off = false;
  private readonly look = () => this.tick(true);
  private readonly online = () => this.hurry();

  /** `base` is the server's address, with a trailing slash. */
  constructor(
    private readonly base: string,
    wish: Wish,
    private readonly events: ServerEvents,
  ) {
    this.choice = new Choice(wish);
  }

  connect(): void {
    if (this.done) return;
    clearTimeout(this.retry);
    this.retry = undefined;
    this.off = false;
    if (!this.watch) {
      this.watch = setInterval(() => this.tick(), TICK_MS);
      globalThis.addEventListener?.("online", this.online);
      globalThis.addEventListener?.("pageshow", this.look);
      globalThis.document?.addEventListener?.("resume", this.look);
    }
    const kind = this.choice.first(performance.now());
    this.heard = performance.now();
    const transport = this.make(kind, {
      onopen: () => this.use(transport),
      onclose: (code, reason) => {
        if (this.transport !== transport) return;
        clearTimeout(this.opening);
        if (!this.isSaid) this.choice.refused(kind);
        this.lost(code, reason);
      },
    });
    this.isSaid = false;
    this.transport = transport;
    this.opening = setTimeout(() => {
      if (!this.isSaid) transport.close(1000, "it did not open in time");
    }, OPEN_WITHIN_MS[kind]);
  }

  private isSaid = false; // whether hello was said on the transport in use

  get isOpen(): boolean {
    return this.isSaid && (this.transport?.isOpen ?? false);
  }

  /** Whether the page may come by the transport in use; else it only serves to make the one that is wished for. */
  get mayCarry(): boolean {
    return this.transport !== null && this.choice.mayCarry(this.transport.kind);
  }

  /** Send a control message. */
  send(message: object): void {
    if (this.isSaid) this.transport?.send(packed(message));
  }

  /** Ask for a pong; when that was. */
  ping(): number {
    const at = performance.now();
    this.send({ type: "ping", at });
    return at;
  }

  close(): void {
    this.done = true;
    this.disconnect();
  }

  /** Change to that transport, as soon as it opens, and stay with it. */
  goBy(wish: TransportKind): void {
    this.choice = new Choice(wish);
    this.tick();
  }

  /** Be off for now; `connect` takes it up again. */
  disconnect(): void {
    this.off = true;
    clearTimeout(this.retry);
    this.retry = undefined;
    clearTimeout(this.opening);
    clearInterval(this.watch);
    this.watch = undefined;
    globalThis.removeEventListener?.("online", this.online);
    globalThis.removeEventListener?.("pageshow", this.look);
    globalThis.document?.removeEventListener?.("resume", this.look);
    this.drop();
    const { transport } = this;
    this.transport = null;
    this.isSaid = false;
    transport?.close();
  }

  /** Notice silence, also when timers are throttled: call on any sign of time passing. */
  tick(hurry = false): void {
    const now = performance.now();
    if (hurry && this.retry) this.connect();
    if (!this.isSaid || !this.transport) return;
    if (now - this.heard > SILENT_AFTER_MS) {
      this.transport.close(1000, "silent");
      return;
    }
    if (now - this.pinged >= PING_EVERY_MS) {
      this.pinged = this.ping();
    }
    const kind = this.candidate ? null : this.choice.upgrade(this.transport.kind, now);
    if (kind) this.attempt(kind);
  }

  /** There is a network again: what failed without one says nothing, and an attempt that began without one may hang. */
  private hurry(): void {
    this.attempts = 0;
    if (this.isSaid) {
      this.tick();
      return;
    }
    clearTimeout(this.opening);
    const { transport } = this;
    this.transport = null;
    transport?.close();
    this.connect();
  }

  private make(kind: TransportKind, { onopen, onclose }: Pick<TransportEvents, "onopen" | "onclose">): Transport {
    const events: TransportEvents = {
      onopen,
      onclose,
      onmessage: (message) => {
        if (this.transport === transport) this.message(message);
      },
      ondrain: () => this.events.ondrain(),
    };
    const transport = this.transportOf(kind, events);
    return transport;
  }

  private transportOf(kind: TransportKind, events: TransportEvents): Transport {
    const checked = this.base.startsWith("http:"); // TLS checks what it carries
    if (kind === "websocket")
      return new WebSocketTransport(new URL("ws", this.base.replace(/^http/, "ws")).href, events, checked);
    if (kind === "http") return new HttpTransport(new URL("http", this.base).href, events, checked);
    const peer = new Peer(false, { iceServers: [] }, (signal) => this.send(signalTo(SERVER, signal)), events, true);
    peer.open();
    return peer;
  }

  // A better transport -----------------------------------------------------------------------------------------

  private attempt(kind: TransportKind): void {
    let transport: Transport;
    try {
      transport = this.candidateBy(kind);
    } catch (error) {
      console.warn(`cobrowse: ${kind} cannot be tried`, error); // a browser without WebRTC
      this.choice.failed(kind, performance.now());
      return;
    }
    const timer = setTimeout(() => transport.close(1000, "it did not open in time"), OPEN_WITHIN_MS[kind]);
    this.candidate = { kind, transport, timer };
  }

  private candidateBy(kind: TransportKind): Transport {
    const transport = this.make(kind, {
      onopen: () => void this.consider(kind, transport),
      onclose: (code, reason) => {
        if (this.candidate?.transport === transport) {
          this.drop();
          this.choice.failed(kind, performance.now());
        } else if (this.transport === transport) {
          if (code !== CloseCode.RESTARTING) this.choice.broke(kind, performance.now());
          this.lost(code, reason);
        }
      },
    });
    return transport;
  }

  /** The candidate is open: use it, unless it was to be better than a WebSocket, and is not. */
  private async consider(kind: TransportKind, transport: Transport): Promise<void> {
    if (this.transport?.kind === "websocket" && this.choice.mayCarry("websocket") && transport instanceof Peer) {
      const rttMs = (await transport.route())?.rttMs ?? Number.POSITIVE_INFINITY;
      if (this.candidate?.transport !== transport) return;
      if (!this.choice.isBetter(rttMs)) {
        transport.close();
        return;
      }
      this.choice.left("websocket", performance.now());
    }
    if (this.candidate?.transport !== transport) return;
    clearTimeout(this.candidate.timer);
    this.candidate = null;
    const before = this.transport;
    this.events.onlost(null, null);
    this.transport = transport;
    before?.close();
    this.choice.opened(kind, performance.now());
    this.use(transport);
  }

  private drop(): void {
    const { candidate } = this;
    this.candidate = null;
    if (!candidate) return;
    clearTimeout(candidate.timer);
    candidate.transport.close();
  }

  private signal(signal: Signal): void {
    const peer = this.candidate?.transport;
    if (!(peer instanceof Peer)) return;
    if (signal.declined) peer.close(1000, signal.declined);
    else void peer.receive(signalIn(signal));
  }

  // The one in use ---------------------------------------------------------------------------------------------

  private use(transport: Transport): void {
    if (this.transport !== transport) return;
    clearTimeout(this.opening);
    this.isSaid = true;
    this.rttMs = null;
    this.heard = performance.now();
    this.choice.opened(transport.kind, this.heard);
    this.send(this.events.hello());
  }

  private message(message: Bytes): void {
    this.heard = performance.now();
    let items: Item[];
    try {
      items = decode(message);
    } catch (error) {
      if (!(error instanceof InvalidMessage)) throw error;
      this.transport?.close(CloseCode.INVALID, error.message.slice(0, 120));
      return;
    }
    for (const item of items) {
      try {
        this.item(item);
      } catch (error) {
        // As for any event: what is thrown is reported, and what came with it is not lost.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  private item(item: Item): void {
    if (!isControl(item)) this.events.onitem(item);
    else if (item.type === "welcome") {
      this.attempts = 0;
      this.events.onitem(item);
    } else if (item.type === "ping") {
      this.send({ type: "pong", at: item.at });
      this.tick();
    } else if (item.type === "pong" && typeof item.at === "number") {
      this.events.onpong?.(item.at);
      if (item.at !== this.pinged) return;
      this.rttMs = this.heard - item.at;
      this.choice.measured(this.rttMs);
    } else if (item.type === "closed" && typeof item.code === "number") {
      this.transport?.close(item.code, String(item.reason ?? ""));
    } else if (item.type === "signal" && item.peer === SERVER) this.signal(item as unknown as Signal);
    else this.events.onitem(item);
  }

  private lost(code: number, reason: string): void {
    this.drop();
    this.transport = null;
    this.isSaid = false;
    const final = isFinal(code) ? { code, reason } : null;
    const again = this.events.onlost(final, code);
    if (final && !again) this.close();
    if (this.done || this.off) return;
    const own = DELAYS_MS[Math.min(this.attempts, DELAYS_MS.length - 1)] ?? 7_000;
    const delay = Math.max(own, hintedMs(reason));
    const jitter = this.attempts > 1 || delay > own ? Math.random() * 1_000 : 0;
    this.attempts += 1;
    this.retry = setTimeout(() => this.connect(), delay + jitter);
  }
}

/** When to come back, if the reason for closing says so. */
export function hintedMs(reason: string): number {
  const [, seconds] = /come back in (\d{1,6}) s$/.exec(reason) ?? [];
  return Math.min(Number(seconds ?? 0), MAX_HINT_S) * 1_000;
}

/** Whether coming back is of no use: our codes from 4100 on, and a message that was too big. */
function isFinal(code: number): boolean {
  return code === 1009 || (code >= CloseCode.INVALID && code < 4_200);
}
