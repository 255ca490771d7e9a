/** The one place where viewers' inputs take effect: in order, once, not too fast, and only those that consent lets through. */
import { InputReceiver, type Numbered } from "../inputs";
import type { InputMessage } from "../protocol.gen";
import { Pace } from "./pace";

export type Input = InputMessage["input"];

const TICK_MS = 100;

export interface InputEvents {
  may(viewer: string, kind: string): boolean;
  apply(viewer: string, input: Input): void;
  acknowledge(viewer: string, n: number): void;
  refuse(viewer: string, n: number, reason: string): void;
}

export class Inputs {
  private readonly receivers = new Map<string, InputReceiver<Input>>();
  private readonly pace = new Pace();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly events: InputEvents,
    next: Readonly<Record<string, number>>,
  ) {
    this.restore(next);
  }

  /** Go on from these numbers. */
  restore(next: Readonly<Record<string, number>>): void {
    for (const [viewer, n] of Object.entries(next)) this.receivers.set(viewer, new InputReceiver(n));
  }

  take(viewer: string, numbered: Numbered<Input>): void {
    const { n, input } = numbered;
    const now = performance.now();
    if (!this.events.may(viewer, input.kind)) {
      this.events.refuse(viewer, n, `the visitor has not allowed ${input.kind}`);
    } else if (!this.pace.allows(viewer, now)) {
      this.events.refuse(viewer, n, "too many at once; wait a moment");
    } else {
      this.deal(viewer, this.receiver(viewer).take(numbered, now));
      this.watchHoles();
    }
  }

  forget(viewer: string): void {
    this.receivers.delete(viewer);
    this.pace.forget(viewer);
  }

  /** The next number of each viewer, to be kept across a page load. */
  get next(): Record<string, number> {
    return Object.fromEntries(Array.from(this.receivers, ([viewer, { next }]) => [viewer, next]));
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private receiver(viewer: string): InputReceiver<Input> {
    let receiver = this.receivers.get(viewer);
    if (!receiver) {
      receiver = new InputReceiver();
      this.receivers.set(viewer, receiver);
    }
    return receiver;
  }

  private deal(viewer: string, received: ReturnType<InputReceiver<Input>["tick"]>): void {
    // Asked again: what waited behind a hole may have been revoked meanwhile.
    for (const input of received.apply) if (this.events.may(viewer, input.kind)) this.events.apply(viewer, input);
    for (const n of received.refuse) this.events.refuse(viewer, n, "an input before this one was lost");
    if (received.acknowledge >= 0) this.events.acknowledge(viewer, received.acknowledge);
  }

  private watchHoles(): void {
    clearTimeout(this.timer);
    if (![...this.receivers.values()].some(({ hasHole }) => hasHole)) return;
    this.timer = setTimeout(() => {
      for (const [viewer, receiver] of this.receivers)
        if (receiver.hasHole) this.deal(viewer, receiver.tick(performance.now()));
      this.watchHoles();
    }, TICK_MS);
  }
}
