import { describe, expect, it } from "vitest";
import { Kept } from "./kept";

function storage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  } as Storage;
}

describe("Kept", () => {
  it("keeps a text until it is told to keep none", () => {
    const held = storage();
    const kept = new Kept(() => held, "key");
    expect(kept.value).toBeNull();
    expect(kept.keep("text")).toBe(true);
    expect(new Kept(() => held, "key").value).toBe("text");
    expect(kept.keep(null)).toBe(true);
    expect(kept.value).toBeNull();
  });

  it("has nothing where storage is denied, and says that nothing is kept", () => {
    const kept = new Kept(() => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    }, "key");
    expect(kept.value).toBeNull();
    expect(kept.keep("text")).toBe(false);
    expect(kept.keep(null)).toBe(false);
  });
});
