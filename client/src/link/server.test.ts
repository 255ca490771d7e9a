/** The connection to the server, over WebSockets that are played by hand. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Control, type Item, packed } from "../records";
import type { Wish } from "./choice";
import { hintedMs, Server } from "./server";

class FakeWebSocket {
  static readonly OPEN = 1;
  static made: FakeWebSocket[] = [];
  readyState = 0;
  readonly bufferedAmount = 0;
  onopen: () => void = () => {};
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor() {
    FakeWebSocket.made.push(this);
  }

  send(): void {}

  close(): void {
    this.readyState = 3;
  }

  opens(): void {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen();
  }

  says(...messages: object[]): void {
    const bytes = messages.flatMap((message) => [...packed(message)]);
    this.onmessage?.({ data: Uint8Array.from(bytes).buffer });
  }

  breaks(): void {
    this.readyState = 3;
    this.onclose?.({ code: 1006, reason: "" });
  }
}

const socket = () => FakeWebSocket.made.at(-1) as FakeWebSocket;

/** A server whose first WebSocket is open; `onitem` is given what it says. */
function connected(onitem: (item: Item) => void = () => {}, wish: Wish = "auto"): Server {
  const events = { hello: () => ({}), onitem, onlost: () => true, ondrain: () => {} };
  const server = new Server("https://x/", wish, events);
  server.connect();
  socket().opens();
  return server;
}

describe("the connection to the server", () => {
  beforeEach(() => {
    FakeWebSocket.made = [];
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeWebSocket);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("gives out what came with something that could not be taken", () => {
    const reported: unknown[] = [];
    vi.stubGlobal("queueMicrotask", (report: () => void) => {
      try {
        report();
      } catch (error) {
        reported.push(error);
      }
    });
    const taken: string[] = [];
    const server = connected((item) => {
      if ((item as Control).type === "begun") throw new Error("on purpose");
      taken.push((item as Control).type);
    });
    socket().says({ type: "welcome" }, { type: "begun" }, { type: "demand" });
    expect(taken).toEqual(["welcome", "demand"]);
    expect(reported).toEqual([new Error("on purpose")]);
    server.close();
  });

  it("goes on by what there is in a browser without WebRTC, and tries it again only after a rest", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const server = connected(() => {}, "webrtc");
    for (let second = 0; second < 20; second++) {
      vi.advanceTimersByTime(1_000);
      socket().says({ type: "ping", at: 1 }, { type: "demand" });
    }
    expect(server.isOpen).toBe(true);
    expect(warned).toHaveBeenCalledOnce();
    server.close();
    warned.mockRestore();
  });

  it("waits longer each time while it is not welcomed", () => {
    const server = connected();
    const waits: number[] = [];
    for (let time = 0; time < 4; time++) {
      const count = FakeWebSocket.made.length;
      socket().says({ type: "closed", code: 4000, reason: "" });
      let waited = 0;
      while (FakeWebSocket.made.length === count) {
        vi.advanceTimersByTime(100);
        waited += 100;
      }
      waits.push(waited);
      socket().opens();
    }
    expect([...waits].sort((a, b) => a - b)).toEqual(waits);
    expect(waits[3]).toBeGreaterThan(2_000);
    socket().says({ type: "welcome" });
    socket().breaks();
    const count = FakeWebSocket.made.length;
    vi.advanceTimersByTime(100);
    expect(FakeWebSocket.made.length).toBe(count + 1);
    server.close();
  });
});

describe("when to come back", () => {
  it.each([
    ["too many connections from your address; come back in 5 s", 5_000],
    ["come back in 999999 s", 60_000],
    ["come back in 5 s, or never", 0],
    ["the server is restarting", 0],
    ["", 0],
  ])("%j", (reason, ms) => {
    expect(hintedMs(reason)).toBe(ms);
  });
});
