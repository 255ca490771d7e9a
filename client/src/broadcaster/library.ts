/** Loads rrweb's recorder (`rrweb.ts`) when it is needed first, as nobody may ever ask to look. */
type Rrweb = typeof import("./rrweb");

/** Waits before it is asked for again; under another address, as browsers remember that one failed. */
const DELAYS_MS = [0, 300, 1_200, 2_700];

export class Library {
  /** null before it is loaded. */
  record: Rrweb["record"] | null = null;
  private loading: Promise<void> | null = null;

  constructor(
    private readonly script = new URL("rrweb.js", import.meta.url).href,
    private readonly fetched = (address: string): Promise<Rrweb> => import(address),
  ) {}

  /** Rejects when it does not come after some attempts; may be called again then. */
  load(): Promise<void> {
    this.loading ??= this.attempts().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private async attempts(): Promise<void> {
    let failure: unknown;
    for (const [attempt, delay] of DELAYS_MS.entries()) {
      if (this.record) return;
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      try {
        const address = attempt === 0 ? this.script : `${this.script}?again=${Date.now()}`;
        this.record = (await this.fetched(address)).record;
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}
