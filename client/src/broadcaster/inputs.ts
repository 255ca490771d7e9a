/** The one place where viewers' inputs take effect: in order, once, and only with the capability they need. */
import { InputReceiver, type Numbered } from "../inputs";
import type { Capability, Chat } from "../protocol.gen";

export type Input = Chat;

/** The capability that each kind of input needs. What is not listed here is refused. */
const NEEDS: Record<Input["kind"], Capability> = { chat: "chat" };
const TICK_MS = 100;

export interface InputEvents {
  may(viewer: string, capability: Capability): boolean;
  apply(viewer: string, input: Input): void;
  acknowledge(viewer: string, n: number): void;
  refuse(viewer: string, n: number, reason: string): void;
}

export class Inputs {
  private readonly receivers = new Map<string, InputReceiver<Input>>();
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
    const capability = Object.hasOwn(NEEDS, numbered.input.kind) ? NEEDS[numbered.input.kind] : undefined;
    const receiver = this.receiver(viewer);
    if (!capability || !this.events.may(viewer, capability)) {
      this.events.refuse(viewer, numbered.n, `the visitor has not allowed ${numbered.input.kind}`);
      return;
    }
    this.deal(viewer, receiver.take(numbered, performance.now()));
    this.watchHoles();
  }

  forget(viewer: string): void {
    this.receivers.delete(viewer);
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
    for (const input of received.apply)
      if (this.events.may(viewer, NEEDS[input.kind])) this.events.apply(viewer, input);
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
