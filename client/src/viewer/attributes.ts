/**
 * The attributes of a page that is not trusted: what would run, load or lead somewhere is taken out. Pure. The policy of
 * the viewer's page and the replay's sandbox stand behind this: it must hold without them, and they without it.
 */
import type { LeftOut, Reason } from "./left";

/** Kinds of elements whose attributes mean more than those of others: a set of bits. */
export const FRAME = 1;
export const META = 2;
/** A `<link>` that is anything but a plain style sheet. */
export const LINK = 4;
export const SHEET = 8;
export const BASE = 16;
export const ANIMATION = 32;
export const MEDIA = 64;
/** What the document has as a property by its name, and what a form has. */
export const IN_DOCUMENT = 128;
export const IN_FORM = 256;

/** What a mutation may name by its id alone. */
export const REMEMBERED = FRAME | META | LINK | SHEET | BASE | ANIMATION;

/** Characters of an attribute; of one that holds a style sheet, or an image in its address, 16 times as many. */
export const MAX_ATTRIBUTE = 1_048_576;
const MAX_LARGE = 16 * MAX_ATTRIBUTE;
const LARGE = /^(src|href|xlink:href|poster|srcset|style|_csstext)$/;
const MAX_NAME = 256;

/** What becomes of an attribute, by its name: nothing, always out, or it depends on the value or the element. */
type Verdict =
  | Reason
  | "safe"
  | "silent"
  | "address"
  | "values"
  | "source"
  | "link"
  | "rel"
  | "name"
  | "target"
  | "image"
  | "media";

const OUT: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ["srcdoc", "frames"],
  ["http-equiv", "redirects"],
  ["manifest", "requests"],
  ["ping", "requests"],
  ["attributionsrc", "requests"],
  ["browsingtopics", "requests"],
  ["sharedstoragewritable", "requests"],
  ["action", "forms"],
  ["formaction", "forms"],
  // Not harm, but nobody's business: it would tell other hosts the address of the viewer's page.
  ["referrerpolicy", "silent"],
  ["src", "source"],
  ["href", "link"],
  ["imagesrcset", "link"],
  ["poster", "address"],
  ["background", "address"],
  ["cite", "address"],
  ["longdesc", "address"],
  ["lowsrc", "address"],
  ["dynsrc", "address"],
  ["from", "address"],
  ["to", "address"],
  ["by", "address"],
  ["values", "values"],
  ["rel", "rel"],
  ["name", "name"],
  ["id", "name"],
  ["attributename", "target"],
  ["rr_dataurl", "image"],
  ["rr_mediastate", "media"],
  ["rr_mediacurrenttime", "media"],
  ["rr_mediaplaybackrate", "media"],
  ["rr_mediavolume", "media"],
  ["rr_mediamuted", "media"],
  ["rr_medialoop", "media"],
]);

/** Names by which a document, or a form, would lose what the player calls on it: a thing so named would be there instead. */
const OF_NODES =
  "addEventListener appendChild childNodes contains dispatchEvent firstChild getRootNode insertBefore lastChild " +
  "nextSibling nodeName nodeType ownerDocument parentElement parentNode previousSibling querySelector " +
  "querySelectorAll removeChild replaceChildren textContent constructor __proto__ prototype";
const OF_DOCUMENTS = new Set(
  (
    `${OF_NODES} adoptedStyleSheets body close createCDATASection createComment createElement createElementNS ` +
    "createTextNode defaultView documentElement elementFromPoint fonts getAnimations getElementsByTagName " +
    "getSelection head implementation open scrollingElement styleSheets write"
  ).split(" "),
);
const OF_FORMS = new Set(
  (
    `${OF_NODES} attachShadow classList getAttribute getBoundingClientRect hasAttribute localName matches ` +
    "removeAttribute scrollTo setAttribute setAttributeNS shadowRoot style tagName"
  ).split(" "),
);

const verdicts = new Map<string, Verdict>();
const MAX_VERDICTS = 2_000;

type Attributes = Record<string, unknown>;

/**
 * Takes out of the attributes, in place, what may not be there. `kind`: the element's; of one whose markup is known
 * by its id alone the kinds it ever had. `changed`: they are a mutation's, where a style may be told by its parts.
 * Returns the kind that the element has now.
 */
export function checkAttributes(attributes: Attributes, kind: number, changed: boolean, left: LeftOut): number {
  let now = kind;
  if (kind & (LINK | SHEET)) now = kindOfLink(attributes, kind, changed);
  for (const name in attributes) {
    const value = attributes[name];
    if (value === null) continue; // is taken away, or never set
    const reason = reasonAgainst(name, value, now, changed);
    if (reason === null) continue;
    delete attributes[name];
    if (reason !== "silent") left.add(reason);
  }
  return now;
}

