import { describe, expect, it, vi } from "vitest";
import { Library } from "./library";

const record = (() => {}) as never;

describe("Library", () => {
  it("is loaded once, whoever asks", async () => {
    const fetched = vi.fn(async () => ({ record }));
    const library = new Library("https://help.example/rrweb.js", fetched);
    expect(library.record).toBeNull();
    await Promise.all([library.load(), library.load()]);
    await library.load();
    expect(library.record).toBe(record);
    expect(fetched.mock.calls).toEqual([["https://help.example/rrweb.js"]]);
  });

  it("asks again under another address, and gives up in the end", async () => {
    vi.useFakeTimers();
    const asked: string[] = [];
    let failures = 2;
    const library = new Library("https://help.example/rrweb.js", async (address) => {
      asked.push(address);
      failures -= 1;
      if (failures >= 0) throw new TypeError("Failed to fetch");
      return { record };
    });
    const loaded = library.load();
    await vi.runAllTimersAsync();
    await loaded;
    expect(library.record).toBe(record);
    expect(new Set(asked).size).toBe(3);

    const gone = new Library("https://help.example/rrweb.js", () => Promise.reject(new TypeError("Failed to fetch")));
    const failed = expect(gone.load()).rejects.toThrow("Failed to fetch");
    await vi.runAllTimersAsync();
    await failed;
    expect(gone.record).toBeNull();
    vi.useRealTimers();
  });
});
