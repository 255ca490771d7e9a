/** Who is typing: said seldom, believed for a while. */
import { describe, expect, it } from "vitest";
import { TYPING_FOR_MS, TypingMark, Typists } from "./typing";

describe("TypingMark", () => {
  it("is due at the first key, then every two seconds, and at once after a line", () => {
    const mark = new TypingMark();
    expect([0, 50, 1_999, 2_000, 2_100].map((now) => mark.isDue(now))).toEqual([true, false, false, true, false]);
    mark.sent();
    expect(mark.isDue(2_200)).toBe(true);
  });
});

describe("Typists", () => {
  it("says who is typing, for as long as a mark is believed", () => {
    const typists = new Typists();
    expect(typists.sentence(0)).toBe("");
    typists.note("a", "Ann", 0);
    expect(typists.sentence(TYPING_FOR_MS - 1)).toBe("Ann is typing…");
    typists.note("b", "Bo", 1_000);
    expect(typists.sentence(2_000)).toBe("Ann and Bo are typing…");
    typists.note("c", "Cy", 1_000);
    expect(typists.sentence(2_000)).toBe("Several are typing…");
    expect(typists.sentence(TYPING_FOR_MS)).toBe("Bo and Cy are typing…");
    typists.done("c");
    expect(typists.sentence(TYPING_FOR_MS)).toBe("Bo is typing…");
    expect(typists.sentence(1_000 + TYPING_FOR_MS)).toBe("");
  });
});
