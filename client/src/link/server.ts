/**
 * The connection to the server: hello, signs of life, reconnecting. What it carries is decoded here, and given out
 * one item at a time.
 */
import { CloseCode } from "../protocol.gen";
import { type Bytes, decode, InvalidMessage, type Item, isControl, packed } from "../records";
import type { Transport } from "./transport";
import { WebSocketTransport } from "./websocket";

/** Any byte received is life; this long without one and the connection is made anew. */
export const SILENT_AFTER_MS = 3_000;
const DELAYS_MS = [0, 300, 1_200, 2_700, 4_800, 7_000, 7_000, 7_000, 7_000, 7_000];

export interface ServerEvents {
  /** The first message of a connection. */
  hello(): object;
  onitem(item: Item): void;
  /**
   * The connection is lost; it will be made again, unless `final` says why that is of no use and false is returned.
   */
  onlost(final: { code: number; reason: string } | null): boolean;
  ondrain(): void;
}

export class Server {
  transport: Transport | null = null;
  private attempts = 0;
  private heard = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private done = false;

  constructor(
    private readonly url: string,
    private readonly events: ServerEvents,
  ) {}

  connect(): void {
    if (this.done) return;
    clearTimeout(this.retry);
    this.heard = performance.now();
    const transport = new WebSocketTransport(this.url, {
      onopen: () => this.send(this.events.hello()),
      onmessage: (message) => this.message(message),
      ondrain: () => this.events.ondrain(),
      onclose: (code, reason) => {
        if (this.transport === transport) this.lost(code, reason);
      },
    });
    this.transport = transport;
    this.watch ??= setInterval(() => this.tick(), 500);
  }

  get isOpen(): boolean {
    return this.transport?.isOpen ?? false;
  }

  /** Send a control message. */
  send(message: object): void {
    this.transport?.send(packed(message));
  }

  close(): void {
    this.done = true;
    clearTimeout(this.retry);
    clearInterval(this.watch);
    const transport = this.transport;
    this.transport = null;
    transport?.close();
  }

  /** Notice silence, also when timers are throttled: call on any sign of time passing. */
  tick(): void {
    if (this.transport && performance.now() - this.heard > SILENT_AFTER_MS) this.transport.close(1000, "silent");
  }

  private message(message: Bytes): void {
    this.heard = performance.now();
    this.attempts = 0;
    let items: Item[];
    try {
      items = decode(message);
    } catch (error) {
      if (!(error instanceof InvalidMessage)) throw error;
      this.transport?.close(CloseCode.INVALID, error.message.slice(0, 120));
      return;
    }
    for (const item of items) {
      if (isControl(item) && item.type === "ping") this.send({ type: "pong", at: item.at });
      else this.events.onitem(item);
    }
  }

  private lost(code: number, reason: string): void {
    this.transport = null;
    const final = isFinal(code) ? { code, reason } : null;
    const again = this.events.onlost(final);
    if (final && !again) this.close();
    if (this.done) return;
    const delay = DELAYS_MS[Math.min(this.attempts, DELAYS_MS.length - 1)] ?? 7_000;
    const jitter = this.attempts > 1 ? Math.random() * 1_000 : 0;
    this.attempts += 1;
    this.retry = setTimeout(() => this.connect(), delay + jitter);
  }
}

/** Whether coming back is of no use: our codes from 4100 on, and a message that was too big. */
function isFinal(code: number): boolean {
  return code === 1009 || (code >= CloseCode.INVALID && code < 4_200);
}
