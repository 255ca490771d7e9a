/** What the visitor is asked, in words: one dialog for each kind of question. */
import type { Capability } from "../../protocol.gen";
import type { ViewerInfo } from "../consent";
import type { Question } from "../rights";
import { button, element } from "./element";

/** A question that stands. */
export interface Asked {
  readonly question: Question;
  readonly viewer: ViewerInfo;
  readonly capabilities: readonly Capability[];
  readonly answer: (yes: boolean) => void;
}

/** What a viewer with the capability does. */
export const VERBS: Readonly<Record<Capability, string>> = {
  view: "see this page",
  pointer: "point",
  ink: "draw",
  scroll: "scroll",
  click: "click",
  type: "type",
  navigate: "go to other pages",
  chat: "chat",
  call: "talk with you",
  record: "record",
};

const TEXTS: Readonly<Record<Question, readonly [title: string, (verbs: string) => string]>> = {
  view: [
    "Share this page?",
    () => " would like to see this page, live. What you type is hidden. You can pause or stop at any time.",
  ],
  control: [
    "Allow control?",
    (verbs) => ` would like to ${verbs} on this page, as you do. You can take it back at any time.`,
  ],
  call: ["Take a call?", () => " would like to talk with you. You can end the call at any time."],
  recording: [
    "Allow recording?",
    () => " would like to record this session, to see it again later. You can stop it at any time.",
  ],
};

export function dialogOf({ question, viewer, capabilities, answer }: Asked): HTMLElement {
  const who = viewer.role === "agent" ? `${viewer.name}, an agent,` : `${viewer.name}, who has the link,`;
  const [title, text] = TEXTS[question];
  const labels = { role: "dialog", "aria-labelledby": "ask", "aria-describedby": "ask-what" };
  return element(
    "div",
    { class: "card ask", "data-question": question, ...labels },
    element("h2", { id: "ask" }, title),
    element("p", { id: "ask-what" }, element("b", {}, who), text(listed(capabilities))),
    element(
      "div",
      { class: "row" },
      button("Don't allow", "refuse", "quiet", () => answer(false)),
      button("Allow", "allow", "primary", () => answer(true)),
    ),
  );
}

/** “scroll, click and type” */
function listed(capabilities: readonly Capability[]): string {
  const verbs = capabilities.map((capability) => VERBS[capability]);
  const last = verbs.pop() ?? "";
  return verbs.length > 0 ? `${verbs.join(", ")} and ${last}` : last;
}
