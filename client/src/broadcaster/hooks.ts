/** A site's own questions to the visitor. A page load loses them: they are waited for until the site gives them again. */
import type { Capability } from "../protocol.gen";
import type { Ask, ViewerInfo } from "./consent";
import { QUESTIONS, type Question } from "./rights";

/** A question of the site about a viewer, and what it wants to do. True is a yes; anything else is a no. */
export type Confirm = (
  viewer: ViewerInfo,
  capabilities: readonly Capability[],
  signal: AbortSignal,
) => boolean | Promise<boolean>;

export interface SiteHooks {
  /** Whether a viewer may look. */
  readonly confirmView?: Confirm;
  /** Whether it may scroll, click, type or navigate. */
  readonly confirmControl?: Confirm;
  /** Whether it may talk with the visitor. */
  readonly confirmCall?: Confirm;
  /** Whether the session may be recorded. */
  readonly confirmRecording?: Confirm;
}

const HOOKS: Readonly<Record<Question, keyof SiteHooks>> = {
  view: "confirmView",
  control: "confirmControl",
  call: "confirmCall",
  recording: "confirmRecording",
};

/** How long a page has to give its hooks again before the widget asks. */
const AGAIN_WITHIN_MS = 3_000;

export class Hooks {
  private readonly given = new Map<Question, Confirm>();
  private settle: () => void = () => {};
  private readonly settled: Promise<void>;

  /** `expected`: a page before this one had these, so they are to be waited for. */
  constructor(
    private readonly widget: Ask,
    private readonly expected: readonly Question[],
  ) {
    this.settled = new Promise((resolve) => {
      this.settle = resolve;
      if (expected.length > 0) setTimeout(resolve, AGAIN_WITHIN_MS);
    });
  }

  /** Take those of a `start()`, which gives all that the site has. */
  give(options: SiteHooks): void {
    for (const question of QUESTIONS) {
      const hook = options[HOOKS[question]];
      if (!hook) continue;
      this.given.set(question, hook);
      this.settle();
    }
  }

  /** The questions that the site asks itself, or did on the page before. */
  get own(): Question[] {
    return QUESTIONS.filter((question) => this.given.has(question) || this.expected.includes(question));
  }

  /** Ask by the site's screen where it has one, else by the widget. */
  readonly ask: Ask = async (question, viewer, capabilities, signal) => {
    if (!this.given.has(question) && this.expected.includes(question)) await this.settled;
    if (signal.aborted) return false;
    const hook = this.given.get(question);
    return hook ? hook(viewer, capabilities, signal) : this.widget(question, viewer, capabilities, signal);
  };
}

/** The options without what cannot be stored. */
export function withoutHooks(options: object): object {
  const names: readonly string[] = Object.values(HOOKS);
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));
}
