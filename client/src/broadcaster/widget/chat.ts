/** The chat panel: the lines, who is writing one, and a field to write one. */
import { TYPING_FOR_MS, Typists } from "../../typing";
import type { Session } from "../session";
import { element } from "./element";

const MAX_TEXT = "2000";

export class Chat {
  private readonly list = element("ol", {});
  private readonly shown = new Set<string>();
  private readonly typists = new Typists();
  // Not told to who listens to the page: it comes and goes.
  private readonly writing = element("p", { class: "small writing", "aria-live": "off" });
  readonly element: HTMLElement;

  constructor(private readonly session: Session) {
    const field = element("input", {
      name: "line",
      placeholder: "Write a line…",
      "aria-label": "Chat",
      autocomplete: "off",
      maxlength: MAX_TEXT,
    });
    const send = element("button", { type: "submit", class: "primary" }, "Send");
    const form = element("form", {}, field, send);
    field.oninput = () => session.typing();
    form.onsubmit = (event) => {
      event.preventDefault();
      session.say(field.value);
      field.value = "";
    };
    this.element = element(
      "div",
      { class: "card chat", role: "group", "aria-label": "Chat" },
      this.list,
      this.writing,
      form,
    );
    session.on("typing", ({ id, name }) => {
      this.typists.note(id, name, performance.now());
      this.write();
      setTimeout(() => this.write(), TYPING_FOR_MS);
    });
    session.on("chat", ({ from }) => this.gone(from));
    session.on("viewer.left", ({ id }) => this.gone(id));
  }

  /** Add the lines that are new, and take away those that the session keeps no more. */
  draw(): void {
    const { list, shown } = this;
    const { chat } = this.session;
    const before = list.childElementCount;
    for (const { id, from, name, text } of chat) {
      if (shown.has(id)) continue;
      shown.add(id);
      const who = element("span", { class: "name" }, from === "" ? "You" : name);
      const said = element("span", { class: "text" }, text);
      list.append(element("li", from === "" ? { class: "mine" } : {}, who, said));
    }
    while (list.childElementCount > chat.length) list.firstElementChild?.remove();
    if (list.childElementCount !== before) this.scroll();
  }

  private gone(id: string): void {
    this.typists.done(id);
    this.write();
  }

  private write(): void {
    this.writing.textContent = this.typists.sentence(performance.now());
  }

  /** To the last line; also when the panel is shown. */
  scroll(): void {
    this.list.scrollTop = this.list.scrollHeight;
  }
}
