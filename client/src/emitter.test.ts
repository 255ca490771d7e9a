/** Events with typed payloads. */
import { describe, expect, it, vi } from "vitest";
import { Emitter } from "./emitter";

type Events = { count: number; done: string };

describe("Emitter", () => {
  it("calls those that listen, until they are taken off", () => {
    const emitter = new Emitter<Events>();
    const heard: unknown[] = [];
    const off = emitter.on("count", (count) => heard.push(count));
    emitter.on("done", (text) => heard.push(text));
    emitter.emit("count", 1);
    emitter.emit("done", "yes");
    off();
    emitter.emit("count", 2);
    expect(heard).toEqual([1, "yes"]);
  });

  it("calls the others though one throws, and reports it", () => {
    const reported = vi.spyOn(console, "error").mockImplementation(() => {});
    const emitter = new Emitter<Events>();
    const heard: number[] = [];
    emitter.on("count", () => {
      throw new Error("broken");
    });
    emitter.on("count", (count) => heard.push(count));
    emitter.emit("count", 1);
    expect([heard, reported.mock.calls.length]).toEqual([[1], 1]);
  });

  it("can be left, and joined, while it is called", () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const off = emitter.on("count", () => {
      heard.push("first");
      off();
      emitter.on("count", () => heard.push("late"));
    });
    emitter.on("count", () => heard.push("second"));
    emitter.emit("count", 1);
    expect(heard).toEqual(["first", "second"]);
    emitter.emit("count", 2);
    expect(heard).toEqual(["first", "second", "second", "late"]);
  });
});
