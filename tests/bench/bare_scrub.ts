/** What scrubbing takes beside recording: the time in each, of the same events of the same page. */
import { record } from "@rrweb/record";
import type { RecordedEvent } from "../../client/src/broadcaster/mend";
import { Privacy } from "../../client/src/broadcaster/privacy";
import { Scrubber } from "../../client/src/broadcaster/scrub";

type Part = "record" | "scrub";
const Observer = globalThis.MutationObserver;
/** In ms, since they were last taken. */
let spent: Record<Part, number> = { record: 0, scrub: 0 };

function timed<T>(part: Part, work: () => T): T {
  const start = performance.now();
  try {
    return work();
  } finally {
    spent[part] += performance.now() - start;
  }
}

/** Observers that are made from now on count as that part. */
function observeAs(part: Part): void {
  class Timed extends Observer {
    constructor(callback: MutationCallback) {
      super((changes, observer) => timed(part, () => callback(changes, observer)));
    }
    /** The recorder takes the observer of a frame of its own, when this one is not the browser's. */
    static override toString(): string {
      return Observer.toString();
    }
  }
  globalThis.MutationObserver = Timed;
}

const scrub = {
  begin(): void {
    observeAs("scrub");
    const privacy = new Privacy({});
    privacy.begin();
    const scrubber = new Scrubber(privacy, (id) => record.mirror.getNode(id) as Node | null);
    observeAs("record");
    record({
      emit: (event) => timed("scrub", () => scrubber.scrub(event as unknown as RecordedEvent)),
      blockSelector: privacy.blockSelector,
      maskTextSelector: privacy.maskTextSelector as string,
      maskInputFn: privacy.maskInput,
      maskInputOptions: { input: true, textarea: true } as object,
      sampling: { mousemove: false },
    });
  },
  snapshot(): void {
    timed("record", () => record.takeFullSnapshot(true));
  },
  /** The times since the last call. What was scrubbed while recording counts once. */
  take(): Record<Part, number> {
    const { record: whole, scrub: part } = spent;
    spent = { record: 0, scrub: 0 };
    return { record: whole - part, scrub: part };
  },
};

declare global {
  var scrub: typeof import("./bare_scrub").bare;
}
export const bare = scrub;
globalThis.scrub = scrub;
