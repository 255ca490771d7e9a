/** A site's own questions. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Hooks, withoutHooks } from "./hooks";
import { QUESTIONS } from "./rights";

const { signal } = new AbortController();
const VIEWER = { id: "a", name: "A", role: "agent" } as const;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Hooks", () => {
  it("asks by the site's hook of that question alone", async () => {
    const widget = vi.fn(() => false);
    const hooks = new Hooks(widget, []);
    const confirmControl = vi.fn(() => true);
    hooks.give({ confirmControl });
    expect(await Promise.all(QUESTIONS.map((question) => hooks.ask(question, VIEWER, ["click"], signal)))).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(confirmControl.mock.calls).toEqual([[VIEWER, ["click"], signal]]);
    expect(widget).toHaveBeenCalledTimes(3);
    expect(hooks.own).toEqual(["control"]);
  });

  it("waits for a hook that the page before had, and not for others", async () => {
    const widget = vi.fn(() => false);
    const hooks = new Hooks(widget, ["view"]);
    expect(await hooks.ask("control", VIEWER, [], signal)).toBe(false);
    const question = hooks.ask("view", VIEWER, [], signal);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(widget).toHaveBeenCalledTimes(1);
    hooks.give({ confirmView: () => true });
    expect(await question).toBe(true);
  });

  it("asks by the widget when the page does not give it again", async () => {
    const hooks = new Hooks(() => true, ["view"]);
    const question = hooks.ask("view", VIEWER, [], signal);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await question).toBe(true);
    expect(hooks.own).toEqual(["view"]);
  });

  it("rejects where a hook throws, or is none", async () => {
    const hooks = new Hooks(() => true, []);
    hooks.give({ confirmView: "yes" as unknown as () => boolean });
    await expect(hooks.ask("view", VIEWER, [], signal)).rejects.toThrow(TypeError);
  });

  it("leaves no hook among options that are stored", () => {
    expect(withoutHooks({ site: "a", confirmView: 1, confirmControl: 2, confirmCall: 3, confirmRecording: 4 })).toEqual(
      {
        site: "a",
      },
    );
  });
});
