/** What a joiner must know besides the page: bounded, and whole whatever comes in. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applied, asEvent, type ChatLine, EMPTY, type Entry, entryOf, MAX_CHAT, stateOf } from "./state";

const line = (id: string, text = "hello"): ChatLine => ({ id, from: "a", name: "Ann", text });
const said = (id: string): Entry => ({ kind: "chat", line: line(id) });

describe("applied", () => {
  it("takes each line once", () => {
    const once = applied(EMPTY, said("1"));
    expect(applied(once, said("1"))).toBe(once);
    expect(applied(once, said("2")).chat.map(({ id }) => id)).toEqual(["1", "2"]);
  });

  it("keeps the last lines", () => {
    let state = EMPTY;
    for (let id = 0; id < MAX_CHAT + 5; id++) state = applied(state, said(String(id)));
    expect([state.chat.length, state.chat[0]?.id, state.chat.at(-1)?.id]).toEqual([
      MAX_CHAT,
      "5",
      String(MAX_CHAT + 4),
    ]);
  });

  it("takes the latest of the page and of who is there, and leaves the rest", () => {
    const page = { title: "Shop", address: "https://shop.example/", hidden: false };
    const present = [{ id: "a", name: "Ann", role: "agent" as const }];
    let state = applied(EMPTY, said("1"));
    state = applied(state, { kind: "page", page });
    state = applied(state, { kind: "present", present });
    expect(state).toEqual({ chat: [line("1")], page, present });
    expect(applied(state, { kind: "present", present: [] }).present).toEqual([]);
    expect(EMPTY.chat).toEqual([]);
  });

  it("comes to the same from the start and from any checkpoint on the way", () => {
    const entries = fc.array(
      fc.oneof(
        fc.nat(300).map((id) => said(String(id))),
        fc.string().map((title): Entry => ({ kind: "page", page: { title, address: "", hidden: false } })),
      ),
      { maxLength: 300, size: "max" },
    );
    fc.assert(
      fc.property(entries, fc.nat(300), (all, at) => {
        const whole = all.reduce(applied, EMPTY);
        const checkpoint = JSON.parse(JSON.stringify(all.slice(0, at).reduce(applied, EMPTY))) as unknown;
        expect(all.slice(at).reduce(applied, stateOf(checkpoint))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});

describe("entryOf", () => {
  it.each<[Entry]>([
    [said("1")],
    [{ kind: "page", page: { title: "T", address: "https://a.example/", hidden: true } }],
    [{ kind: "present", present: [{ id: "a", name: "Ann", role: "guest" }] }],
    [{ kind: "chosen", id: 7, indexes: [0, 2] }],
    [{ kind: "popover", id: 7, open: true }],
    [{ kind: "sheet", id: 7, disabled: false }],
  ])("reads what was written: %o", (entry) => {
    expect(entryOf(asEvent(entry, 7))).toEqual(entry);
  });

  it.each([
    [null],
    [7],
    [{}],
    [{ type: 3, data: { tag: "cobrowse", payload: said("1") } }],
    [{ type: 5, data: { tag: "other", payload: said("1") } }],
    [{ type: 5, data: null }],
    [{ type: 5, data: { tag: "cobrowse", payload: { kind: "later" } } }],
    [{ type: 5, data: { tag: "cobrowse", payload: { kind: "chat", line: { id: 1 } } } }],
    [{ type: 5, data: { tag: "cobrowse", payload: { kind: "chat" } } }],
    [{ type: 5, data: { tag: "cobrowse", payload: { kind: "popover", id: "7", open: true } } }],
    [{ type: 5, data: { tag: "cobrowse", payload: { kind: "sheet", id: 7, disabled: 1 } } }],
  ])("leaves %o", (event) => {
    expect(entryOf(event)).toBeNull();
  });

  it("cuts what is too long", () => {
    const entry = entryOf(asEvent({ kind: "chat", line: line("i".repeat(99), "t".repeat(9_999)) }, 0));
    expect(entry).toEqual({ kind: "chat", line: line("i".repeat(64), "t".repeat(2_000)) });
  });
});

describe("stateOf", () => {
  it("makes a whole state of anything", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const state = stateOf(value);
        expect(stateOf(state)).toEqual(state);
        expect(state.chat.length).toBeLessThanOrEqual(MAX_CHAT);
      }),
    );
  });

  it("leaves out what is malformed, and keeps the rest", () => {
    const state = stateOf({
      chat: [line("1"), { id: 2 }, null, line("3")],
      page: 7,
      present: [{ id: "a", role: "boss" }],
    });
    expect(state.chat.map(({ id }) => id)).toEqual(["1", "3"]);
    expect(state.page).toEqual(EMPTY.page);
    expect(state.present).toEqual([{ id: "a", name: "", role: "guest" }]);
  });
});
