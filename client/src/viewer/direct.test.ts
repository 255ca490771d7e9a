/** When a direct path is tried: at once, then after a rest, and never given up once it is open. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { TransportEvents } from "../link/transport";
import { Direct } from "./direct";

const { made, browser } = vi.hoisted(() => ({
  made: [] as { isOpen: boolean; events: TransportEvents; close(): void }[],
  browser: { hasWebRTC: true },
}));

vi.mock("../link/peer", () => ({
  Peer: class {
    isOpen = false;
    private done = false;

    constructor(
      _polite: boolean,
      _ice: object,
      _signal: object,
      readonly events: TransportEvents,
    ) {
      if (!browser.hasWebRTC) throw new ReferenceError("RTCPeerConnection is not defined");
      made.push(this);
    }

    open(): void {}

    close(): void {
      if (this.done) return;
      this.done = true;
      this.isOpen = false;
      this.events.onclose(1000, "");
    }
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  made.length = 0;
});

/** Of a viewer that asks for an attempt whenever it is told anything. */
function eager(): Direct {
  const direct: Direct = new Direct(() => ({ iceServers: [] }), {
    signal: () => {},
    onopen: () => {},
    onmessage: () => {},
    onclose: () => direct.attempt(),
  });
  direct.attempt();
  return direct;
}

function opens(n: number): void {
  const peer = made[n];
  if (!peer) throw new Error(`attempt ${n} was not made`);
  peer.isOpen = true;
  peer.events.onopen();
}

describe("Direct", () => {
  it("rests before it tries again, whoever asks", () => {
    const direct = eager();
    opens(0);
    direct.close();
    expect(made.length).toBe(1);
    vi.advanceTimersByTime(1_999);
    expect(made.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(made.length).toBe(2);
  });

  it("keeps a path that was opened anew", () => {
    const direct = eager();
    opens(0);
    direct.close();
    vi.advanceTimersByTime(2_000);
    opens(1);
    vi.advanceTimersByTime(60_000);
    expect(direct.transport).toBe(made[1]);
    expect(made.length).toBe(2);
  });

  it("gives up an attempt that does not open within 10 s, and rests longer each time", () => {
    eager();
    for (const rest of [2_000, 10_000, 30_000, 60_000, 60_000]) {
      const before = made.length;
      vi.advanceTimersByTime(10_000 + rest - 1);
      expect(made.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(made.length).toBe(before + 1);
    }
  });

  it("rests as well where the browser has no WebRTC", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    browser.hasWebRTC = false;
    const direct = eager();
    for (let time = 0; time < 10; time++) direct.attempt();
    expect(warned).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(12_000);
    expect(warned).toHaveBeenCalledTimes(3);
    browser.hasWebRTC = true;
    vi.advanceTimersByTime(30_000);
    expect(made.length).toBe(1);
    warned.mockRestore();
  });

  it("tries no more once it is stopped", () => {
    const direct = eager();
    opens(0);
    direct.stop();
    vi.advanceTimersByTime(120_000);
    expect(made.length).toBe(1);
  });
});
