/** An agent's line of chat: with its sender until it is seen in the log, sent again when it is lost, and shown once. */
import { describe, expect, it } from "vitest";
import type { Numbered } from "../inputs";
import type { Chat } from "../protocol.gen";
import { applied, EMPTY } from "../state";
import { AGAIN_MS, Lines, MAX_PENDING } from "./lines";

/** The lines, what of them is on its way, and the log's chat as the visitor's page enters it. */
class Chatting {
  sent: Numbered<Chat>[] = [];
  readonly lines = new Lines((input) => this.sent.push(input));
  private shared = EMPTY;

  /** All that is on its way; it is lost, unless it is given to `arrive`. */
  taken(): Numbered<Chat>[] {
    return this.sent.splice(0);
  }

  /** That is entered into the log, and the log is seen. */
  arrive(sent: readonly Numbered<Chat>[]): void {
    for (const { id, text } of sent.map(({ input }) => input))
      this.shared = applied(this.shared, { kind: "chat", line: { id, from: "a", name: "Agent", text } });
    this.lines.seen(this.shared.chat);
  }

  /** What the panel shows, and how many of it as pending. */
  get shown(): [string[], number] {
    const { pending } = this.lines;
    return [[...this.shared.chat, ...pending].map(({ text }) => text), pending.length];
  }
}

describe("Lines", () => {
  it("stay with their sender until they are seen in the log", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    expect(lines.say(" one ", 0)).toBe(true);
    expect(chatting.shown).toEqual([["one"], 1]);
    const first = chatting.taken();
    lines.say("two", 1);
    lines.acknowledged(0);
    expect(chatting.shown).toEqual([["one", "two"], 2]);
    chatting.arrive(first);
    expect(chatting.shown).toEqual([["one", "two"], 1]);
    chatting.arrive(chatting.taken());
    expect(chatting.shown).toEqual([["one", "two"], 0]);
    lines.tick(10 * AGAIN_MS);
    expect(chatting.sent).toEqual([]);
  });

  it("are sent again, as the same line, each time that they were not seen for a while", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    lines.say("one", 0);
    const [lost] = chatting.taken();
    for (const since of [0, AGAIN_MS + 1]) {
      lines.tick(since + AGAIN_MS);
      expect(chatting.sent).toEqual([]);
      lines.tick(since + AGAIN_MS + 1);
      expect(chatting.sent.map(({ input }) => input)).toEqual([lost?.input]);
      expect(chatting.shown).toEqual([["one"], 1]);
      if (since === 0) chatting.taken();
    }
    chatting.arrive(chatting.taken());
    expect(chatting.shown).toEqual([["one"], 0]);
  });

  it("are sent again though they were acknowledged, while the log does not have them", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    lines.say("one", 0);
    lines.acknowledged(0);
    chatting.taken();
    lines.resend(1);
    expect(chatting.sent).toEqual([]);
    lines.tick(AGAIN_MS + 1);
    expect(chatting.sent).toHaveLength(1);
  });

  it("go again when the path has changed, if they may not have arrived", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    lines.say("one", 0);
    lines.say("two", 0);
    const sent = chatting.taken();
    lines.acknowledged(0);
    lines.resend(1);
    expect(chatting.sent.map(({ n, input }) => [n, input])).toEqual([[1, sent[1]?.input]]);
  });

  it("are shown once, however often they arrive", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    lines.say("one", 0);
    lines.tick(AGAIN_MS + 1);
    lines.resend(AGAIN_MS + 2);
    const sent = chatting.taken();
    expect(sent.length).toBeGreaterThan(2);
    for (const one of [...sent, ...sent]) {
      chatting.arrive([one]);
      expect(chatting.shown).toEqual([["one"], 0]);
    }
  });

  it("say why they were refused, and are not sent again", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    lines.say("one", 0);
    lines.refused(0, "the visitor has not allowed chat");
    lines.tick(AGAIN_MS + 1);
    lines.resend(1);
    expect(chatting.taken()).toHaveLength(1);
    expect(lines.pending).toMatchObject([{ text: "one", refused: "the visitor has not allowed chat" }]);
  });

  it("wait in a bounded number, and are of a bounded length", () => {
    const chatting = new Chatting();
    const { lines } = chatting;
    for (let n = 0; n < MAX_PENDING; n++) expect(lines.say("x".repeat(5_000), 0)).toBe(true);
    expect([lines.say("more", 0), lines.pending.length, chatting.sent.length]).toEqual([
      false,
      MAX_PENDING,
      MAX_PENDING,
    ]);
    expect(new Set(lines.pending.map(({ text }) => text.length))).toEqual(new Set([2_000]));
    chatting.arrive(chatting.sent.slice(0, 1));
    expect([lines.say(" ", 0), lines.say("more", 0), lines.say("yet more", 0)]).toEqual([false, true, false]);
  });
});
