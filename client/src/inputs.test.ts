/** Inputs over a road that loses, repeats and reorders: each is applied at most once, in order. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOLE_WAIT_MS, InputReceiver, InputSender, MAX_WAITING, type Numbered, RESEND_WITHIN_MS } from "./inputs";

type Operation =
  | { op: "send" }
  | { op: "deliver"; which: number; keep: boolean }
  | { op: "lose"; which: number }
  | { op: "answer"; keep: boolean }
  | { op: "change path" }
  | { op: "wait"; ms: number };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant("send" as const) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("deliver" as const), which: fc.nat(5), keep: fc.boolean() }) },
  fc.record({ op: fc.constant("lose" as const), which: fc.nat(5) }),
  { weight: 3, arbitrary: fc.record({ op: fc.constant("answer" as const), keep: fc.boolean() }) },
  fc.record({ op: fc.constant("change path" as const) }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.constantFrom(10, 100, 600, 2_500) }) },
);

type Answer = { acknowledge: number; refuse: readonly number[] };

/** A sender, a receiver, and what is on its way between them. */
class Road {
  readonly sender = new InputSender<number>();
  readonly receiver = new InputReceiver<number>();
  readonly applied: number[] = [];
  readonly refused = new Set<number>();
  readonly there: Numbered<number>[] = [];
  readonly back: Answer[] = [];
  sent = 0;
  now = 0;

  send(): void {
    const numbered = this.sender.send(this.sent, this.now);
    expect(numbered.n).toBe(this.sent);
    expect(numbered.base).toBeLessThanOrEqual(numbered.n);
    this.sent += 1;
    this.there.push(numbered);
  }

  deliver(which: number, keep: boolean): void {
    const numbered = this.there[which % this.there.length];
    if (!numbered) return;
    if (!keep) this.there.splice(this.there.indexOf(numbered), 1);
    this.deal(this.receiver.take(numbered, this.now));
  }

  deal({ apply, acknowledge, refuse }: ReturnType<InputReceiver<number>["tick"]>): void {
    this.applied.push(...apply);
    for (const n of refuse) this.refused.add(n);
    this.back.push({ acknowledge, refuse });
  }

  answer(keep: boolean): void {
    const answer = keep ? this.back[0] : this.back.shift();
    if (!answer) return;
    for (const n of answer.refuse) this.sender.refused(n);
    if (answer.acknowledge >= 0) this.sender.acknowledged(answer.acknowledge);
  }

  holds(): void {
    for (const [index, n] of this.applied.entries())
      if (index > 0 && n <= (this.applied[index - 1] as number)) throw new Error("applied twice, or out of order");
    if (this.applied.some((n) => this.refused.has(n))) throw new Error("applied, and refused");
  }

  run(step: Operation): void {
    switch (step.op) {
      case "send":
        this.send();
        break;
      case "deliver":
        this.deliver(step.which, step.keep);
        break;
      case "lose":
        if (this.there.length > 0) this.there.splice(step.which % this.there.length, 1);
        break;
      case "answer":
        this.answer(step.keep);
        break;
      case "change path":
        this.there.length = 0;
        this.there.push(...this.sender.resend(this.now));
        break;
      case "wait":
        this.now += step.ms;
        if (this.receiver.hasHole) this.deal(this.receiver.tick(this.now));
    }
    this.holds();
  }
}

describe("InputSender and InputReceiver", () => {
  it("apply at most once, in order, and never what was refused", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100, size: "max" }), (operations) => {
        const road = new Road();
        for (const step of operations) road.run(step);
      }),
      { numRuns: 500 },
    );
  });

  it("apply everything that is sent again in time after a loss", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.boolean(), { maxLength: 6 }), { maxLength: 20 }), (bursts) => {
        const road = new Road();
        for (const burst of bursts) {
          for (const arrives of burst) {
            road.send();
            if (arrives) road.deliver(road.there.length - 1, false);
            else road.there.pop();
          }
          road.now += HOLE_WAIT_MS - 1;
          road.run({ op: "change path" });
          while (road.there.length > 0) road.deliver(0, false);
          while (road.back.length > 0) road.answer(false);
        }
        expect(road.applied).toEqual(Array.from({ length: road.sent }, (_, n) => n));
        expect(road.refused.size).toBe(0);
        expect(road.sender.resend(road.now)).toEqual([]);
      }),
    );
  });

  it("go on after what was given up as too old", () => {
    const road = new Road();
    road.send();
    road.there.length = 0;
    road.now += RESEND_WITHIN_MS;
    road.run({ op: "change path" });
    expect(road.there).toEqual([]);
    road.send();
    road.deliver(0, false);
    expect(road.applied).toEqual([1]);
  });
});

