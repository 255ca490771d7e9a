/** Loads what records a page (`record.ts`) when it is needed first, as nobody may ever ask to look. */
import { imported } from "./imported";

export type Loaded = typeof import("./record");

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
    this.loading ??= this.attempt().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private async attempt(): Promise<void> {
    this.loaded ??= await imported(this.script, this.fetched);
  }
}
