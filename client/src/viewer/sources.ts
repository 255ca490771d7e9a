/** The shapes of what happens in a page besides mutations, by the recorder's numbers; what they hold is made harmless. Pure. */
import { isId, isRecord } from "./nodes";

/** CSS pixels that a page may be wide or high. */
const MAX_SIZE = 65_536;
const MAX_POSITIONS = 10_000;
const MAX_NESTING = 100;
const MAX_SHEETS = 10_000;
const MAX_RULE = 16 * 1_048_576;

type Data = Record<string, unknown>;
type Check = (data: Data) => boolean;

const finite = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const count = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const text = (value: unknown): value is string => typeof value === "string" && value.length <= MAX_RULE;
const optional = (check: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || value === null || check(value);
const listOf =
  (most: number, check: (value: unknown) => boolean) =>
  (value: unknown): value is unknown[] =>
    Array.isArray(value) && value.length <= most && value.every(check);
const within = (least: number, most: number) => (value: unknown) => finite(value) && value >= least && value <= most;

/** Of a node, or of -1, which is none. */
const target = (value: unknown) => isId(value) || value === -1;
const place = optional((value) => count(value) || listOf(MAX_NESTING, count)(value));
const rule = (value: unknown) => isRecord(value) && text(value.rule) && place(value.index);
const rules = listOf(100_000, rule);
const removed = listOf(100_000, (value) => isRecord(value) && place(value.index));
const sheet: Check = ({ id, styleId }) => optional(count)(id) && optional(count)(styleId);
const position = (value: unknown) =>
  isRecord(value) && target(value.id) && isPoint(value, "x", "y") && finite(value.timeOffset);
const positions: Check = (data) => listOf(MAX_POSITIONS, position)(data.positions) && data.positions.length > 0;
const range = (value: unknown) =>
  isRecord(value) && target(value.start) && target(value.end) && count(value.startOffset) && count(value.endOffset);

/** By the number of the source. Mutations are not among them, nor what the player is never told: canvases, fonts, logs. */
export const SOURCES: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  [1, positions],
  [2, (data) => target(data.id) && within(0, 10)(data.type) && count(data.type) && optional(finite)(data.x)],
  [3, (data) => target(data.id) && isPoint(data, "x", "y")],
  [4, isSize],
  [5, (data) => target(data.id) && text(data.text) && typeof data.isChecked === "boolean"],
  [6, positions],
  [7, isMediaChange],
  [8, isRuleChange],
  [12, positions],
  [13, isDeclaration],
  [14, (data) => listOf(MAX_POSITIONS, range)(data.ranges)],
  [15, isAdoption],
  [16, (data) => isRecord(data.define) && typeof data.define.name === "string"],
]);

export function isText(value: unknown): value is string {
  return text(value);
}

/** A width and a height that a page may have. */
export function isSize({ width, height }: Data): boolean {
  return within(0, MAX_SIZE)(width) && within(0, MAX_SIZE)(height);
}

/** Two numbers, of those names. */
export function isPoint(value: unknown, first: string, second: string): boolean {
  return isRecord(value) && finite(value[first]) && finite(value[second]);
}

function isMediaChange(data: Data): boolean {
  return (
    target(data.id) &&
    count(data.type) &&
    within(0, 4)(data.type) &&
    optional(within(0, Number.MAX_VALUE))(data.currentTime) &&
    optional(within(0, 1))(data.volume) &&
    optional(within(0.0625, 16))(data.playbackRate) &&
    [data.muted, data.loop].every(optional((value) => typeof value === "boolean"))
  );
}

function isRuleChange(data: Data): boolean {
  return (
    sheet(data) &&
    optional(rules)(data.adds) &&
    optional(removed)(data.removes) &&
    optional(text)(data.replace) &&
    optional(text)(data.replaceSync)
  );
}

function isDeclaration(data: Data): boolean {
  const { set, remove, index } = data;
  return (
    sheet(data) &&
    listOf(MAX_NESTING, count)(index) &&
    index.length > 0 &&
    optional(
      (value) =>
        isRecord(value) &&
        text(value.property) &&
        optional(text)(value.value) &&
        optional((priority) => priority === "" || priority === "important")(value.priority),
    )(set) &&
    optional((value) => isRecord(value) && text(value.property))(remove)
  );
}

function isAdoption(data: Data): boolean {
  const made = (value: unknown) => isRecord(value) && count(value.styleId) && rules(value.rules);
  return isId(data.id) && listOf(MAX_SHEETS, count)(data.styleIds) && optional(listOf(MAX_SHEETS, made))(data.styles);
}
