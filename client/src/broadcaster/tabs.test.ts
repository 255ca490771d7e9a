import { afterEach, expect, it, vi } from "vitest";
import { Tabs } from "./tabs";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function denied(): never {
  throw new DOMException("Access is denied for this document.", "SecurityError");
}

it("is on its own, and knows it soon, where the browser keeps nothing for the site", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("document", { hidden: true, addEventListener: () => {} });
  vi.stubGlobal("BroadcastChannel", function BroadcastChannel() {
    denied();
  });
  vi.stubGlobal("navigator", { locks: { query: async () => denied() } });
  const events = { held: () => null, give: vi.fn(), found: vi.fn(), over: vi.fn(), seen: vi.fn() };
  const done = vi.fn();
  void new Tabs("a site", events).who().then(done);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(done).toHaveBeenCalled();
});
