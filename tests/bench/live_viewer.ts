/** rrweb's own way, receiving: its player in live mode, as its documentation has it, without the buffer that it may have. */
import { Replayer } from "rrweb";
import { io } from "socket.io-client";

const replayer = new Replayer([], { root: document.body, liveMode: true, showWarning: false });
replayer.startLive();

const receiver = {
  /** Connect to the relay at `url`, until it has said that what is sent comes here. */
  async watching(url: string): Promise<void> {
    const socket = io(url, { transports: ["websocket"] });
    socket.on("frame", (event: Parameters<Replayer["addEvent"]>[0]) => replayer.addEvent(event));
    await new Promise((resolve) => socket.once("connect", () => socket.emit("watch", resolve)));
  },
  /** The page is there. */
  shown: new Promise<unknown>((resolve) => replayer.on("fullsnapshot-rebuilded", resolve)),
};

declare global {
  var watcher: typeof import("./live_viewer").live;
}
export const live = receiver;
globalThis.watcher = receiver;