describe("InputReceiver", () => {
  const at = (n: number, base = 0): Numbered<number> => ({ n, base, input: n });

  it("waits for a hole, and then refuses what follows it", () => {
    const receiver = new InputReceiver<number>();
    expect(receiver.take(at(1), 0)).toEqual({ apply: [], acknowledge: -1, refuse: [] });
    expect(receiver.take(at(3), 100)).toEqual({ apply: [], acknowledge: -1, refuse: [] });
    expect(receiver.hasHole).toBe(true);
    expect(receiver.tick(HOLE_WAIT_MS - 1)).toEqual({ apply: [], acknowledge: -1, refuse: [] });
    expect(receiver.tick(HOLE_WAIT_MS)).toEqual({ apply: [], acknowledge: 3, refuse: [1, 3] });
    expect(receiver.hasHole).toBe(false);
    expect(receiver.take(at(0), HOLE_WAIT_MS).apply).toEqual([]);
    expect(receiver.take(at(2), HOLE_WAIT_MS).apply).toEqual([]);
    expect(receiver.take(at(4), HOLE_WAIT_MS).apply).toEqual([4]);
  });

  it("applies what waited when the hole is filled", () => {
    const receiver = new InputReceiver<number>();
    receiver.take(at(2), 0);
    receiver.take(at(1), 0);
    expect(receiver.take(at(0), 1)).toEqual({ apply: [0, 1, 2], acknowledge: 2, refuse: [] });
  });

  it("acknowledges anew what comes twice", () => {
    const receiver = new InputReceiver<number>();
    receiver.take(at(0), 0);
    expect(receiver.take(at(0), 1)).toEqual({ apply: [], acknowledge: 0, refuse: [] });
  });

  it("does not wait for what the sender no longer has", () => {
    const receiver = new InputReceiver<number>();
    expect(receiver.take(at(5, 5), 0)).toEqual({ apply: [5], acknowledge: 5, refuse: [] });
  });

  it("applies what waited from the base on", () => {
    const receiver = new InputReceiver<number>();
    receiver.take(at(3, 0), 0);
    expect(receiver.take(at(4, 3), 1)).toEqual({ apply: [3, 4], acknowledge: 4, refuse: [] });
  });

  it("does not believe a base beyond its own input", () => {
    const receiver = new InputReceiver<number>();
    expect(receiver.take(at(1, 900), 0).apply).toEqual([]);
    expect(receiver.take(at(0, 0), 0).apply).toEqual([0, 1]);
  });

  it("keeps a bounded number waiting", () => {
    const receiver = new InputReceiver<number>();
    for (let n = 1; n <= 2 * MAX_WAITING; n++) receiver.take(at(n), 0);
    expect(receiver.take(at(0), 1).apply.length).toBeLessThanOrEqual(MAX_WAITING + 1);
  });

  it("fills the hole also when as many wait as may", () => {
    const receiver = new InputReceiver<number>();
    for (let n = 1; n <= MAX_WAITING; n++) receiver.take(at(n), 0);
    expect(receiver.take(at(0), 1).apply).toHaveLength(MAX_WAITING + 1);
  });

  it("goes on across a page load", () => {
    const receiver = new InputReceiver<number>(7);
    expect(receiver.take(at(6), 0)).toEqual({ apply: [], acknowledge: 6, refuse: [] });
    expect(receiver.take(at(7), 0).apply).toEqual([7]);
  });
});

describe("InputSender", () => {
  it("keeps a bounded number, and says where they begin", () => {
    const sender = new InputSender<number>();
    for (let n = 0; n < MAX_WAITING + 10; n++) sender.send(n, 0);
    const again = sender.resend(1);
    expect(again).toHaveLength(MAX_WAITING);
    expect(again.every(({ base }) => base === 10)).toBe(true);
  });

  it("forgets what was refused", () => {
    const sender = new InputSender<string>();
    sender.send("a", 0);
    sender.send("b", 0);
    sender.refused(0);
    expect(sender.resend(1)).toEqual([{ n: 1, base: 1, input: "b" }]);
  });
});
