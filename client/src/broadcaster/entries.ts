/** What belongs to the session besides the page: its state, and the entries that change it and go into the log. */
import { applied, EMPTY, type Entry, type SharedState } from "../state";
import type { Privacy } from "./privacy";

export class Entries {
  /** `onentry` puts an entry into the log. */
  constructor(
    private readonly onentry: (entry: Entry) => void,
    private readonly privacy: Privacy,
    public state: SharedState = EMPTY,
  ) {}

  /** Enter it into the state and the log; false for one that changes nothing. */
  enter(entry: Entry): boolean {
    const before = this.state;
    this.state = applied(before, entry);
    if (this.state === before) return false;
    this.onentry(entry);
    return true;
  }

  /** The page is another one, or is hidden, or has another title: say so, if it is so. */
  notePage(): void {
    if (!this.privacy.isCurrent) return; // soon the log begins anew
    const entry = this.pageEntry();
    if (JSON.stringify(entry) !== JSON.stringify({ kind: "page", page: this.state.page })) this.enter(entry);
  }

  /** The log begins anew: what it must know of the page goes into its first checkpoint. */
  begin(): void {
    this.privacy.begin();
    this.state = applied(this.state, this.pageEntry());
  }

  private pageEntry(): Entry {
    return { kind: "page", page: { ...this.privacy.page(), hidden: document.hidden } };
  }
}
