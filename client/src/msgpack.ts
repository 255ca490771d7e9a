/**
 * MessagePack, as much of it as the wire has: nil, booleans, numbers, text, bytes, arrays, and maps with text for keys. There
 * are no extension types. Integers beyond what a number can say become the nearest number, and are for others to refuse.
 * Nothing here trusts the bytes: every length is bounded. https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import type { Bytes } from "./records";

/** What a value may have at most. */
export interface Limits {
  /** Bytes of a text. */
  readonly text: number;
  readonly bytes: number;
  readonly array: number;
  readonly map: number;
}

/** Arrays and maps in one another. A page's nodes are two for each level: 2,000 elements in one another. */
const MAX_DEPTH = 4_000;
/** Up to here a text is written, or read, faster by hand. */
const SHORT = 48;
/** A buffer that has grown beyond this is given back. */
const KEEP = 1_048_576;
const HIGH = 2 ** 32;

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

export class Encoder {
  private bytes = new Uint8Array(4_096);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  /** The value as MessagePack. In maps what is undefined is left out. Throws TypeError for what MessagePack cannot say. */
  encode(value: unknown): Bytes {
    return this.encodeShared(value).slice();
  }

  /** The same, in a buffer that the next call writes over. */
  encodeShared(value: unknown): Bytes {
    if (this.bytes.length > KEEP) this.resize(4_096);
    this.at = 0;
    this.write(value, 0);
    return this.bytes.subarray(0, this.at);
  }

