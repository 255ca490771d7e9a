/** Which transport: the WebSocket where it passes, WebRTC where it is better, HTTP last, and nothing flaps. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AGAIN_MS, Choice, REST_MS, SAMPLES, SLOW_MS } from "./choice";
import type { TransportKind } from "./transport";

const FIRST_REST_MS = REST_MS[0] ?? 0;
const KINDS: TransportKind[] = ["websocket", "webrtc", "http"];

function slow(choice: Choice, rttMs = SLOW_MS): void {
  for (let sample = 0; sample < SAMPLES; sample++) choice.measured(rttMs);
}

/** A choice whose WebSockets do not open, and which is on HTTP now. */
function withoutWebSocket(): Choice {
  const choice = new Choice("auto");
  choice.refused("websocket");
  choice.opened("http", 0);
  choice.failed("websocket", AGAIN_MS);
  return choice;
}

describe("Choice", () => {
  it("begins with a WebSocket, and is content with it", () => {
    const choice = new Choice("auto");
    expect(choice.first(0)).toBe("websocket");
    choice.opened("websocket", 0);
    slow(choice, SLOW_MS - 1);
    expect(choice.upgrade("websocket", 1e9)).toBeNull();
  });

  it("turns to HTTP when a WebSocket does not open, and back when HTTP does not either", () => {
    const choice = new Choice("auto");
    choice.refused("websocket");
    expect(choice.first(0)).toBe("http");
    choice.refused("http");
    expect(choice.first(0)).toBe("websocket");
  });

  it("tries the WebSocket once more soon: it may have met a restart", () => {
    const choice = new Choice("auto");
    choice.refused("websocket");
    choice.opened("http", 0);
    expect(choice.upgrade("http", AGAIN_MS - 1)).toBeNull();
    expect(choice.upgrade("http", AGAIN_MS)).toBe("websocket");
  });

  it("goes by WebRTC where WebSockets do not pass", () => {
    const choice = withoutWebSocket();
    expect(choice.upgrade("http", AGAIN_MS)).toBe("webrtc");
    choice.opened("webrtc", AGAIN_MS);
    expect(choice.upgrade("webrtc", AGAIN_MS)).toBeNull();
    expect(choice.upgrade("webrtc", AGAIN_MS + FIRST_REST_MS)).toBe("websocket");
  });

  it("stays on HTTP where nothing else passes, and asks less and less", () => {
    const choice = withoutWebSocket();
    choice.failed("webrtc", 2_000);
    expect(choice.upgrade("http", 2_000)).toBeNull();
    const tries: number[] = [];
    for (let now = 2_000; now < 3_600_000; now += 500) {
      const kind = choice.upgrade("http", now);
      if (!kind) continue;
      if (kind === "websocket") tries.push(now);
      choice.failed(kind, now);
    }
    expect(tries.length).toBeLessThan(12);
    const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
    expect([...waits].sort((a, b) => a - b)).toEqual(waits);
  });

  it("looks at WebRTC when a WebSocket is slow, and takes it only when it is clearly better", () => {
    const choice = new Choice("auto");
    choice.opened("websocket", 0);
    slow(choice, 400);
    expect(choice.upgrade("websocket", 0)).toBe("webrtc");
    expect(choice.isBetter(100)).toBe(true);
    expect(choice.isBetter(180)).toBe(false);
    choice.failed("webrtc", 0);
    expect(choice.upgrade("websocket", FIRST_REST_MS - 1)).toBeNull();
  });

  it("does not come back soon to what it left for being slow", () => {
    const choice = new Choice("auto");
    choice.opened("websocket", 0);
    choice.left("websocket", 0);
    choice.opened("webrtc", 0);
    expect(choice.upgrade("webrtc", 299_999)).toBeNull();
    expect(choice.upgrade("webrtc", 300_000)).toBe("websocket");
  });

  it("does as it is told", () => {
    for (const kind of ["websocket", "http"] as const) {
      const choice = new Choice(kind);
      choice.refused("websocket");
      slow(choice);
      expect(choice.first(0)).toBe(kind);
      expect(choice.upgrade(kind, 1e9)).toBeNull();
      expect(KINDS.filter((other) => choice.mayCarry(other))).toEqual([kind]);
    }
  });

  it("offers WebRTC over whatever opens when it is asked for alone", () => {
    const choice = new Choice("webrtc");
    expect(choice.first(0)).toBe("websocket");
    expect(choice.mayCarry("websocket")).toBe(false);
    expect(choice.upgrade("websocket", 0)).toBe("webrtc");
    expect(choice.upgrade("webrtc", 0)).toBeNull();
    choice.refused("websocket");
    expect(choice.first(0)).toBe("http");
  });

  it("never flaps, whatever the network does", () => {
    const network = fc.record({
      websocket: fc.boolean(),
      webrtc: fc.boolean(),
      rtt: fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 20 }),
      udp: fc.integer({ min: 1, max: 2_000 }),
    });
    fc.assert(
      fc.property(network, ({ websocket, webrtc, rtt, udp }) => {
        const choice = new Choice("auto");
        let current: TransportKind = "websocket";
        if (!websocket) {
          choice.refused("websocket");
          current = "http";
        }
        choice.opened(current, 0);
        let changes = 0;
        for (let now = 0; now < 3_600_000; now += 1_000) {
          choice.measured(current === "webrtc" ? udp : (rtt[(now / 1_000) % rtt.length] ?? 0));
          const kind = choice.upgrade(current, now);
          if (!kind) continue;
          const opens = kind === "websocket" ? websocket : webrtc;
          if (!opens || (current === "websocket" && !choice.isBetter(udp))) {
            choice.failed(kind, now);
            continue;
          }
          if (current === "websocket") choice.left("websocket", now);
          current = kind;
          choice.opened(kind, now);
          changes += 1;
        }
        expect(changes).toBeLessThanOrEqual(24);
      }),
    );
  });
});
