/** The WebSocket transport. */
import { CloseCode } from "../protocol.gen";
import { type Bytes, MAX_MESSAGE } from "../records";
import { opened, sealed } from "./check";
import type { Transport, TransportEvents } from "./transport";

/** Browsers do not say when a WebSocket has drained, so it is looked at this often while something waits. */
const LOOK_EVERY_MS = 8;
/** What is volatile is not sent behind more than this: it would come late. */
const VOLATILE_BUFFER = 32_768;
const LOST = 1006;
const TOO_BIG = 1009;
const MAX_REASON = 123;

export class WebSocketTransport implements Transport {
  readonly kind = "websocket";
  readonly maxMessage = MAX_MESSAGE;
  private readonly socket: WebSocket;
  private looking = false;
  private sent = 0;
  private got = 0;

  constructor(
    url: string,
    private readonly events: TransportEvents,
    private readonly checked = false,
  ) {
    this.socket = new WebSocket(checked ? `${url}?check` : url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => events.onopen();
    this.socket.onmessage = ({ data }) => {
      if (checked) this.open(data);
      else if (data instanceof ArrayBuffer) events.onmessage(new Uint8Array(data));
    };
    // A close frame has no check: what it says is believed when a message has said it before.
    this.socket.onclose = ({ code, reason }) =>
      events.onclose(checked && (code === TOO_BIG || code >= CloseCode.INVALID) ? LOST : code, reason);
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  send(message: Bytes): void {
    if (!this.isOpen) return;
    this.socket.send((this.checked ? sealed(message, this.sent++) : message) as Uint8Array<ArrayBuffer>);
    if (this.socket.bufferedAmount > 0 && !this.looking) this.look();
  }

  sendVolatile(message: Bytes): void {
    if (this.bufferedAmount < VOLATILE_BUFFER) this.send(message);
  }

  close(code = 1000, reason = ""): void {
    const { onclose } = this.socket;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close(code, short(reason));
    // The closing handshake of a dead path can take minutes; what was asked for has happened.
    if (onclose) this.events.onclose(code, reason);
  }

  private open(data: unknown): void {
    const message = data instanceof ArrayBuffer ? opened(new Uint8Array(data), this.got) : null;
    if (message) {
      this.got += 1;
      this.events.onmessage(message);
    } else this.close(CloseCode.GARBLED, `message ${this.got} was changed on the way`);
  }

  private look(): void {
    this.looking = true;
    let before = this.socket.bufferedAmount;
    const timer = setInterval(() => {
      const now = this.socket.bufferedAmount;
      if (now === 0 || !this.isOpen) {
        clearInterval(timer);
        this.looking = false;
      }
      if (now < before && this.isOpen) this.events.ondrain();
      before = now;
    }, LOOK_EVERY_MS);
  }
}

/** A close frame has room for 123 bytes of reason (RFC 6455, section 5.5). */
export function short(reason: string): string {
  const bytes = new TextEncoder().encode(reason).subarray(0, MAX_REASON);
  return new TextDecoder().decode(bytes, { stream: true }); // what is cut off of a character is left out
}
