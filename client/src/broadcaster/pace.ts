/** How fast each viewer may send: what comes faster is not looked at. Pure; `now` in ms. */

/** A hand on a mouse and a keyboard is far below both. */
const A_SECOND = 100;
const AT_ONCE = 200;

export class Pace {
  private readonly left = new Map<string, { count: number; at: number }>();

  /** Count one of that viewer; false when it is too fast. */
  allows(viewer: string, now: number): boolean {
    const { count, at } = this.left.get(viewer) ?? { count: AT_ONCE, at: now };
    const refilled = Math.min(AT_ONCE, count + ((now - at) * A_SECOND) / 1_000);
    const isFine = refilled >= 1;
    this.left.set(viewer, { count: isFine ? refilled - 1 : refilled, at: now });
    return isFine;
  }

  forget(viewer: string): void {
    this.left.delete(viewer);
  }
}
