import { describe, expect, it, vi } from "vitest";
import { imported } from "./imported";

describe("imported", () => {
  it("asks again under another address, which keeps the query", async () => {
    vi.useFakeTimers();
    const asked: string[] = [];
    const script = imported("https://help.example/broadcaster.js?v=1", async (address) => {
      asked.push(address);
      if (asked.length < 4) throw new TypeError("Failed to fetch");
      return "the script";
    });
    await vi.runAllTimersAsync();
    expect(await script).toBe("the script");
    expect(asked[0]).toBe("https://help.example/broadcaster.js?v=1");
    expect(asked.slice(1).every((address) => address.startsWith(`${asked[0]}&again=`))).toBe(true);
    expect(new Set(asked).size).toBe(4);
    vi.useRealTimers();
  });
});
