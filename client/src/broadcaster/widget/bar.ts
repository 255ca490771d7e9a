/** The question, the code, the bar and its panels. Each is made once and kept up to date where it stands. */
import type { Viewer } from "../options";
import type { Preview } from "../preview";
import type { Session } from "../session";
import { Chat } from "./chat";
import { button, element } from "./element";
import { Looking } from "./looking";
import { People } from "./people";
import { type Asked, dialogOf } from "./questions";
import type { Widget } from "./widget";

/** Viewers whose names the bar shows. */
const MOST_NAMED = 4;

export class Bar {
  readonly element = element("div", { class: "root", "aria-live": "polite" });
  private readonly sharing: Sharing;
  private readonly chat: Chat;
  private readonly people: People;
  private readonly looking: Looking;
  private readonly code = element("p", { class: "code" });
  private readonly waiting: HTMLElement;
  private asking: { asked: Asked; element: HTMLElement } | null = null;

  constructor(
    private readonly widget: Widget,
    private readonly session: Session,
    preview: Preview,
  ) {
    this.sharing = new Sharing(widget, session);
    this.chat = new Chat(session);
    this.people = new People(session);
    this.looking = new Looking(session, preview, () => widget.toggle("preview"));
    this.waiting = waitingFor(session, this.code);
  }

  /** Show the present. */
  draw(): void {
    const { state, code, isElsewhere } = this.session;
    const { panel } = this.widget;
    const [asked] = this.widget.questions;
    if (this.asking?.asked !== asked) {
      this.asking?.element.remove();
      this.asking = asked ? { asked, element: dialogOf(asked) } : null;
    }
    const isPending = state === "pending";
    const shown = state !== "ended" && !isElsewhere;
    this.place(this.asking?.element, shown);
    this.place(this.waiting, shown && isPending && code !== "" && !asked);
    this.place(this.sharing.element, shown && !isPending);
    this.chat.draw();
    if (this.place(this.chat.element, shown && !isPending && panel === "chat")) this.chat.scroll();
    const lists = shown && !isPending && panel === "people";
    if (lists) this.people.draw();
    this.place(this.people.element, lists);
    const looks = shown && !isPending && panel === "preview";
    this.looking.draw(looks);
    this.place(this.looking.element, looks);
    setText(this.code, `${code.slice(0, 3)}\u200a${code.slice(3)}`);
    this.sharing.draw();
  }

  /** Whether the part is newly there. */
  private place(part: HTMLElement | undefined, shown: boolean): boolean {
    if (!part || (part.parentNode !== null) === shown) return false;
    if (shown) this.element.append(part);
    else part.remove();
    return shown;
  }
}

function waitingFor(session: Session, code: HTMLElement): HTMLElement {
  return element(
    "div",
    { class: "card waiting", role: "group", "aria-label": "Waiting for an agent" },
    element("p", {}, "Tell the agent this code:"),
    code,
    element("p", { class: "small" }, "Nothing is shared before you say so."),
    element(
      "div",
      { class: "row" },
      button("Cancel", "end", "quiet", () => session.end()),
      button("Copy link", "copy", "primary", () => copy(session.link)),
    ),
  );
}

class Sharing {
  private readonly who = element("span", { class: "who" });
  private readonly badge = element("span", { class: "badge" });
  private readonly chat: HTMLButtonElement;
  private readonly people: HTMLButtonElement;
  private readonly look: HTMLButtonElement;
  private readonly pause: HTMLButtonElement;
  readonly element: HTMLElement;

  constructor(
    private readonly widget: Widget,
    private readonly session: Session,
  ) {
    this.chat = button("Chat", "chat", "", () => widget.toggle("chat"));
    this.people = button("Viewers", "people", "", () => widget.toggle("people"));
    this.look = button("What they see", "preview", "", () => widget.toggle("preview"));
    this.pause = button("Pause", "pause", "", () => (session.isPaused ? session.unpause() : session.pause()));
    const end = button("End", "end", "stop", () => session.end());
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    const labels = { class: "bar", role: "group", "aria-label": "Sharing this page" };
    this.element = element("div", labels, dot, this.who, this.people, this.look, this.chat, this.pause, end);
  }

  draw(): void {
    const { session, widget, chat, people, look, pause } = this;
    const { isPaused } = session;
    const names = namesOf(session.viewers);
    const watching = names ? `${names} can see this page` : "Nobody is watching right now";
    setText(this.who, isPaused ? "Sharing is paused" : watching);
    setText(pause, isPaused ? "Unpause" : "Pause");
    pause.dataset.action = isPaused ? "unpause" : "pause";
    this.element.classList.toggle("paused", isPaused);
    this.element.dataset.bar = session.state;
    chat.setAttribute("aria-expanded", String(widget.panel === "chat"));
    people.setAttribute("aria-expanded", String(widget.panel === "people"));
    look.setAttribute("aria-expanded", String(widget.panel === "preview"));
    chat.setAttribute("aria-label", widget.unread > 0 ? `Chat, ${widget.unread} unread` : "Chat");
    setText(this.badge, String(widget.unread));
    if (widget.unread === 0) this.badge.remove();
    else if (!this.badge.parentNode) chat.append(this.badge);
  }
}

/** All of a few, the first of many and how many more. */
function namesOf(viewers: readonly Viewer[]): string {
  const names = viewers.slice(0, viewers.length > MOST_NAMED ? MOST_NAMED - 1 : MOST_NAMED).map(({ name }) => name);
  const others = viewers.length - names.length;
  return others > 0 ? `${names.join(", ")} and ${others} others` : names.join(", ");
}

/** A text that is set anew is read out anew. */
function setText(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

function copy(text: string): void {
  // Without a secure context there is no clipboard; the prompt lets the visitor copy by hand.
  if (navigator.clipboard) navigator.clipboard.writeText(text).catch(() => prompt("The link:", text));
  else prompt("The link:", text);
}
