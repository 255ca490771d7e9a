/** What is not in the log: pointers and marks of typing, both ways, and the probes that measure how far behind this is. */
import type { Anchor } from "../anchor";
import { VOLATILE, type Volatile } from "../records";
import type { ChatLine } from "../state";
import { TypingMark, Typists } from "../typing";
import type { Page } from "./page";
import type { Stage } from "./stage";

export class Volatiles {
  private readonly mark = new TypingMark();
  private readonly typists = new Typists();
  private lastLine = "";

  constructor(
    private readonly page: Page,
    private readonly stage: Stage,
    private readonly send: (record: Volatile) => void,
    private readonly onchange: () => void,
  ) {}

  /** Where the agent points; null when it has left the page. */
  point(anchor: Anchor | null): void {
    this.tell("pointer", anchor ? [anchor.id, anchor.x, anchor.y] : []);
  }

  /** The agent writes a line. Call at each key. */
  type(): void {
    if (this.mark.isDue(performance.now())) this.tell("typing", []);
  }

  /** The agent has sent it. */
  said(): void {
    this.mark.sent();
  }

  /** Ask where the log stands, and say how this viewer does. */
  probe(now: number): void {
    const { lag, resets, bytes } = this.page;
    this.tell("probe", [now, lag.lagMs, lag.rttMs, resets, bytes]);
  }

  /** Whether the visitor is writing a line, in a sentence; "" if not. */
  get typing(): string {
    return this.typists.sentence(performance.now());
  }

  /** Whose line is there is not writing it any more. */
  seen(chat: readonly ChatLine[]): void {
    const last = chat.at(-1);
    if (!last || last.id === this.lastLine) return;
    this.lastLine = last.id;
    this.typists.done(last.from);
  }

  /** What the broadcaster says. */
  take({ name, values }: Volatile, isLive: boolean): void {
    const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
    const [a, b, c] = numbers;
    const three = a !== undefined && b !== undefined && c !== undefined;
    if (name === "pointer") this.stage.point(three ? { id: a, x: b, y: c } : null);
    if (name === "typing") {
      this.typists.note("", "The visitor", performance.now());
      this.onchange();
    }
    if (name === "echo" && three) {
      const { lag, reader } = this.page;
      if (isLive) lag.echoed(a, b, c, reader, performance.now());
      this.onchange();
    }
  }

  private tell(name: string, values: Volatile["values"]): void {
    this.send({ kind: VOLATILE, party: "", name, values });
  }
}
