/**
 * What a joiner must know besides the page: recent chat, who is there, the page's title and address. Pure. Every change
 * is an entry in the log, a custom event of the recorder's format; both ends apply the same entries.
 */

/** Lines that the state keeps. */
export const MAX_CHAT = 200;
const MAX_TEXT = 2_000;

export interface ChatLine {
  readonly id: string;
  /** The viewer's id, or "" for the visitor. */
  readonly from: string;
  readonly name: string;
  readonly text: string;
}

export interface PageInfo {
  readonly title: string;
  /** Without query and fragment. */
  readonly address: string;
  readonly hidden: boolean;
}

export interface Present {
  readonly id: string;
  readonly name: string;
  readonly role: "agent" | "guest";
}

export interface SharedState {
  readonly chat: readonly ChatLine[];
  readonly page: PageInfo;
  readonly present: readonly Present[];
}

export type Entry =
  | { readonly kind: "chat"; readonly line: ChatLine }
  | { readonly kind: "page"; readonly page: PageInfo }
  | { readonly kind: "present"; readonly present: readonly Present[] }
  | ShownEntry;

/** What a node of the page shows and its markup does not say; `id` is in the recorder's mirror. Not of the state. */
export type ShownEntry =
  /** The options chosen in a select. */
  | { readonly kind: "chosen"; readonly id: number; readonly indexes: readonly number[] }
  /** Whether a popover is open. */
  | { readonly kind: "popover"; readonly id: number; readonly open: boolean }
  /** Whether the style sheet of an element is switched off. */
  | { readonly kind: "sheet"; readonly id: number; readonly disabled: boolean };

export const EMPTY: SharedState = { chat: [], page: { title: "", address: "", hidden: false }, present: [] };

export function applied(state: SharedState, entry: Entry): SharedState {
  switch (entry.kind) {
    case "chat":
      if (state.chat.some(({ id }) => id === entry.line.id)) return state;
      return { ...state, chat: [...state.chat, entry.line].slice(-MAX_CHAT) };
    case "page":
      return { ...state, page: entry.page };
    case "present":
      return { ...state, present: entry.present };
    case "chosen":
    case "popover":
    case "sheet":
      return state;
  }
}

const CUSTOM = 5;
const TAG = "cobrowse";

/** The entry as an event of the log. */
export function asEvent(entry: Entry, timestamp: number): object {
  return { type: CUSTOM, timestamp, data: { tag: TAG, payload: entry } };
}

/** The entry in an event of the log; null for any other event, and for what is malformed. */
export function entryOf(event: unknown): Entry | null {
  const { type, data } = fields(event);
  if (type !== CUSTOM) return null;
  const { tag, payload } = fields(data);
  if (tag !== TAG) return null;
  const { kind, line, page, present, id, indexes, open, disabled } = fields(payload);
  if (kind === "chat") return entryOrNull(lineOf(line), (line) => ({ kind, line }));
  if (kind === "page") return { kind, page: pageOf(page) };
  if (kind === "present") return { kind, present: presentOf(present) };
  if (typeof id !== "number") return null;
  if (kind === "chosen" && Array.isArray(indexes))
    return { kind, id, indexes: indexes.filter((index) => Number.isInteger(index)) };
  if (kind === "popover" && typeof open === "boolean") return { kind, id, open };
  if (kind === "sheet" && typeof disabled === "boolean") return { kind, id, disabled };
  return null;
}

/** The state in a checkpoint; what is malformed is left out. */
export function stateOf(value: unknown): SharedState {
  const { chat, page, present } = fields(value);
  const lines = Array.isArray(chat) ? chat.map(lineOf).filter((line) => line !== null) : [];
  return { chat: lines.slice(-MAX_CHAT), page: pageOf(page), present: presentOf(present) };
}

function entryOrNull<T>(value: T | null, make: (value: T) => Entry): Entry | null {
  return value === null ? null : make(value);
}

function lineOf(value: unknown): ChatLine | null {
  const { id, from, name, text } = fields(value);
  if (![id, from, name, text].every((item) => typeof item === "string")) return null;
  return { id: short(id), from: short(from), name: short(name), text: String(text).slice(0, MAX_TEXT) };
}

function pageOf(value: unknown): PageInfo {
  const { title, address, hidden } = fields(value);
  return { title: short(title, 300), address: short(address, 2_000), hidden: hidden === true };
}

function presentOf(value: unknown): Present[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, 1_000).map((item) => {
    const { id, name, role } = fields(item);
    return { id: short(id), name: short(name), role: role === "agent" ? "agent" : "guest" };
  });
}

function short(value: unknown, length = 64): string {
  return typeof value === "string" ? value.slice(0, length) : "";
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
