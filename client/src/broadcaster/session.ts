/** The session as a site sees it: the public object. What it stands for is run by `broadcast.ts`. */
import type { Capability } from "../protocol.gen";
import { randomId } from "../secret";
import type { ChatLine } from "../state";
import type { Broadcast } from "./broadcast";
import type { EndedReason, SessionEvents, SessionState, Stats, Viewer } from "./options";

const MAX_TEXT = 2_000;
const MAX_ABSENCE_S = 3_600;

export class Session {
  constructor(private readonly broadcast: Broadcast) {}

  get id(): string {
    return this.broadcast.id;
  }

  /** Six characters that a logged-in agent can type. */
  get code(): string {
    return this.broadcast.code;
  }

  get link(): string {
    return this.broadcast.link;
  }

  get state(): SessionState {
    return this.broadcast.state;
  }

  get endedReason(): EndedReason | null {
    return this.broadcast.endedReason;
  }

  get customData(): Readonly<Record<string, string>> {
    return this.broadcast.options.customData ?? {};
  }

  /** Those who watch now. */
  get viewers(): Viewer[] {
    return this.broadcast.viewers.audience.viewers;
  }

  get chat(): readonly ChatLine[] {
    return this.broadcast.entries.state.chat;
  }

  get isPaused(): boolean {
    return this.broadcast.recording.paused;
  }

  /** Whether the session goes on in another tab of the site. */
  get isElsewhere(): boolean {
    return this.broadcast.isSuspended;
  }

  /** Call `listener` at each event; the returned function stops that. */
  on<Name extends keyof SessionEvents>(name: Name, listener: (payload: SessionEvents[Name]) => void): () => void {
    return this.broadcast.events.on(name, listener);
  }

  /** Stop sharing for now: nothing more of the page is recorded. */
  pause(): void {
    this.broadcast.pause();
  }

  unpause(): void {
    this.broadcast.unpause();
  }

  end(): void {
    this.broadcast.end();
  }

  /** Throws RangeError for a viewer that has not been let in. */
  grant(viewer: string, capabilities: readonly Capability[]): void {
    this.broadcast.viewers.consent.grant(viewer, capabilities);
  }

  /** Take capabilities back; without any named, the viewer is put out. */
  revoke(viewer: string, capabilities?: readonly Capability[]): void {
    this.broadcast.viewers.consent.revoke(viewer, capabilities);
  }

  /** A line of chat from the visitor. */
  say(text: string): void {
    const line = text.trim().slice(0, MAX_TEXT);
    if (line) this.broadcast.enterLine({ id: randomId(), from: "", name: "Visitor", text: line });
  }

  /** The visitor is writing a line; call it at each key, viewers are told now and then. */
  typing(): void {
    this.broadcast.type();
  }

  /**
   * The visitor is about to be away, at a bank say: the session is kept that long, and viewers are told why. Throws
   * RangeError for seconds that are not above 0 and at most an hour.
   */
  expectAway({ seconds, message = "" }: { seconds: number; message?: string }): void {
    if (!(seconds > 0 && seconds <= MAX_ABSENCE_S))
      throw new RangeError(`cobrowse: expectAway takes seconds from 0 to ${MAX_ABSENCE_S}, got ${seconds}`);
    this.broadcast.send({ type: "expect_away", seconds, message: message.slice(0, MAX_TEXT) });
  }

  stats(): Stats {
    return this.broadcast.stats;
  }
}
