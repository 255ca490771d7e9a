/**
 * What the visitor's own page shows in a frame: the page as viewers get it, built of the very bytes that they get, by the
 * same reader, check and player. They come by a port from the page around; nothing else is taken, and nothing is loaded.
 */
import { type Bytes, decode, isControl } from "../../records";
import { Page } from "../page";
import { UnreadableLog } from "../reader";
import { Stage } from "../stage";
import { adopt, styles } from "./styles";

declare global {
  interface Window {
    preview: { stats(): { epoch: number; seq: number } };
  }
}

const PREVIEW = "cobrowse preview";
const ANEW = "anew";
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

/** Nothing more is taken; what has failed is said in place of the page. */
function end(port: MessagePort, error: unknown): void {
  port.close();
  dataset.state = "failed";
  const reason = error instanceof Error ? error.message : String(error);
  const notice = document.createElement("div");
  notice.className = "notice";
  const text = document.createElement("p");
  text.textContent = `This cannot be shown any more: ${reason}. Close it, and open it again.`;
  notice.append(text);
  stage.clear();
  document.body.append(notice);
}

let begun = false;
addEventListener("message", ({ data, source, ports: [port] }) => {
  if (begun || source !== parent || data !== PREVIEW || !port) return;
  begun = true;
  port.onmessage = (event: MessageEvent<Bytes>) => {
    try {
      take(event.data);
    } catch (error) {
      if (!(error instanceof UnreadableLog && page.startOver())) return end(port, error);
      dataset.state = "resetting";
      port.postMessage(ANEW);
    }
    port.postMessage(event.data.length);
  };
  port.postMessage(0);
});
