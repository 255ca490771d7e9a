/** “What they see”: the masked page, in a frame of the server's, for as long as the visitor looks at it. */
import { PREVIEW, type Preview } from "../preview";
import type { Session } from "../session";
import { button, element } from "./element";

/** A frame that says nothing for this long is not let in by the page's policy. */
const READY_WITHIN_MS = 10_000;
const SENT = "This is what is sent. What is hidden here, nobody who watches can see.";
const PAUSED = "Sharing is paused: nothing of this page is sent now. This is what was sent last.";
const NOT_SHOWN = "It cannot be shown here: the page's policy (frame-src) does not let the frame in.";

export class Looking {
  private readonly text = element("p", { class: "small", role: "status" });
  private frame: HTMLIFrameElement | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failed = false;
  readonly element: HTMLElement;

  constructor(
    private readonly session: Session,
    private readonly preview: Preview,
    close: () => void,
  ) {
    const title = element("h2", { id: "looking" }, "What they see");
    const head = element("div", { class: "person" }, title, button("Close", "close-preview", "quiet", close));
    const labels = { class: "card looking", role: "dialog", "aria-labelledby": "looking" };
    this.element = element("div", labels, head, this.text);
  }

  /** Call before it is placed, and after it was taken away. */
  draw(shown: boolean): void {
    if (shown && !this.frame) this.begin();
    if (!shown && this.frame) this.end();
    this.text.textContent = this.failed ? NOT_SHOWN : this.session.isPaused ? PAUSED : SENT;
  }

  private readonly fail = () => {
    this.failed = true;
    this.draw(true);
  };

  private readonly refused = ({ effectiveDirective, blockedURI }: SecurityPolicyViolationEvent) => {
    if (effectiveDirective === "frame-src" && this.preview.address.startsWith(blockedURI)) this.fail();
  };

  private begin(): void {
    const { address } = this.preview;
    const frame = element("iframe", {
      title: "This page, as it is sent",
      // As much as our own page needs: the page shown in it runs no scripts.
      sandbox: "allow-scripts allow-same-origin",
      referrerpolicy: "no-referrer",
      src: address,
    });
    const { port1, port2 } = new MessageChannel();
    const hand = () => frame.contentWindow?.postMessage(PREVIEW, new URL(address).origin, [port2]);
    frame.addEventListener("load", hand, { once: true });
    this.failed = false;
    this.timer = setTimeout(this.fail, READY_WITHIN_MS);
    document.addEventListener("securitypolicyviolation", this.refused);
    this.preview.open(port1, () => clearTimeout(this.timer));
    this.frame = frame;
    this.element.append(frame);
  }

  private end(): void {
    clearTimeout(this.timer);
    document.removeEventListener("securitypolicyviolation", this.refused);
    this.preview.close();
    this.frame?.remove();
    this.frame = null;
  }
}
