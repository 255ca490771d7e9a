/** A site's own questions to the visitor. A page load loses them: they are waited for until the site gives them again. */
import type { ConfirmView, ViewerInfo } from "./consent";

/** How long a page has to give its hooks again before the widget asks. */
const AGAIN_WITHIN_MS = 3_000;

export class Hooks {
  private confirmView: ConfirmView | null = null;
  private given: () => void = () => {};
  private readonly settled: Promise<void>;

  /** `expected`: a page before this one had a hook, so one is to be waited for. */
  constructor(
    private readonly ask: ConfirmView,
    readonly expected: boolean,
  ) {
    this.settled = expected
      ? new Promise((resolve) => {
          this.given = resolve;
          setTimeout(resolve, AGAIN_WITHIN_MS);
        })
      : Promise.resolve();
  }

  give(confirmView: ConfirmView | undefined): void {
    if (!confirmView) return;
    this.confirmView = confirmView;
    this.given();
  }

  /** Whether there is a hook, or was one on the page before. */
  get hasAny(): boolean {
    return this.confirmView !== null || this.expected;
  }

  /** Ask whether a viewer may look: the site where it has a question of its own, else the widget. */
  readonly mayView: ConfirmView = async (viewer: ViewerInfo) => {
    if (!this.confirmView) await this.settled;
    return (this.confirmView ?? this.ask)(viewer);
  };
}
