/** The list of viewers: what each may do, with what takes it back, and what puts the viewer out. */
import type { Viewer } from "../options";
import type { Session } from "../session";
import { button, element } from "./element";
import { VERBS } from "./questions";

export class People {
  private readonly list = element("ul", {});
  private drawn = "";
  readonly element = element(
    "div",
    { class: "card people", role: "group", "aria-label": "Who can see this page" },
    this.list,
  );

  constructor(private readonly session: Session) {}

  draw(): void {
    const { viewers } = this.session;
    const now = JSON.stringify(viewers);
    if (now === this.drawn) return;
    this.drawn = now;
    const nobody = element("li", { class: "small" }, "Nobody is watching right now.");
    this.list.replaceChildren(...(viewers.length > 0 ? viewers.map((viewer) => this.line(viewer)) : [nobody]));
  }

  private line({ id, name, role, capabilities }: Viewer): HTMLElement {
    const { session } = this;
    const rights = capabilities.map((capability) => {
      const verb = VERBS[capability];
      if (capability === "view") return element("span", { class: "right" }, verb);
      const back = button(verb, "take-back", "right", () => session.revoke(id, [capability]));
      back.dataset.capability = capability;
      back.setAttribute("aria-label", `Take back from ${name}: ${verb}`);
      back.append(element("span", { "aria-hidden": "true" }, "×"));
      return back;
    });
    const remove = button("Remove", "remove", "quiet", () => session.revoke(id));
    remove.setAttribute("aria-label", `Remove ${name}`);
    const who = element("b", {}, name);
    const kind = element("span", { class: "small" }, role === "agent" ? "agent" : "has the link");
    return element(
      "li",
      { "data-viewer": id },
      element("div", { class: "person" }, who, kind, remove),
      element("div", { class: "rights" }, ...rights),
    );
  }
}
