/**
 * The page as viewers get it, for the visitor: one more reader of the log, fed by a message port, in the form in which
 * direct viewers are fed. What builds a page of it is in a frame of the server's origin (`viewer/app/preview.ts`).
 */
import { MAX_MESSAGE } from "../records";
import { DirectFeed, Pump } from "./feeds";
import type { Recorder } from "./recorder";

/** The first word to the frame; the port comes with it. */
export const PREVIEW = "cobrowse preview";
/** The frame cannot read on: it is given the page from a checkpoint. */
const ANEW = "anew";

interface Reading {
  readonly port: MessagePort;
  readonly pump: Pump;
}

export class Preview {
  private reading: Reading | null = null;

  /** `onopen`: the page must be recorded from now on, whoever watches. */
  constructor(
    private readonly recorder: Recorder,
    private readonly addressOf: () => string,
    private readonly onopen: () => void,
  ) {}

  get isOpen(): boolean {
    return this.reading !== null;
  }

  /** Of the page that shows it. */
  get address(): string {
    return this.addressOf();
  }

  /** Feed what is at the other end of the port; it says how many bytes it has taken. `onready`: it has begun. */
  open(port: MessagePort, onready: () => void): void {
    this.close();
    const feed = new DirectFeed(this.recorder);
    let waiting = 0;
    const transport = {
      isOpen: true,
      maxMessage: MAX_MESSAGE,
      get bufferedAmount() {
        return waiting;
      },
      send: (message: Uint8Array<ArrayBuffer>) => {
        waiting += message.length;
        port.postMessage(message, [message.buffer]);
      },
    };
    const pump = new Pump(transport, feed);
    const begin = () => feed.subscribe({ type: "subscribe", id: 0, position: null });
    port.onmessage = ({ data }) => {
      onready();
      if (data === ANEW) begin();
      else waiting -= Number(data);
      pump.pump();
    };
    this.reading = { port, pump };
    this.onopen();
    begin();
    pump.pump();
  }

  /** There is more in the log. */
  pump(): void {
    this.reading?.pump.pump();
  }

  close(): void {
    this.reading?.port.close();
    this.reading = null;
  }
}
