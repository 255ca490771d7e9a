/** Marks that somebody is writing a line: sent now and then while it is so, and believed for a little longer. Pure. */

/** A mark is sent at most so often. */
const EVERY_MS = 2_000;
/** A mark is lost now and then; two in a row hardly ever. */
export const TYPING_FOR_MS = 5_000;

/** When to say that one is typing oneself. */
export class TypingMark {
  private last = Number.NEGATIVE_INFINITY;

  /** A key was pressed in the field; whether that is to be said. */
  isDue(now: number): boolean {
    if (now - this.last < EVERY_MS) return false;
    this.last = now;
    return true;
  }

  /** The line was sent: the next one is said at once. */
  sent(): void {
    this.last = Number.NEGATIVE_INFINITY;
  }
}

/** Who is typing, as far as one was told. */
export class Typists {
  private readonly until = new Map<string, { readonly name: string; readonly until: number }>();

  /** `id` has said so. */
  note(id: string, name: string, now: number): void {
    this.until.set(id, { name, until: now + TYPING_FOR_MS });
  }

  /** `id` has sent its line, or is gone. */
  done(id: string): void {
    this.until.delete(id);
  }

  /** Who is, in a sentence; "" when nobody is. */
  sentence(now: number): string {
    for (const [id, { until }] of this.until) if (now >= until) this.until.delete(id);
    const names = Array.from(this.until.values(), ({ name }) => name);
    if (names.length === 0) return "";
    return names.length > 2
      ? "Several are typing…"
      : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`;
  }
}
