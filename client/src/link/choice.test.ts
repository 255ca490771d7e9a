/** Which transport: the WebSocket where it passes, WebRTC where it is better, HTTP last, and nothing flaps. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AGAIN_MS, Choice, FORGOTTEN_AFTER_MS, REST_MS, SAMPLES, SLOW_MS } from "./choice";
import type { TransportKind } from "./transport";

const FIRST_REST_MS = REST_MS[0] ?? 0;
/** What opens, and how long a round trip takes in ms, in one second. */
type Second = { websocket: boolean; webrtc: boolean; rtt: number };
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

  it("leaves what opens and breaks alone, longer each time, and forgets it", () => {
    const choice = withoutWebSocket();
    choice.opened("webrtc", 2_000);
    choice.broke("webrtc", 5_000);
    expect(choice.first(5_000)).toBe("http");
    choice.opened("http", 5_000);
    const rested = (now: number) => ({ before: choice.upgrade("http", now - 1), after: choice.upgrade("http", now) });
    choice.failed("websocket", 5_000);
    expect(rested(5_000 + FIRST_REST_MS)).toEqual({ before: null, after: "webrtc" });
    choice.opened("webrtc", 40_000);
    choice.broke("webrtc", 41_000);
    choice.failed("websocket", 41_000);
    expect(rested(41_000 + (REST_MS[1] ?? 0))).toEqual({ before: null, after: "webrtc" });
    const later = 41_000 + FORGOTTEN_AFTER_MS;
    choice.failed("websocket", later);
    choice.broke("webrtc", later);
    expect(rested(later + FIRST_REST_MS).before).toBeNull();
    expect(choice.upgrade("http", later + FIRST_REST_MS)).toBe("websocket");
  });

  it("comes back at once to what it is told to go by, when that broke", () => {
    const choice = new Choice("webrtc");
    choice.opened("webrtc", 0);
    choice.broke("webrtc", 1_000);
    choice.opened("websocket", 1_000);
    expect(choice.upgrade("websocket", 1_000)).toBe("webrtc");
  });

  it("never flaps where what opens goes on", () => {
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

  it("never flaps, whatever the network does", () => {
    const second = fc.record({
      websocket: fc.boolean(),
      webrtc: fc.boolean(),
      rtt: fc.integer({ min: 1, max: 2_000 }),
    });
    const network = fc.record({
      seconds: fc.array(second, { minLength: 1, maxLength: 40 }),
      lives: fc.array(fc.integer({ min: 1, max: 1_200 }), { minLength: 1, maxLength: 10 }),
    });
    fc.assert(
      fc.property(network, ({ seconds, lives }) => {
        const choice = new Choice("auto");
        let current: TransportKind | null = null;
        let last: TransportKind | null = null;
        let dies = 0; // when the one in use breaks
        let isCandidate = false; // whether it was changed to while another carried
        let changes = 0;
        let made = 0;
        const use = (kind: TransportKind, now: number) => {
          if (last && kind !== last) changes += 1;
          current = kind;
          last = kind;
          dies = now + (lives[made++ % lives.length] ?? 1) * 1_000;
          choice.opened(kind, now);
        };
        for (let now = 0; now < 3_600_000; now += 1_000) {
          const { websocket, webrtc, rtt } = seconds[(now / 1_000) % seconds.length] as Second;
          const opens = { websocket, webrtc, http: true };
          if (current && now >= dies) {
            if (isCandidate) choice.broke(current, now);
            current = null;
          }
          if (!current) {
            const kind = choice.first(now);
            isCandidate = false;
            if (opens[kind]) use(kind, now);
            else choice.refused(kind);
            continue;
          }
          choice.measured(rtt);
          const kind = choice.upgrade(current, now);
          if (!kind) continue;
          const isWorth = current !== "websocket" || choice.isBetter(50);
          if (!opens[kind] || !isWorth) {
            choice.failed(kind, now);
            continue;
          }
          if (current === "websocket") choice.left("websocket", now);
          isCandidate = true;
          use(kind, now);
        }
        expect(changes).toBeLessThanOrEqual(48);
      }),
      { numRuns: 1_000 },
    );
  });

  it("does not try a WebSocket again and again that opens but every other time", () => {
    const choice = new Choice("auto");
    choice.refused("websocket");
    choice.opened("http", 0);
    choice.opened("websocket", AGAIN_MS);
    choice.refused("websocket");
    choice.opened("http", 5_000);
    expect(choice.upgrade("http", 5_000 + AGAIN_MS)).toBe("webrtc");
    choice.failed("webrtc", 5_000 + AGAIN_MS);
    expect(choice.upgrade("http", 5_000 + FIRST_REST_MS - 1)).toBeNull();
    expect(choice.upgrade("http", 5_000 + FIRST_REST_MS)).toBe("websocket");
  });
});
