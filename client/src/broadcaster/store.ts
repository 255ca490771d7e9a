/** What survives a page load in this tab. `sessionStorage` is the tab's own, and may be switched off. */
import type { AdmittedViewer } from "../protocol.gen";
import type { SharedState } from "../state";
import type { Question } from "./rights";

const STORE_KEY = "cobrowse.session";

export interface Stored {
  readonly site: string;
  readonly server: string;
  readonly id: string;
  readonly token: string;
  readonly secret: string;
  readonly code: string;
  readonly epoch: number;
  readonly paused: boolean;
  readonly granted: boolean;
  /** What the site asked itself: hooks cannot be stored, and are given again. */
  readonly hooked: readonly Question[];
  readonly options: object;
  readonly state: SharedState;
  readonly viewers: readonly AdmittedViewer[];
  /** Ids and subjects of those that were put out. */
  readonly removed: readonly string[];
  readonly inputs: Readonly<Record<string, number>>;
}

export function load(): Stored | null {
  try {
    const text = sessionStorage.getItem(STORE_KEY);
    return text ? (JSON.parse(text) as Stored) : null;
  } catch {
    return null;
  }
}

export function save(stored: Stored): void {
  try {
    sessionStorage.setItem(STORE_KEY, JSON.stringify(stored));
  } catch {
    // Storage is full or off: the session ends with this page, and otherwise works. What was stored before is out of
    // date: going on with it would give back what the visitor has taken back.
    clear();
  }
}

export function clear(): void {
  try {
    sessionStorage.removeItem(STORE_KEY);
  } catch {
    // There is nothing to remove where there is no storage.
  }
}
