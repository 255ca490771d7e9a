/** rrweb's own way, sending: each event of the recorder by socket.io, as it comes. */
import { record } from "@rrweb/record";
import { io, type Socket } from "socket.io-client";

let socket: Socket | undefined;

const sender = {
  /** Connect to the relay at `url`. */
  async connected(url: string): Promise<void> {
    const connecting = io(url, { transports: ["websocket"] });
    socket = connecting;
    await new Promise<void>((resolve) => connecting.once("connect", resolve));
  },
  share(): void {
    record({ emit: (event) => socket?.emit("frame", event), sampling: { mousemove: false } });
  },
};

declare global {
  var live: typeof import("./live_sender").live;
}
export const live = sender;
globalThis.live = sender;
