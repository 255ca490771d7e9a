/**
 * Tabs of a site find each other: which holds the session, and who takes it over. The tab that holds it has a lock;
 * where there are no locks (no secure context) the server decides, as a later connection replaces the earlier.
 */
import type { Stored } from "./store";

/** How long a tab must have been seen before it takes over. */
const SEEN_MS = 500;
/** A tab that does not give the session within this time is frozen, or gone. */
const GIVEN_WITHIN_MS = 700;
/** A tab that holds a session says so within this time, in view or not. */
const ANSWERED_WITHIN_MS = 150;
/** One that is busy says so later, and may miss a question; that there is one is known by its lock. So it is asked so often. */
const BUSY_TIMES = 10;
const BUSY_EVERY_MS = 500;
const LOCK_WITHIN_MS = 1_000;
/** The same where no other tab is known to hold it. */
const FREE_LOCK_WITHIN_MS = 5_000;
const LOCK = "cobrowse:";

export type Release = () => void;

type Said =
  | { readonly type: "who"; readonly tab: number }
  | { readonly type: "here"; readonly tab: number; readonly stored: Stored }
  | { readonly type: "held" | "given"; readonly stored: Stored }
  | { readonly type: "take" | "over"; readonly id: string };

export interface TabEvents {
  /** What this tab holds, if it does. */
  held(): Stored | null;
  /** Another tab takes over: let go. */
  give(): void;
  /** There is a session in another tab. */
  found(stored: Stored): void;
  /** The session is over. */
  over(id: string): void;
  /** This tab has been seen for a while. */
  seen(): void;
}

export class Tabs {
  private channel: BroadcastChannel | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private given: ((stored: Stored) => void) | null = null;
  private answered: () => void = () => {};
  private isSeen = false;
  private readonly tab = Math.random();

  constructor(
    private readonly name: string,
    private readonly events: TabEvents,
  ) {
    this.open();
    // A page that would be kept for the history is thrown away when a message reaches it.
    addEventListener("pagehide", () => {
      this.channel?.close();
      this.channel = null;
    });
    addEventListener("pageshow", ({ persisted }) => persisted && this.open());
    const look = () => this.look();
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    look();
  }

  /** Ask who holds a session; done when one has answered, or none is likely to. */
  who(): Promise<void> {
    return new Promise((resolve) => {
      let isAnswered = false;
      this.answered = () => {
        isAnswered = true;
        resolve();
      };
      const ask = async (times: number, wait: number) => {
        if (isAnswered) return;
        if (times === 0 || (wait === BUSY_EVERY_MS && !(await isHeld()))) return resolve();
        this.say({ type: "who", tab: this.tab });
        setTimeout(() => void ask(times - 1, BUSY_EVERY_MS), wait);
      };
      void ask(BUSY_TIMES, ANSWERED_WITHIN_MS);
    });
  }

  /** This tab holds the session now. */
  held(stored: Stored): void {
    this.say({ type: "held", stored });
  }

  over(id: string): void {
    this.say({ type: "over", id });
  }

  /** Ask for the session: what the other tab hands over, or null when it does not answer. */
  take(id: string): Promise<Stored | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), GIVEN_WITHIN_MS);
      this.given = (stored) => {
        clearTimeout(timer);
        resolve(stored);
      };
      this.say({ type: "take", id });
    });
  }

  private open(): void {
    try {
      this.channel = new BroadcastChannel(this.name);
      this.channel.onmessage = ({ data }) => this.heard(data as Said);
    } catch {
      // Browsers without it, or that keep nothing for the site: this tab is on its own.
    }
  }

  private look(): void {
    clearTimeout(this.timer);
    this.isSeen = false;
    if (document.hidden) return;
    this.timer = setTimeout(() => {
      this.isSeen = true;
      this.events.seen();
    }, SEEN_MS);
  }

  private heard(said: Said): void {
    const held = this.events.held();
    if (said.type === "who" && held) this.say({ type: "here", tab: said.tab, stored: held });
    else if (said.type === "take" && held?.id === said.id) {
      this.events.give();
      this.say({ type: "given", stored: held });
    } else if (said.type === "given") {
      this.given?.(said.stored);
      this.events.found(said.stored);
    } else if (said.type === "held") this.events.found(said.stored);
    else if (said.type === "here") {
      this.events.found(said.stored);
      if (said.tab === this.tab) this.answered();
      // The answer to a tab that has just come: it may have been in view for long enough already.
      if (said.tab === this.tab && this.isSeen) this.events.seen();
    }
    if (said.type === "over") this.events.over(said.id);
  }

  private say(said: Said): void {
    this.channel?.postMessage(said);
  }
}

/** Whether a tab of the site holds a session, as far as can be known. */
async function isHeld(): Promise<boolean> {
  try {
    const { held = [] } = await navigator.locks.query();
    return held.some(({ name }) => name?.startsWith(LOCK));
  } catch {
    return false; // no secure context, or a browser that keeps nothing for the site
  }
}

/** Holds the session for this tab, until released or the page goes; null when another tab has it, unless it is stolen. */
export function lock(
  id: string,
  steal = false,
  onstolen: () => void = () => {},
  isFree = false,
): Promise<Release | null> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(() => {}); // no secure context: nobody can say
  return new Promise((resolve) => {
    // The page before this one in the same tab lets go of it a moment after this one has begun.
    const options = steal ? { steal } : { signal: AbortSignal.timeout(isFree ? FREE_LOCK_WITHIN_MS : LOCK_WITHIN_MS) };
    let held = false;
    locks
      .request(LOCK + id, options, () => {
        held = true;
        return new Promise<void>((release) => resolve(release));
      })
      .catch(() => (held ? onstolen() : resolve(null)));
  });
}
