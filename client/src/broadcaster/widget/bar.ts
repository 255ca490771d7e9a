/** The question, the code, the bar and the chat panel. Each is made once and kept up to date where it stands. */
import type { Session } from "../session";
import { Chat } from "./chat";
import { button, element } from "./element";
import type { Question, Widget } from "./widget";

export class Bar {
  readonly element = element("div", { class: "root", "aria-live": "polite" });
  private readonly sharing: Sharing;
  private readonly chat: Chat;
  private readonly code = element("p", { class: "code" });
  private readonly waiting: HTMLElement;
  private asking: { question: Question; element: HTMLElement } | null = null;

  constructor(
    private readonly widget: Widget,
    private readonly session: Session,
  ) {
    this.sharing = new Sharing(widget, session);
    this.chat = new Chat(session);
    this.waiting = waitingFor(session, this.code);
  }

  /** Show the present. */
  draw(): void {
    const { state, code, isElsewhere } = this.session;
    const [question] = this.widget.questions;
    if (this.asking?.question !== question) {
      this.asking?.element.remove();
      this.asking = question ? { question, element: dialogOf(question) } : null;
    }
    const isPending = state === "pending";
    const shown = state !== "ended" && !isElsewhere;
    this.place(this.asking?.element, shown);
    this.place(this.waiting, shown && isPending && code !== "" && !question);
    this.place(this.sharing.element, shown && !isPending);
    this.chat.draw();
    if (this.place(this.chat.element, shown && !isPending && this.widget.chatOpen)) this.chat.scroll();
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

function dialogOf({ viewer, answer }: Question): HTMLElement {
  const who = viewer.role === "agent" ? `${viewer.name}, an agent,` : `${viewer.name}, who has the link,`;
  return element(
    "div",
    { class: "card ask", role: "dialog", "aria-labelledby": "ask", "aria-describedby": "ask-what" },
    element("h2", { id: "ask" }, "Share this page?"),
    element(
      "p",
      { id: "ask-what" },
      element("b", {}, who),
      " would like to see this page, live. What you type is hidden. You can pause or stop at any time.",
    ),
    element(
      "div",
      { class: "row" },
      button("Don't allow", "refuse", "quiet", () => answer(false)),
      button("Allow", "allow", "primary", () => answer(true)),
    ),
  );
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
  private readonly pause: HTMLButtonElement;
  readonly element: HTMLElement;

  constructor(
    private readonly widget: Widget,
    private readonly session: Session,
  ) {
    this.chat = button("Chat", "chat", "", () => widget.toggleChat());
    this.pause = button("Pause", "pause", "", () => (session.isPaused ? session.unpause() : session.pause()));
    const end = button("End", "end", "stop", () => session.end());
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    const labels = { class: "bar", role: "group", "aria-label": "Sharing this page" };
    this.element = element("div", labels, dot, this.who, this.chat, this.pause, end);
  }

  draw(): void {
    const { session, widget, chat, pause } = this;
    const { isPaused } = session;
    const names = session.viewers.map(({ name }) => name).join(", ");
    const watching = names ? `${names} can see this page` : "Nobody is watching right now";
    setText(this.who, isPaused ? "Sharing is paused" : watching);
    setText(pause, isPaused ? "Unpause" : "Pause");
    pause.dataset.action = isPaused ? "unpause" : "pause";
    this.element.classList.toggle("paused", isPaused);
    this.element.dataset.bar = session.state;
    chat.setAttribute("aria-expanded", String(widget.chatOpen));
    chat.setAttribute("aria-label", widget.unread > 0 ? `Chat, ${widget.unread} unread` : "Chat");
    setText(this.badge, String(widget.unread));
    if (widget.unread === 0) this.badge.remove();
    else if (!this.badge.parentNode) chat.append(this.badge);
  }
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
