/** What was left out of the page, as it could harm who looks at it: counted by reason, and said in a sentence. Pure. */

/** One of them, and many. */
const WORDS = {
  scripts: ["script", "scripts"],
  handlers: ["event handler", "event handlers"],
  addresses: ["address that would run a script", "addresses that would run scripts"],
  frames: ["address of a frame", "addresses of frames"],
  objects: ["embedded object", "embedded objects"],
  redirects: ["redirect", "redirects"],
  requests: ["hidden request", "hidden requests"],
  forms: ["form's address", "forms' addresses"],
  drawings: ["canvas command", "canvas commands"],
  names: ["misleading name", "misleading names"],
  sizes: ["part beyond all measure", "parts beyond all measure"],
  nodes: ["node too many or too deep", "nodes too many or too deep"],
  misfits: ["change that fits nowhere", "changes that fit nowhere"],
  events: ["event of no known kind", "events of no known kind"],
} as const;

export type Reason = keyof typeof WORDS;

export class LeftOut {
  private readonly counts = new Map<Reason, number>();

  add(reason: Reason): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  clear(): void {
    this.counts.clear();
  }

  /** How many of each; of what there was none is not named. */
  get byReason(): Partial<Record<Reason, number>> {
    return Object.fromEntries(this.counts);
  }

  /** For who looks at the page; null when nothing was left out. */
  get sentence(): string | null {
    if (this.counts.size === 0) return null;
    const parts = Array.from(this.counts, ([reason, count]) => `${count} ${WORDS[reason][count === 1 ? 0 : 1]}`);
    return `Left out of this page, as it could harm you: ${parts.join(", ")}.`;
  }
}
