/**
 * The http transport, for networks where WebSockets do not pass: messages up by POST, one at a time; down by one
 * streaming GET, or by long polls where something on the way holds the stream back. `docs/protocol.md` has the text.
 *
 * Both directions are numbered, so a request that failed is made again and nothing is lost. No timer decides
 * anything, as those of hidden tabs are slow: it is the server that ends a stream that does not get through.
 */
import { type Bytes, MAX_MESSAGE } from "../records";
import { sealed } from "./check";
import { Pieces } from "./pieces";
import type { Transport, TransportEvents } from "./transport";

/** Bytes that may wait; the transport closes beyond that. Senders stay far below it. */
const MAX_WAITING = 1_048_576;
/** Volatile messages that may wait for the next POST; the oldest is dropped beyond that. */
const MAX_VOLATILE = 8;
/** Up to that many bytes make one POST, and nothing has to go before them. */
const SMALL = 16_384;
/** Bytes that come down before the server is told so, if nothing else is said to it. */
const ACKNOWLEDGE_EVERY = 65_536;
/** Bytes that a request which outlives its page may carry; browsers allow 64 KiB for all of them. */
const MAX_KEPT_ALIVE = 32_768;
/** Waits before a request that failed is made again. */
const RETRY_MS = [0, 300, 1_000];
/** Answers that another try may mend: of a busy server, a proxy that does not reach it, or to what was changed on the way. */
const TEMPORARY = [400, 408, 425, 429, 500, 502, 503, 504];
const LOST = 1006;
const GOING_AWAY = 1001;
const TOO_BIG = 1009;
const TRY_LATER = 1013;

export class HttpTransport implements Transport {
  /** Whether this page's connections poll: set once a stream was held back. */
  static polls = false;

  readonly kind = "http";
  readonly maxMessage = MAX_MESSAGE;
  /** `leaving`: closed for our side, while what was sent before is still delivered. */
  private state: "opening" | "open" | "leaving" | "closed" = "opening";
  private readonly down = new AbortController();
  private readonly up = new AbortController();
  private id = "";
  private next = 0;
  private posting: Bytes | null = null;
  private running = false;
  private waiting: Bytes[] = [];
  private waitingSize = 0;
  private volatile: Bytes[] = [];
  private overtook = false;
  private got = 0;
  private unacknowledged = 0;
  private readonly onpagehide = () => this.leaveAtOnce();

  /** `url` is that of the server's `/http`, without a query. */
  constructor(
    private readonly url: string,
    private readonly events: TransportEvents,
    private readonly checked = false,
  ) {
    globalThis.addEventListener?.("pagehide", this.onpagehide);
    void this.open();
  }

  get isOpen(): boolean {
    return this.state === "open";
  }

  /** Bytes handed over that the server has not confirmed. */
  get bufferedAmount(): number {
    return this.waitingSize + (this.posting?.length ?? 0);
  }

  send(message: Bytes): void {
    if (!this.isOpen) return;
    if (this.waitingSize + message.length > MAX_WAITING) {
      this.finish(LOST, `over ${MAX_WAITING} bytes wait for the server`);
      return;
    }
    this.waiting.push(message);
    this.waitingSize += message.length;
    this.pump();
  }

  sendVolatile(message: Bytes): void {
    if (!this.isOpen) return;
    if (this.volatile.length >= MAX_VOLATILE) this.volatile.shift();
    this.volatile.push(message);
    this.pump();
  }

  close(code = 1000, reason = ""): void {
    if (this.state === "open") {
      // A stream that has let nothing through but its beginning is as good as held back.
      if (code !== 1000 || reason) this.suspect();
      this.state = "leaving";
      this.pump();
      this.ended(code, reason);
    } else this.finish(code, reason);
  }

  private async open(): Promise<void> {
    try {
      const response = await this.request(this.checked ? "?check" : "", "POST");
      const text = await response.text();
      if (response.status === 201 && /^[\w-]{16,64}$/.test(text)) this.id = text;
      else {
        const [, code, reason] = /^(4\d{3}) (.+)$/.exec(text) ?? [];
        if (code && reason) this.finish(Number(code), reason);
        else this.finish(response.status === 503 ? TRY_LATER : LOST, refusal(response.status, text));
      }
    } catch (error) {
      this.finish(LOST, `the server was not reached: ${error}`);
    }
    if (this.state === "opening") {
      if (HttpTransport.polls) this.opened();
      await this.read();
    }
  }

  private opened(): void {
    if (this.state !== "opening") return;
    this.state = "open";
    this.events.onopen();
  }

  private suspect(): void {
    if (this.got === 0 && this.next > 0) HttpTransport.polls = true;
  }

  // Down -------------------------------------------------------------------------------------------------------

  private async read(): Promise<void> {
    let failures = 0;
    while (this.state === "opening" || this.state === "open") {
      const polls = HttpTransport.polls;
      const before = this.got;
      try {
        const response = await this.request(`/${this.id}/${before}${polls ? "?poll" : ""}`, "GET");
        if (response.status !== 200) {
          const text = refusal(response.status, await response.text());
          if (TEMPORARY.includes(response.status)) throw new Error(text);
          return this.finish(LOST, text);
        }
        if (polls) this.unacknowledged = 0;
        await this.take(response);
        failures = 0;
      } catch (error) {
        if (error instanceof RangeError) return this.finish(LOST, error.message);
        if (this.got > before) failures = 0;
        const wait = RETRY_MS[failures++];
        if (wait === undefined) return this.finish(LOST, `the server was not reached: ${error}`);
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        if (failures === 1 || this.state !== "opening") continue;
      }
      if (!polls && this.got === before) {
        // Ended without a message: the server saw that the stream did not get through. Or it is cut each time.
        HttpTransport.polls = true;
        this.opened();
      }
    }
  }

