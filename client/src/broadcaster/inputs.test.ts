/** Where viewers' inputs take effect: in order, once, and only with the capability they need. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Input, Inputs } from "./inputs";

const line = (text: string): Input => ({ kind: "chat", id: text, text });

function made(next: Record<string, number> = {}) {
  const told: string[] = [];
  const may = new Set<string>(["a", "b"]);
  const inputs = new Inputs(
    {
      may: (viewer, kind) => kind === "chat" && may.has(viewer),
      apply: (viewer, input) => told.push(`${viewer} ${input.kind === "chat" && input.text}`),
      acknowledge: (viewer, n) => told.push(`${viewer} up to ${n}`),
      refuse: (viewer, n, reason) => told.push(`${viewer} not ${n}: ${reason}`),
    },
    next,
  );
  const take = (viewer: string, n: number, text: string, base = 0) =>
    inputs.take(viewer, { n, base, input: line(text) });
  return { inputs, take, told, may };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Inputs", () => {
  it("applies and acknowledges, each viewer's own", () => {
    const { take, told } = made();
    take("a", 0, "one");
    take("b", 0, "two");
    take("a", 0, "one");
    expect(told).toEqual(["a one", "a up to 0", "b two", "b up to 0", "a up to 0"]);
  });

  it("refuses without the capability, and what it does not know", () => {
    const { inputs, take, told, may } = made();
    may.delete("a");
    take("a", 0, "one");
    inputs.take("b", { n: 0, base: 0, input: { kind: "fly" } as unknown as Input });
    inputs.take("b", { n: 1, base: 0, input: { kind: "toString" } as unknown as Input });
    expect(told).toEqual([
      "a not 0: the visitor has not allowed chat",
      "b not 0: the visitor has not allowed fly",
      "b not 1: the visitor has not allowed toString",
    ]);
  });

  it("goes on at once after an input that it refused", () => {
    const { take, told, may } = made();
    may.delete("a");
    take("a", 0, "no");
    may.add("a");
    take("a", 1, "yes", 1);
    expect(told.slice(1)).toEqual(["a yes", "a up to 1"]);
  });

  it("refuses what follows a hole that is not filled in time, and tells", async () => {
    const { take, told } = made();
    take("a", 1, "two");
    await vi.advanceTimersByTimeAsync(400);
    expect(told.filter((one) => one.includes("not"))).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toContain("a not 1: an input before this one was lost");
    expect(told.at(-1)).toBe("a up to 1");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not apply what waits behind a hole when the capability was taken back meanwhile", () => {
    const { take, told, may } = made();
    take("a", 1, "two");
    may.delete("a");
    take("a", 0, "one");
    expect(told.filter((one) => one === "a two" || one === "a one")).toEqual([]);
  });

  it("refuses what comes faster than a hand makes it, and says so", () => {
    const { inputs, told } = made();
    for (let n = 0; n < 1_000; n += 1) inputs.take("a", { n, base: n, input: line("x") });
    expect(told.filter((one) => one === "a x")).toHaveLength(200);
    expect(told.at(-1)).toBe("a not 999: too many at once; wait a moment");
    inputs.take("b", { n: 0, base: 0, input: line("y") });
    expect(told).toContain("b y");
  });

  it("applies no number twice, however it is said", () => {
    const { inputs, told } = made();
    for (const [n, base] of [
      [0, 0],
      [0, 0],
      [5, 5],
      [3, 0],
      [5, 0],
      [5, 5],
    ] as const)
      inputs.take("a", { n, base, input: line(String(n)) });
    expect(told.filter((one) => /^a \d$/.test(one))).toEqual(["a 0", "a 5"]);
  });

  it("goes on across a page load, and forgets whom it is told to", () => {
    const { inputs, take, told } = made({ a: 5 });
    take("a", 4, "old");
    take("a", 5, "new");
    expect(told).toEqual(["a up to 4", "a new", "a up to 5"]);
    expect(inputs.next).toEqual({ a: 6 });
    inputs.forget("a");
    expect(inputs.next).toEqual({});
  });

  it("leaves no timer behind", () => {
    const { inputs, take } = made();
    take("a", 3, "x");
    inputs.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
