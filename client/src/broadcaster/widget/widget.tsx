/**
 * What the visitor sees of us: the session's code, the question before anything is seen, the bar that says the page is
 * shared, chat, and the agents' pointers. In a shadow root of its own, and never part of what is shared.
 */
import { signal } from "@preact/signals";
import { render } from "preact";
import { pointOf } from "../../anchor";
import type { ChatLine } from "../../state";
import type { ViewerInfo } from "../consent";
import { Recorder } from "../recorder";
import type { Session } from "../session";
import { Bar } from "./bar";
import { styles } from "./styles";

export interface Question {
  readonly viewer: ViewerInfo;
  readonly answer: (yes: boolean) => void;
}

const POINTER_FADES_MS = 4_000;

export class Widget {
  readonly questions = signal<readonly Question[]>([]);
  readonly chat = signal<readonly ChatLine[]>([]);
  readonly unread = signal(0);
  readonly chatOpen = signal(false);
  /** Counts up at each change of the session, so that the bar is drawn again. */
  readonly changes = signal(0);
  session: Session | null = null;
  private readonly host = document.createElement("div");
  private readonly pointers = new Map<string, { element: HTMLElement; timer: ReturnType<typeof setTimeout> }>();
  private readonly layer = document.createElement("div");

  constructor() {
    this.host.setAttribute("data-cobrowse-widget", "");
    this.host.style.cssText = "all:initial;position:fixed;top:0;left:0;width:0;height:0;z-index:2147483647";
    const root = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    root.adoptedStyleSheets = [sheet];
    this.layer.className = "pointers";
    const bar = document.createElement("div");
    root.append(this.layer, bar);
    render(<Bar widget={this} />, bar);
    document.documentElement.append(this.host);
  }

  /** Ask the visitor whether a viewer may look. */
  readonly ask = (viewer: ViewerInfo): Promise<boolean> =>
    new Promise((resolve) => {
      const question: Question = {
        viewer,
        answer: (yes) => {
          this.questions.value = this.questions.value.filter((one) => one !== question);
          resolve(yes);
        },
      };
      this.questions.value = [...this.questions.value, question];
    });

  attach(session: Session): void {
    this.session = session;
    this.chat.value = session.chat;
    const redraw = () => {
      this.changes.value += 1;
    };
    for (const name of ["session.updated", "viewer.joined", "viewer.updated"] as const) session.on(name, redraw);
    session.on("viewer.left", ({ id }) => {
      this.questions.value = this.questions.value.filter(({ viewer }) => viewer.id !== id);
      redraw();
    });
    session.on("chat", (line) => {
      this.chat.value = session.chat;
      if (!this.chatOpen.value && line.from !== "") this.unread.value += 1;
    });
    session.on("pointer", ({ viewer, anchor }) => {
      const point = anchor && pointOf(anchor, Recorder.mirror, window);
      if (point) this.point(viewer, point.x, point.y);
      else this.unpoint(viewer.id);
    });
    session.on("session.ended", () => this.close());
    redraw();
  }

  close(): void {
    for (const { answer } of this.questions.value) answer(false);
    for (const id of [...this.pointers.keys()]) this.unpoint(id);
    this.host.remove();
  }

  private point(viewer: ViewerInfo, x: number, y: number): void {
    let known = this.pointers.get(viewer.id);
    if (!known) {
      const element = document.createElement("div");
      element.className = "pointer";
      element.dataset.viewer = viewer.id;
      const label = document.createElement("span");
      label.textContent = viewer.name;
      element.append(label);
      this.layer.append(element);
      known = { element, timer: setTimeout(() => {}, 0) };
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
