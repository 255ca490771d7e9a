/** Watches the visitor's pointer, at most 30 times a second. */

const EVERY_MS = 33;

export interface PointerAt {
  readonly target: EventTarget | null;
  readonly x: number;
  readonly y: number;
}

/** Calls `onmove` with where the pointer is, or null when it leaves the page; returns what stops it. */
export function watchPointer(onmove: (at: PointerAt | null) => void): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let latest: PointerAt | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    clearTimeout(timer);
    timer = undefined;
    last = performance.now();
    onmove(latest);
  };
  const moved = (event: PointerEvent) => {
    latest = { target: event.composedPath()[0] ?? null, x: event.clientX, y: event.clientY };
    const wait = last + EVERY_MS - performance.now();
    if (wait <= 0) tell();
    else timer ??= setTimeout(tell, wait);
  };
  const left = (event: PointerEvent) => {
    if (event.relatedTarget !== null) return;
    latest = null;
    tell();
  };
  const options = { capture: true, passive: true };
  addEventListener("pointermove", moved, options);
  addEventListener("pointerdown", moved, options);
  document.addEventListener("pointerout", left, options);
  return () => {
    clearTimeout(timer);
    removeEventListener("pointermove", moved, options);
    removeEventListener("pointerdown", moved, options);
    document.removeEventListener("pointerout", left, options);
  };
}
