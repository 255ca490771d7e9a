/** Closing a WebSocket: what the other side is told fits, and we are told in any case. */
import { afterEach, expect, it, vi } from "vitest";
import { WebSocketTransport } from "./websocket";

/** As browsers do it: the WebSockets standard, section 3.1, on `close()`. */
class FakeWebSocket {
  static readonly OPEN = 1;
  readonly readyState = FakeWebSocket.OPEN;
  closed: string[] = [];
  onclose: unknown = null;

  close(_code: number, reason: string): void {
    if (new TextEncoder().encode(reason).length > 123) throw new SyntaxError("the reason is too long");
    this.closed.push(reason);
  }
}

afterEach(() => vi.unstubAllGlobals());

it.each([
  ["short", "short"],
  ["x".repeat(124), "x".repeat(123)],
  ["ä".repeat(100), "ä".repeat(61)],
  ["€".repeat(2_000), "€".repeat(41)],
])("closes with as much of %j as there is room for", (reason, told) => {
  const sockets: FakeWebSocket[] = [];
  vi.stubGlobal(
    "WebSocket",
    class extends FakeWebSocket {
      constructor() {
        super();
        sockets.push(this);
      }
    },
  );
  const onclose = vi.fn();
  const events = { onopen: () => {}, onmessage: () => {}, ondrain: () => {}, onclose };
  new WebSocketTransport("ws://x/ws", events).close(4100, reason);
  expect(sockets[0]?.closed).toEqual([told]);
  expect(onclose.mock.calls).toEqual([[4100, reason]]);
});
