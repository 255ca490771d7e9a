/** The agent's lines of chat: each is sent until it is seen in the log, and shown as pending until then. */
import { InputSender, type Numbered } from "../inputs";
import type { Chat } from "../protocol.gen";
import { randomId } from "../secret";
import type { ChatLine } from "../state";

/** A line that has been sent and not been seen in the log. */
export interface PendingLine {
  readonly id: string;
  readonly text: string;
  readonly refused: string | null;
}

const MAX_TEXT = 2_000;
/** Lines that may wait to be seen. */
export const MAX_PENDING = 100;
/** A line that was not seen for longer than this is sent again. */
export const AGAIN_MS = 3_000;

export class Lines {
  pending: readonly PendingLine[] = [];
  private readonly inputs = new InputSender<Chat>();
  private readonly sent = new Map<string, { at: number; n: number }>();

  constructor(private readonly send: (input: Numbered<Chat>) => void) {}

  /** A new line; false for one that is empty, or when too many wait. */
  say(text: string, now: number): boolean {
    const line = text.trim().slice(0, MAX_TEXT);
    if (!line || this.pending.length >= MAX_PENDING) return false;
    const id = randomId();
    this.pending = [...this.pending, { id, text: line, refused: null }];
    this.hand(id, line, now);
    return true;
  }

  /** Lines that are in the log now are pending no more. */
  seen(chat: readonly ChatLine[]): void {
    const ids = new Set(chat.map(({ id }) => id));
    this.pending = this.pending.filter(({ id }) => !ids.has(id));
    for (const id of ids) this.sent.delete(id);
  }

  acknowledged(n: number): void {
    this.inputs.acknowledged(n);
  }

  /** The broadcaster will not apply input `n`. */
  refused(n: number, reason: string): void {
    this.inputs.refused(n);
    this.pending = this.pending.map((line) => (this.sent.get(line.id)?.n === n ? { ...line, refused: reason } : line));
  }

  /** The path has changed: what may not have arrived goes again. */
  resend(now: number): void {
    for (const input of this.inputs.resend(now)) this.send(input);
  }

  /** Lines that were not seen for a while are sent again. Call now and then while live. */
  tick(now: number): void {
    for (const { id, text, refused } of this.pending)
      if (refused === null && now - (this.sent.get(id)?.at ?? 0) > AGAIN_MS) this.hand(id, text, now);
  }

  private hand(id: string, text: string, now: number): void {
    const input = this.inputs.send({ kind: "chat", id, text }, now);
    this.sent.set(id, { at: now, n: input.n });
    this.send(input);
  }
}
