/** What belongs to the session besides the page: its state, and the entries that change it and go into the log. */
import { applied, EMPTY, type Entry, type SharedState } from "../state";
import { withoutQuery } from "./recorder";

const MAX_TITLE = 300;

export class Entries {
  /** `onentry` puts an entry into the log. */
  constructor(
    private readonly onentry: (entry: Entry) => void,
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
    const entry = pageEntry();
    if (JSON.stringify(entry) !== JSON.stringify({ kind: "page", page: this.state.page })) this.enter(entry);
  }

  /** The log begins anew: what it must know of the page goes into its first checkpoint. */
  begin(): void {
    this.state = applied(this.state, pageEntry());
  }
}

function pageEntry(): Entry {
  const { title, hidden } = document;
  return { kind: "page", page: { title: title.slice(0, MAX_TITLE), address: withoutQuery(location.href), hidden } };
}
