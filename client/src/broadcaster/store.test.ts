import { afterEach, expect, it, vi } from "vitest";
import { load, type Stored, save } from "./store";

afterEach(() => vi.unstubAllGlobals());

it("keeps nothing that is out of date when there is no room for what is not", () => {
  const items = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (value.length > 100) throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
      items.set(key, value);
    },
    removeItem: (key: string) => items.delete(key),
  });
  save({ id: "one" } as Stored);
  expect(load()?.id).toBe("one");
  save({ id: "one", site: "a".repeat(100) } as Stored);
  expect(load()).toBeNull();
});
