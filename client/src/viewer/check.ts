/** A first look at every event before the player sees it: nothing that comes from the page is trusted. */

const LAST_TYPE = 5;
const INCREMENTAL = 3;
const CANVAS = 9;
const LAST_SOURCE = 16;

/** Whether the player may have the event: a known type, a known source, no canvas commands, no plugin's event. */
export function isPlayable(event: unknown): boolean {
  if (typeof event !== "object" || event === null) return false;
  const { type, timestamp, data } = event as { type?: unknown; timestamp?: unknown; data?: unknown };
  if (!isWithin(type, LAST_TYPE) || typeof timestamp !== "number") return false;
  if (type !== INCREMENTAL) return true;
  if (typeof data !== "object" || data === null) return false;
  const { source } = data as { source?: unknown };
  return isWithin(source, LAST_SOURCE) && source !== CANVAS;
}

function isWithin(value: unknown, last: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last;
}
