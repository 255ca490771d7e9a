/**
 * What the visitor's own page shows in a frame: the page as viewers get it, built of the very bytes that they get, by the
 * same reader, check and player. They come by a port from the page around; nothing else is taken, and nothing is loaded.
 */
import { type Bytes, decode, isControl } from "../../records";
import { Page } from "../page";
import { Stage } from "../stage";
import { adopt, styles } from "./styles";

declare global {
  interface Window {
    preview: { stats(): { epoch: number; seq: number } };
  }
}

const PREVIEW = "cobrowse preview";
const { dataset } = document.documentElement;

adopt(styles);
const stage = new Stage(() => {});
const page = new Page(
  stage,
  () => {
    dataset.state = "live";
  },
  () => {},
);
document.body.append(stage.element);
window.preview = { stats: () => ({ epoch: page.reader.epoch, seq: page.reader.seq }) };

function take(message: Bytes): void {
  for (const item of decode(message)) {
    if (!isControl(item)) {
      if (item.kind !== 3) page.take(item);
    } else if (item.type === "reset") {
      page.reset();
      dataset.state = "resetting";
    }
  }
}

let begun = false;
addEventListener("message", ({ data, source, ports: [port] }) => {
  if (begun || source !== parent || data !== PREVIEW || !port) return;
  begun = true;
  port.onmessage = (event: MessageEvent<Bytes>) => {
    take(event.data);
    port.postMessage(event.data.length);
  };
  port.postMessage(0);
});
