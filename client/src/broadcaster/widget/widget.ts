/**
 * What the visitor sees of us: the session's code, the question before anything is seen, the bar that says the page is
 * shared, chat, and the agents' pointers. In an open shadow root, so that tools and assistive scripts reach it; its host
 * is blocked, so that it is never part of what is shared.
 */
import { pointOf } from "../../anchor";
import { coalesced } from "../../coalesced";
import type { Ask, ViewerInfo } from "../consent";
import type { Preview } from "../preview";
import { Recorder } from "../recorder";
import type { Session } from "../session";
import { Bar } from "./bar";
import { element } from "./element";
import type { Asked } from "./questions";
import { styles } from "./styles";

/** What is open above the bar; one at a time. */
type Panel = "chat" | "people" | "preview";

const POINTER_FADES_MS = 4_000;

export class Widget {
  questions: readonly Asked[] = [];
  unread = 0;
  panel: Panel | null = null;
  private bar: Bar | null = null;
  private readonly host = document.createElement("cobrowse-widget");
  private readonly root = this.host.attachShadow({ mode: "open" });
  private readonly pointers = new Map<
    string,
    { element: HTMLElement; timer: ReturnType<typeof setTimeout> | undefined }
  >();
  private readonly layer = element("div", { class: "pointers", "aria-hidden": "true" });

  constructor() {
    this.host.setAttribute("data-cobrowse-widget", "");
    this.host.style.cssText = "all:initial;position:fixed;top:0;left:0;width:0;height:0;z-index:2147483647";
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    this.root.adoptedStyleSheets = [sheet];
    this.root.append(this.layer);
    // Not before <body>: the page's own order of elements stays what it is.
    if (document.body) document.documentElement.append(this.host);
    else
      document.addEventListener("DOMContentLoaded", () => document.documentElement.append(this.host), { once: true });
  }

  /** Ask the visitor. */
  readonly ask: Ask = (question, viewer, capabilities, signal) =>
    new Promise<boolean>((resolve) => {
      if (signal.aborted) return;
      signal.addEventListener("abort", () => asked.answer(false));
      const asked: Asked = {
        question,
        viewer,
        capabilities,
        answer: (yes) => {
          this.questions = this.questions.filter((one) => one !== asked);
          this.draw();
          resolve(yes);
        },
      };
      this.questions = [...this.questions, asked];
      this.draw();
    });

  attach(session: Session, preview: Preview): void {
    this.bar = new Bar(this, session, preview);
    this.root.append(this.bar.element);
    for (const name of ["session.updated", "viewer.joined", "viewer.updated", "viewer.left"] as const)
      session.on(name, this.drawSoon);
    session.on("chat", (line) => {
      if (this.panel !== "chat" && line.from !== "") this.unread += 1;
      this.drawSoon();
    });
    session.on("pointer", ({ viewer, anchor }) => {
      const { mirror } = Recorder;
      const point = anchor && mirror && pointOf(anchor, mirror, window);
      if (point) this.point(viewer, point.x, point.y);
      else this.unpoint(viewer.id);
    });
    session.on("session.ended", () => this.close());
    this.draw();
  }

  toggle(panel: Panel): void {
    this.panel = this.panel === panel ? null : panel;
    if (this.panel === "chat") this.unread = 0;
    this.draw();
  }

  close(): void {
    this.panel = null;
    this.draw();
    for (const id of [...this.pointers.keys()]) this.unpoint(id);
    this.host.remove();
  }

  private readonly drawSoon = coalesced(() => this.draw());

  private draw(): void {
    this.bar?.draw();
  }

  private point(viewer: ViewerInfo, x: number, y: number): void {
    let known = this.pointers.get(viewer.id);
    if (!known) {
      const label = element("span", {}, viewer.name);
      known = { element: element("div", { class: "pointer", "data-viewer": viewer.id }, label), timer: undefined };
      this.layer.append(known.element);
      this.pointers.set(viewer.id, known);
    }
    clearTimeout(known.timer);
    known.timer = setTimeout(() => this.unpoint(viewer.id), POINTER_FADES_MS);
    known.element.style.transform = `translate(${x}px, ${y}px)`;
  }

  private unpoint(id: string): void {
    const known = this.pointers.get(id);
    if (!known) return;
    clearTimeout(known.timer);
    known.element.remove();
    this.pointers.delete(id);
  }
}