  private write(value: unknown, depth: number): void {
    if (depth > MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH}`);
    this.reserve(9);
    if (typeof value === "string") this.writeText(value);
    else if (typeof value === "number") this.writeNumber(value);
    else if (value === null || value === undefined) this.bytes[this.at++] = 0xc0;
    else if (typeof value === "boolean") this.bytes[this.at++] = value ? 0xc3 : 0xc2;
    else if (Array.isArray(value)) {
      this.writeHead(value.length, 0x90, 16, 0, 0xdc);
      for (const item of value) this.write(item, depth + 1);
    } else if (value instanceof Uint8Array) {
      this.writeHead(value.length, 0, 0, 0xc4, 0xc5);
      this.reserve(value.length);
      this.bytes.set(value, this.at);
      this.at += value.length;
    } else if (typeof value === "object") this.writeMap(value as Record<string, unknown>, depth);
    else throw new TypeError(`MessagePack has no ${typeof value}`);
  }

  private writeMap(value: Record<string, unknown>, depth: number): void {
    const names = Object.keys(value).filter((name) => value[name] !== undefined);
    this.writeHead(names.length, 0x80, 16, 0, 0xde);
    for (const name of names) {
      this.reserve(9);
      this.writeText(name);
      this.write(value[name], depth + 1);
    }
  }

  private writeNumber(value: number): void {
    const { view } = this;
    if (!Number.isSafeInteger(value)) {
      this.bytes[this.at] = 0xcb;
      view.setFloat64(this.at + 1, value);
      this.at += 9;
    } else if (value >= -32 && value < 128) {
      view.setInt8(this.at++, value);
    } else if (value >= -0x8000_0000 && value < HIGH) {
      // The signed kinds are 4 above the unsigned, and hold half as much.
      const isNegative = value < 0;
      const size = isNegative ? -value - 1 : value;
      const power = size < (isNegative ? 0x80 : 0x100) ? 0 : size < (isNegative ? 0x8000 : 0x1_0000) ? 1 : 2;
      this.bytes[this.at++] = (isNegative ? 0xd0 : 0xcc) + power;
      if (power === 0) view.setUint8(this.at, value);
      else if (power === 1) view.setUint16(this.at, value);
      else view.setUint32(this.at, value);
      this.at += 1 << power;
    } else {
      this.bytes[this.at] = value < 0 ? 0xd3 : 0xcf;
      view.setUint32(this.at + 1, Math.floor(value / HIGH));
      view.setUint32(this.at + 5, value);
      this.at += 9;
    }
  }

  private writeText(text: string): void {
    const { length } = text;
    this.reserve(5 + 3 * length);
    const start = this.at;
    const guess = headOfText(length);
    let size = 0;
    if (length <= SHORT) {
      const { bytes } = this;
      for (let code = 0; size < length; size += 1) {
        code = text.charCodeAt(size);
        if (code >= 0x80) break;
        bytes[start + guess + size] = code;
      }
    }
    if (size < length) size = textEncoder.encodeInto(text, this.bytes.subarray(start + guess)).written;
    const head = headOfText(size);
    if (head !== guess) this.bytes.copyWithin(start + head, start + guess, start + guess + size);
    this.writeHead(size, 0xa0, 32, 0xd9, 0xda);
    this.at = start + head + size;
  }

  /** A length: in the first byte up to `most`, else in 1 (where there is such a kind), 2 or 4 bytes. */
  private writeHead(length: number, fix: number, most: number, one: number, two: number): void {
    const { bytes, view } = this;
    if (length < most) bytes[this.at++] = fix + length;
    else if (one !== 0 && length < 0x100) {
      bytes[this.at++] = one;
      bytes[this.at++] = length;
    } else if (length < 0x1_0000) {
      bytes[this.at] = two;
      view.setUint16(this.at + 1, length);
      this.at += 3;
    } else {
      bytes[this.at] = two + 1;
      view.setUint32(this.at + 1, length);
      this.at += 5;
    }
  }

  private reserve(size: number): void {
    const need = this.at + size;
    if (need > this.bytes.length) this.resize(Math.max(need, 2 * this.bytes.length));
  }

  private resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, Math.min(this.at, size)));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}

function headOfText(size: number): number {
  return size < 32 ? 1 : size < 0x100 ? 2 : size < 0x1_0000 ? 3 : 5;
}

/** The values that stand back to back. Throws RangeError at the first that is cut off, not known, or beyond the limits. */
export function* decodeMulti(bytes: Bytes, limits: Limits): Generator<unknown, void> {
  const decoder = new Decoder(bytes, limits);
  while (!decoder.isDone) yield decoder.read(0);
}

class Decoder {
  private readonly view: DataView;
  private at = 0;

  constructor(
    private readonly bytes: Bytes,
    private readonly limits: Limits,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isDone(): boolean {
    return this.at >= this.bytes.length;
  }

  read(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH}`);
    const kind = this.size(1);
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.readMap(kind & 0x0f, depth);
    if (kind < 0xa0) return this.readArray(kind & 0x0f, depth);
    if (kind < 0xc0) return this.readText(kind & 0x1f);
    if (kind >= 0xe0) return kind - 0x100;
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.readBytes(this.size(1 << (kind - 0xc4)));
      case 0xca:
        return this.view.getFloat32(this.skip(4));
      case 0xcb:
        return this.view.getFloat64(this.skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.size(1 << (kind - 0xcc));
      case 0xcf:
        return this.size(4) * HIGH + this.size(4);
      case 0xd0:
        return this.view.getInt8(this.skip(1));
      case 0xd1:
        return this.view.getInt16(this.skip(2));
      case 0xd2:
        return this.view.getInt32(this.skip(4));
      case 0xd3:
        return this.view.getInt32(this.skip(4)) * HIGH + this.size(4);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.readText(this.size(1 << (kind - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.readArray(this.size(2 << (kind - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.readMap(this.size(2 << (kind - 0xde)), depth);
      default:
        throw new RangeError(`byte 0x${kind.toString(16)} begins no value that is known here`);
    }
  }

  private readArray(length: number, depth: number): unknown[] {
    limited(length, this.limits.array, "items in an array");
    const items: unknown[] = [];
    for (let index = 0; index < length; index += 1) items.push(this.read(depth + 1));
    return items;
  }

  private readMap(length: number, depth: number): Record<string, unknown> {
    limited(length, this.limits.map, "names in a map");
    const map: Record<string, unknown> = {};
    for (let index = 0; index < length; index += 1) {
      const name = this.read(MAX_DEPTH);
      if (typeof name !== "string" || name === "__proto__")
        throw new RangeError("a map has a name that is not allowed");
      map[name] = this.read(depth + 1);
    }
    return map;
  }

  private readBytes(length: number): Bytes {
    limited(length, this.limits.bytes, "bytes");
    const start = this.skip(length);
    return this.bytes.subarray(start, start + length);
  }

  private readText(length: number): string {
    limited(length, this.limits.text, "bytes of text");
    const start = this.skip(length);
    const { bytes } = this;
    return length > 0 && length <= SHORT ? shortText(bytes, start, this.at) : longText(bytes.subarray(start, this.at));
  }

  /** An unsigned integer of 1, 2 or 4 bytes. */
  private size(width: number): number {
    const start = this.skip(width);
    if (width === 1) return this.bytes[start] as number;
    return width === 2 ? this.view.getUint16(start) : this.view.getUint32(start);
  }

  /** Go on; where it was before. */
  private skip(size: number): number {
    const start = this.at;
    if (start + size > this.bytes.length) throw new RangeError("the bytes end in the middle of a value");
    this.at = start + size;
    return start;
  }
}

/** Short texts, names above all, come again and again: the last of each place is kept with its bytes. */
const recent: ({ readonly bytes: Bytes; readonly text: string } | undefined)[] = new Array(512);

function shortText(bytes: Bytes, start: number, end: number): string {
  const length = end - start;
  const first = bytes[start] as number;
  const last = bytes[end - 1] as number;
  const middle = bytes[start + (length >> 1)] as number;
  const place = (length * 37 + first * 11 + last * 5 + middle) & 511;
  const known = recent[place];
  if (known && known.bytes.length === length) {
    let at = 0;
    while (at < length && known.bytes[at] === bytes[start + at]) at += 1;
    if (at === length) return known.text;
  }
  let text = "";
  for (let index = start; index < end; index += 1) {
    const code = bytes[index] as number;
    if (code >= 0x80) return longText(bytes.subarray(start, end));
    text += String.fromCharCode(code);
  }
  recent[place] = { bytes: bytes.slice(start, end), text };
  return text;
}

function longText(bytes: Bytes): string {
  try {
    return textDecoder.decode(bytes);
  } catch {
    throw new RangeError("text is not UTF-8");
  }
}

function limited(length: number, most: number, what: string): void {
  if (length > most) throw new RangeError(`${length} ${what}; at most ${most} are allowed`);
}
