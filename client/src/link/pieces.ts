/**
 * What comes down by http, as pieces: a length of four bytes, big-endian, then that many bytes of a transport message.
 * A set top bit makes it the last: a close code of two bytes, then the reason in UTF-8. Pure.
 */
import { type Bytes, MAX_MESSAGE } from "../records";
import { CHECK_SIZE, opened } from "./check";

const HEADER = 4;
const CLOSES = 0x8000_0000;
const MAX_CLOSE = 125;

/** A message, which is empty when it only shows that the stream flows; or why the connection was closed. */
export type Piece = { readonly message: Bytes } | { readonly code: number; readonly reason: string };

export class Pieces {
  private rest: Bytes = new Uint8Array(0);

  /** `next`: the number of the next message, when messages are checked; else null. */
  constructor(private next: number | null = null) {}

  /** The pieces that end in `chunk`. Throws a RangeError for what cannot be a piece. */
  *push(chunk: Bytes): Generator<Piece> {
    let bytes = chunk;
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + chunk.length);
      bytes.set(this.rest);
      bytes.set(chunk, this.rest.length);
    }
    this.rest = bytes;
    while (this.rest.length >= HEADER) {
      const view = new DataView(this.rest.buffer, this.rest.byteOffset, this.rest.byteLength);
      const length = view.getUint32(0) % CLOSES;
      const closes = view.getUint32(0) >= CLOSES;
      const most = (closes ? MAX_CLOSE : MAX_MESSAGE) + (this.next === null ? 0 : CHECK_SIZE);
      if ((closes && length < 2) || length > most)
        throw new RangeError(`a piece of ${length} bytes; something on the way changes what the server sends`);
      if (this.rest.length < HEADER + length) return;
      const body = this.open(this.rest.slice(HEADER, HEADER + length));
      this.rest = this.rest.subarray(HEADER + length);
      yield closes
        ? { code: view.getUint16(HEADER), reason: new TextDecoder().decode(body.subarray(2)) }
        : { message: body };
    }
  }

  private open(body: Bytes): Bytes {
    // An empty piece is no message: it only shows that the stream flows.
    if (this.next === null || body.length === 0) return body;
    const message = opened(body, this.next);
    if (!message) throw new RangeError(`message ${this.next} was changed on the way`);
    this.next += 1;
    return message;
  }
}
