/** A whole session by the http transport in one page: a broadcaster, a viewer, and a log between them. */
import { HttpTransport } from "../../../client/src/link/http";
import { decode, encodeRecord, FRAME, isControl, PART, packed } from "../../../client/src/records";

const PARTS = 32;
const FRAMES = 64;
const BYTES = 16_384;
const AHEAD = 262_144;

/** One end: what has come, in order, and waiting for what comes next. */
class Participant {
  items = [];
  closed = null;
  wake = () => {};

  constructor(url, hello) {
    this.transport = new HttpTransport(url, {
      onopen: () => this.say(hello),
      onmessage: (message) => {
        for (const item of decode(message)) {
          if (isControl(item) && item.type === "ping") this.say({ type: "pong", at: item.at });
          else this.items.push(item);
        }
        this.wake();
      },
      ondrain: () => this.wake(),
      onclose: (code, reason) => {
        this.closed = `closed with ${code}: ${reason}`;
        this.wake();
      },
    });
  }

  say(message) {
    this.transport.send(packed(message));
  }

  async changed() {
    if (this.closed) throw new Error(this.closed);
    await new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  async next(wanted) {
    for (;;) {
      while (this.items.length > 0) {
        const item = this.items.shift();
        if (wanted(item)) return item;
      }
      await this.changed();
    }
  }

  until(type) {
    return this.next((item) => isControl(item) && item.type === type);
  }
}

/** Resolves to how it went: whether the transport polls, and how many records came, all in order. */
export async function session(url) {
  const hello = { type: "hello", wire: 1, log: 1, proof: new Uint8Array(32) };
  const broadcaster = new Participant(url, { ...hello, role: "broadcaster", site: "demo" });
  const { session, epoch } = await broadcaster.until("welcome");
  const viewer = new Participant(url, { ...hello, role: "viewer", session });
  await viewer.until("welcome");
  const { viewer: id } = await broadcaster.until("requested");
  broadcaster.say({ type: "admit", viewer: id, capabilities: ["view"] });
  await viewer.until("admitted");
  viewer.say({ type: "subscribe", id: 1, position: null });
  await broadcaster.until("demand");

  const sent = [];
  for (let part = 0; part < PARTS; part++)
    sent.push({ kind: PART, epoch, seq: -1, id: 0, part, parts: PARTS, data: new Uint8Array(BYTES).fill(part) });
  for (let seq = 0; seq < FRAMES; seq++) 
    sent.push({ kind: FRAME, epoch, seq, flags: 1, data: new Uint8Array(BYTES).fill(seq) });
  let received = 0;
  const broadcast = async () => {
    for (const record of sent) {
      while (broadcaster.transport.bufferedAmount > AHEAD) await broadcaster.changed();
      broadcaster.transport.send(encodeRecord(record));
    }
  };
  const watch = async () => {
    for (const record of sent) {
      const item = await viewer.next((item) => !isControl(item) && "data" in item);
      const same = item.seq === record.seq && item.part === record.part && item.data.length === BYTES;
      if (!same || item.data.some((byte) => byte !== record.data[0])) throw new Error(`record ${received} is not as sent`);
      received += 1;
    }
  };
  await Promise.all([broadcast(), watch()]);
  broadcaster.say({ type: "end" });
  const { reason } = await viewer.until("ended");
  while (!viewer.closed) await new Promise((resolve) => (viewer.wake = resolve));
  return { polls: HttpTransport.polls, received, reason, closed: viewer.closed };
}

/** Whether a WebSocket opens there. */
export function websocketOpens(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
}