  private async take(response: Response): Promise<void> {
    const pieces = new Pieces(this.checked ? this.got : null);
    const reader = response.body?.getReader();
    while (reader) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const piece of pieces.push(value)) {
        if (this.state !== "opening" && this.state !== "open") return;
        if ("code" in piece) return this.finish(piece.code, piece.reason);
        this.opened();
        if (piece.message.length === 0) continue;
        this.got += 1;
        this.unacknowledged += piece.message.length;
        this.message(piece.message);
      }
      if (this.unacknowledged >= ACKNOWLEDGE_EVERY && !HttpTransport.polls) this.pump();
    }
  }

  private message(message: Bytes): void {
    try {
      this.events.onmessage(message);
    } catch (error) {
      // As for any event: what a listener throws is reported, and the connection goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  // Up ---------------------------------------------------------------------------------------------------------

  /** What is sent in one go leaves as one message. */
  private pump(): void {
    if (this.running) return;
    this.running = true;
    queueMicrotask(() => void this.post());
  }

  private async post(): Promise<void> {
    try {
      while (this.state === "open" || this.state === "leaving") {
        this.posting = this.batch();
        const last = this.state === "leaving" && this.waiting.length === 0;
        const owes = this.unacknowledged >= ACKNOWLEDGE_EVERY && !HttpTransport.polls;
        if (this.posting.length === 0 && !owes && !last) break;
        const delivered = await this.deliver(this.posting, last);
        this.posting = null;
        if (!delivered || last) {
          this.state = this.state === "leaving" ? "closed" : this.state;
          break;
        }
        if (this.isOpen) this.events.ondrain();
      }
    } finally {
      this.posting = null;
      this.running = false;
    }
  }

  /**
   * The next message up. The server takes it as a whole, and one has to end before the next begins, so of much that
   * waits half is left: the network stays busy, and what is urgent waits for half as long. What is volatile goes first,
   * alone, each other time.
   */
  private batch(isLast = !this.isOpen): Bytes {
    const much = !isLast && this.waitingSize > SMALL;
    this.overtook = much && this.volatile.length > 0 && !this.overtook;
    const pieces: Bytes[] = [];
    let size = 0;
    const take = (queue: Bytes[], most: number) => {
      for (let piece = queue[0]; piece && (size === 0 || size + piece.length <= most); piece = queue[0]) {
        pieces.push(piece);
        size += piece.length;
        queue.shift();
        if (queue === this.waiting) this.waitingSize -= piece.length;
      }
    };
    if (!this.overtook)
      take(this.waiting, much ? Math.min(MAX_MESSAGE, Math.max(SMALL, this.waitingSize / 2)) : MAX_MESSAGE);
    take(this.volatile, MAX_MESSAGE);
    return joined(pieces, size);
  }

  /** Whether the server has that message; if not, the transport is closed or about to be. */
  private async deliver(message: Bytes, last: boolean): Promise<boolean> {
    for (const wait of [...RETRY_MS, null]) {
      const known = this.unacknowledged;
      try {
        const path = `/${this.id}/${this.next}?got=${this.got}${last ? "&close" : ""}`;
        const response = await this.request(path, "POST", this.checked ? sealed(message, this.next) : message, last);
        if (response.status === 204) {
          this.next += 1;
          this.unacknowledged = Math.max(0, this.unacknowledged - known);
          return true;
        }
        const text = refusal(response.status, await response.text());
        if (!TEMPORARY.includes(response.status)) {
          // 410: the server has closed, and says why by the way down.
          if (response.status !== 410) this.finish(response.status === 413 && !this.checked ? TOO_BIG : LOST, text);
          return false;
        }
        if (wait === null) this.finish(LOST, text);
      } catch (error) {
        if (wait === null) this.finish(LOST, `the server was not reached: ${error}`);
      }
      if (wait === null || this.state !== "open") return false;
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
    return false;
  }

  /** The page goes: all that can still be said is said in one request, which may outlive the page. */
  private leaveAtOnce(): void {
    if (this.isOpen) {
      const said = this.posting ?? this.batch(true);
      const all = this.checked ? sealed(said, this.next) : said;
      const body = all.length < MAX_KEPT_ALIVE ? all : null;
      void this.request(`/${this.id}/${this.next}?close`, "POST", body, true).catch(() => undefined);
    }
    this.finish(GOING_AWAY, "the page is gone");
  }

  private request(path: string, method: string, body: Bytes | null = null, last = false): Promise<Response> {
    // No header of ours and no type of body: a request that needs no preflight (Fetch, section 4.9).
    return fetch(this.url + path, {
      method,
      body: body as Uint8Array<ArrayBuffer> | null,
      cache: "no-store",
      credentials: "omit",
      keepalive: last && (body?.length ?? 0) < MAX_KEPT_ALIVE,
      signal: method === "GET" ? this.down.signal : last ? null : this.up.signal,
    });
  }

  private finish(code: number, reason: string): void {
    if (this.state === "closed") return;
    const told = this.state === "leaving";
    this.state = "closed";
    this.up.abort();
    if (!told) this.ended(code, reason);
  }

  /** Nothing more is read; the application learns why. */
  private ended(code: number, reason: string): void {
    globalThis.removeEventListener?.("pagehide", this.onpagehide);
    this.down.abort();
    this.events.onclose(code, reason);
  }
}

function refusal(status: number, text: string): string {
  return `the server answered ${status}: ${text.slice(0, 200)}`;
}

function joined(pieces: readonly Bytes[], size: number): Bytes {
  if (pieces.length === 1) return pieces[0] as Bytes;
  const message = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    message.set(piece, offset);
    offset += piece.length;
  }
  return message;
}
