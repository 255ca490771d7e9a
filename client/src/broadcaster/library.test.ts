import { describe, expect, it, vi } from "vitest";
import { Library, type Loaded } from "./library";

const script = {} as Loaded;

describe("Library", () => {
  it("is loaded once, whoever asks", async () => {
    const fetched = vi.fn(async () => script);
    const library = new Library("https://help.example/record.js", fetched);
    expect(library.loaded).toBeNull();
    await Promise.all([library.load(), library.load()]);
    await library.load();
    expect(library.loaded).toBe(script);
    expect(fetched.mock.calls).toEqual([["https://help.example/record.js"]]);
  });

  it("asks again under another address, and gives up in the end", async () => {
    vi.useFakeTimers();
    const asked: string[] = [];
    let failures = 2;
    const library = new Library("https://help.example/record.js", async (address) => {
      asked.push(address);
      failures -= 1;
      if (failures >= 0) throw new TypeError("Failed to fetch");
      return script;
    });
    const loaded = library.load();
    await vi.runAllTimersAsync();
    await loaded;
    expect(library.loaded).toBe(script);
    expect(new Set(asked).size).toBe(3);

    const gone = new Library("https://help.example/record.js", () => Promise.reject(new TypeError("Failed to fetch")));
    const failed = expect(gone.load()).rejects.toThrow("Failed to fetch");
    await vi.runAllTimersAsync();
    await failed;
    expect(gone.loaded).toBeNull();
    vi.useRealTimers();
  });
});