/** Whether an animation of SVG would write addresses or handlers. */
export function isAnimatingHarm(value: unknown): boolean {
  const target = local(String(value).trim().toLowerCase());
  return target.startsWith("on") || ["href", "src", "srcdoc", "action", "formaction"].includes(target);
}

/** A `<link>` is a style sheet and nothing beside, or has no address. */
function kindOfLink(attributes: Attributes, kind: number, changed: boolean): number {
  const { rel } = attributes;
  const isSheet = typeof rel === "string" && isPlainSheet(rel);
  if (!changed) return isSheet || typeof attributes._cssText === "string" ? SHEET : LINK;
  return isSheet ? (kind & ~LINK) | SHEET : kind;
}

function isPlainSheet(rel: string): boolean {
  const words = rel.toLowerCase().split(/\s+/).filter(Boolean);
  return words.includes("stylesheet") && words.every((word) => word === "stylesheet" || word === "alternate");
}

function reasonAgainst(name: string, value: unknown, kind: number, changed: boolean): Reason | "silent" | null {
  const verdict = verdictOn(name);
  switch (typeof value) {
    case "string":
      if (value.length > MAX_ATTRIBUTE && (value.length > MAX_LARGE || !LARGE.test(name.toLowerCase()))) return "sizes";
      break;
    case "number":
      if (!Number.isFinite(value)) return "sizes";
      break;
    case "boolean":
      break;
    default:
      return changed && name === "style" && checkStyles(value) ? null : "events";
  }
  switch (verdict) {
    case "safe":
      return null;
    case "source":
      if (kind & FRAME) return "frames";
      return runs(value) ? "addresses" : null;
    case "link":
      if (kind & BASE) return "redirects";
      if (kind & LINK) return "requests";
      return runs(value) ? "addresses" : null;
    case "address":
      return runs(value) ? "addresses" : null;
    case "values":
      return String(value).split(";").some(runs) ? "addresses" : null;
    case "rel":
      // One that was a style sheet stays one; what else it becomes has no address, and must not get it back.
      return changed && kind & (LINK | SHEET) && !isPlainSheet(String(value)) ? "requests" : null;
    case "name":
      if (kind & META && String(value).trim().toLowerCase() === "referrer") return "requests";
      if (kind & IN_DOCUMENT && OF_DOCUMENTS.has(String(value))) return "names";
      return kind & IN_FORM && OF_FORMS.has(String(value)) ? "names" : null;
    case "target":
      return kind & ANIMATION && isAnimatingHarm(value) ? "addresses" : null;
    case "image":
      return typeof value === "string" && /^data:image\//i.test(value) ? null : "addresses";
    case "media":
      return kind & MEDIA && isMedia(name, value) ? null : "events";
    default:
      return verdict;
  }
}

function verdictOn(name: string): Verdict {
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  let verdict: Verdict = OUT.get(lower) ?? OUT.get(local(lower)) ?? "safe";
  if (name.length > MAX_NAME) verdict = "sizes";
  else if (lower.startsWith("on")) verdict = "handlers";
  if (verdicts.size < MAX_VERDICTS && name.length <= MAX_NAME) verdicts.set(name, verdict);
  return verdict;
}

function local(name: string): string {
  return name.slice(name.lastIndexOf(":") + 1);
}

const MAY_RUN = /^[\0-\x20]*[jvd]/i;
const RUNS = /^(javascript:|vbscript:|data:(text|application)\/(html|xml|xhtml))/;

/** Whether the address is a script's, or a document's that could have some. */
function runs(value: unknown): boolean {
  if (typeof value !== "string" || !MAY_RUN.test(value)) return false;
  // As URLs are parsed: control characters and spaces before it go, tabs and new lines wherever they are.
  return RUNS.test(
    value
      .slice(0, 1_000)
      .replace(/[\0-\x20]+/g, "")
      .toLowerCase(),
  );
}

function isMedia(name: string, value: unknown): boolean {
  switch (name) {
    case "rr_mediaState":
      return value === "played" || value === "paused";
    case "rr_mediaPlaybackRate":
      return typeof value === "number" && value >= 0.0625 && value <= 16;
    case "rr_mediaVolume":
      return typeof value === "number" && value >= 0 && value <= 1;
    case "rr_mediaCurrentTime":
      return typeof value === "number" && value >= 0;
    default:
      return typeof value === "boolean";
  }
}

/** Declarations told by their properties: a text, a text and its priority, or false for one that is taken away. */
function checkStyles(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) return false;
  for (const property in value) {
    const set = (value as Attributes)[property];
    if (set === false || typeof set === "string") continue;
    if (Array.isArray(set) && set.length === 2 && set.every((part) => typeof part === "string")) continue;
    delete (value as Attributes)[property];
  }
  return true;
}
