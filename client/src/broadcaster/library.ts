/** Loads what records a page (`record.ts`) when it is needed first, as nobody may ever ask to look. */
export type Loaded = typeof import("./record");

/** Waits before it is asked for again; under another address, as browsers remember that one failed. */
const DELAYS_MS = [0, 300, 1_200, 2_700];

export class Library {
  /** null before it is loaded. */
  loaded: Loaded | null = null;
  private loading: Promise<void> | null = null;

  constructor(
    private readonly script = new URL("record.js", import.meta.url).href,
    private readonly fetched = (address: string): Promise<Loaded> => import(address),
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
      if (this.loaded) return;
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      try {
        const address = attempt === 0 ? this.script : `${this.script}?again=${Date.now()}`;
        this.loaded = await this.fetched(address);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}
