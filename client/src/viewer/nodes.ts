/**
 * The trees of nodes of a page that is not trusted: what has no place in a page is left out, or becomes an empty
 * element with the same id, so that what comes later and names it finds it. Pure; changes the nodes in place.
 */
import {
  ANIMATION,
  BASE,
  checkAttributes,
  FRAME,
  IN_DOCUMENT,
  IN_FORM,
  isAnimatingHarm,
  LINK,
  MEDIA,
  META,
  REMEMBERED,
} from "./attributes";
import type { LeftOut, Reason } from "./left";

const DOCUMENT = 0;
const DOCTYPE = 1;
const ELEMENT = 2;
const TEXT = 3;
const CDATA = 4;
const COMMENT = 5;

/** Nodes of a page, in one another and in all. */
export const MAX_DEPTH = 512;
export const MAX_NODES = 200_000;
const MAX_TAG = 256;
/** What is drawn in place of an element that has no place in a page. */
const PLACEHOLDER = "cobrowse-left-out";

/** As the recorder tells it; nothing of it is known to be so. */
type Node = Record<string, unknown>;

interface Tag {
  readonly kind: number;
  readonly refused: Reason | null;
}

const KINDS: Readonly<Record<string, number>> = {
  iframe: FRAME | IN_DOCUMENT,
  meta: META,
  link: LINK,
  base: BASE,
  animate: ANIMATION,
  animatetransform: ANIMATION,
  animatemotion: ANIMATION,
  animatecolor: ANIMATION,
  set: ANIMATION,
  audio: MEDIA,
  video: MEDIA,
  form: IN_DOCUMENT,
  img: IN_DOCUMENT | IN_FORM,
  button: IN_FORM,
  fieldset: IN_FORM,
  input: IN_FORM,
  output: IN_FORM,
  select: IN_FORM,
  textarea: IN_FORM,
};
const REFUSED = new Set(["object", "embed", "applet", "param", "frame", "fencedframe", "portal"]);
const HOSTS = /^(article|aside|blockquote|body|div|footer|h[1-6]|header|main|nav|p|section|span)$|-/;
const RESERVED = /^(annotation-xml|color-profile|font-face(-src|-uri|-format|-name)?|missing-glyph)$/;
const tags = new Map<string, Tag>();
const MAX_TAGS = 2_000;

export class NodeChecker {
  /** Kinds that elements ever had, by id: what names an element later does not say what it is. */
  readonly kinds = new Map<number, number>();
  private left = 0;
  private readonly ids = new Set<number>();

  constructor(private readonly out: LeftOut) {}

  /** A whole page; false when it is none. */
  checkPage(node: unknown): boolean {
    this.kinds.clear();
    if (!isNode(node) || node.type !== DOCUMENT) return false;
    return this.checkTree(node, 0, MAX_NODES);
  }

  /** What is added to a page, `depth` deep, where there is room for so many nodes; false when it has no place there. */
  checkTree(node: unknown, depth: number, room: number): node is Node {
    this.ids.clear();
    this.left = room;
    return this.check(node, depth, false);
  }

  /** How many nodes the last tree had. */
  get size(): number {
    return this.ids.size;
  }

  private check(node: unknown, depth: number, silent: boolean): node is Node {
    if (!isNode(node)) return this.refuse("events");
    if (depth > MAX_DEPTH || this.left <= 0) return this.refuse("nodes");
    const id = node.id as number;
    if (this.ids.has(id)) return this.refuse("misfits");
    this.ids.add(id);
    this.left -= 1;
    if (node.rootId !== undefined && !isId(node.rootId)) delete node.rootId;
    switch (node.type) {
      case ELEMENT:
        this.checkElement(node, depth);
        return true;
      case CDATA:
        node.type = TEXT; // a document of HTML has none, and shows it as a text
        this.checkText(node, silent);
        return true;
      case TEXT:
      case COMMENT:
        this.checkText(node, silent);
        return true;
      case DOCTYPE:
        checkDoctype(node);
        return true;
      case DOCUMENT:
        this.checkDocument(node, depth);
        return true;
      default:
        return this.refuse("events");
    }
  }

  private checkText(node: Node, silent: boolean): void {
    if (typeof node.textContent !== "string") node.textContent = "";
    if (!silent || node.textContent === "") return;
    node.textContent = "";
    this.out.add("scripts");
  }

  private checkDocument(node: Node, depth: number): void {
    let doctype = false;
    let root = false;
    const children = childrenOf(node).filter((child) => {
      const type = isNode(child) ? child.type : null;
      const fits = type === COMMENT || (type === DOCTYPE && !doctype && !root) || (type === ELEMENT && !root);
      if (!fits) return this.refuse("misfits");
      doctype ||= type === DOCTYPE;
      root ||= type === ELEMENT;
      return this.check(child, depth + 1, false);
    });
    node.childNodes = children;
    if (node.compatMode !== "BackCompat" || children.length === 0) delete node.compatMode;
  }

  private checkElement(node: Node, depth: number): void {
    let attributes = node.attributes as Record<string, unknown>;
    if (!isRecord(attributes)) attributes = node.attributes = {};
    if (node.isSVG !== undefined) this.checkNamespace(node);
    const tag = tagOf(node.tagName, node.isSVG !== undefined);
    let { refused } = tag;
    if (tag.kind & ANIMATION && refused === null && animatesHarm(attributes)) refused = "addresses";
    const isScript = refused === "scripts";
    if (isScript && node.isSVG === undefined) {
      // The recorder sends them, empty, and the player makes this of them: their place among the others is kept.
      node.tagName = "noscript";
      if ("src" in attributes) this.out.add("scripts");
      node.attributes = {};
    } else if (refused !== null) {
      this.out.add(refused);
      attributes = node.attributes = replaced(node, attributes, isScript);
      checkAttributes(attributes, 0, false, this.out);
    } else {
      const kind = checkAttributes(attributes, tag.kind, false, this.out);
      if (kind & REMEMBERED) this.remember(node.id as number, kind);
      if (node.isCustom !== undefined) checkCustom(node);
      if (node.isShadowHost !== undefined) checkHost(node);
    }
    const children = childrenOf(node);
    let fit = 0;
    for (const child of children) {
      const type = isNode(child) ? child.type : null;
      if (type === DOCUMENT || type === DOCTYPE) this.out.add("misfits");
      else if (this.check(child, depth + 1, isScript)) children[fit++] = child;
    }
    children.length = fit;
  }

  private checkNamespace(node: Node): void {
    if (node.isSVG !== true && node.isSVG !== "math") delete node.isSVG;
    // A prefix means nothing, and some are not allowed.
    else if (typeof node.tagName === "string") node.tagName = node.tagName.slice(node.tagName.lastIndexOf(":") + 1);
  }

  remember(id: number, kind: number): void {
    this.kinds.set(id, (this.kinds.get(id) ?? 0) | (kind & REMEMBERED));
  }

  private refuse(reason: Reason): false {
    this.out.add(reason);
    return false;
  }
}

/** The kind of an element of that name. */
export function kindOf(name: string): number {
  return KINDS[name] ?? 0;
}

export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isNode(value: unknown): value is Node {
  return isRecord(value) && isId(value.id);
}

function childrenOf(node: Node): unknown[] {
  if (!Array.isArray(node.childNodes)) node.childNodes = [];
  return node.childNodes as unknown[];
}

/** What is known of a name of elements. */
function tagOf(name: unknown, foreign: boolean): Tag {
  if (typeof name !== "string") return { kind: 0, refused: "names" };
  const known = tags.get(name);
  if (known && !(foreign && name.includes(":"))) return known;
  const tag = { kind: Object.hasOwn(KINDS, name) ? kindOf(name) : 0, refused: reasonAgainst(name) };
  if (tags.size < MAX_TAGS && name.length <= MAX_TAG) tags.set(name, tag);
  return tag;
}

/** In lower case: the player knows which names of SVG are written otherwise. */
function reasonAgainst(name: string): Reason | null {
  if (name.length > MAX_TAG || !/^[a-z_:][a-z0-9_:-]*$/.test(name) || name in {}) return "names";
  const local = name.slice(name.lastIndexOf(":") + 1);
  if (local === "script") return "scripts";
  return REFUSED.has(local) ? "objects" : null;
}

function animatesHarm(attributes: Record<string, unknown>): boolean {
  return Object.keys(attributes).some(
    (name) => name.toLowerCase() === "attributename" && isAnimatingHarm(attributes[name]),
  );
}

/** Makes of the node an element that does nothing, seen where there was something to see; the attributes it keeps. */
function replaced(node: Node, attributes: Record<string, unknown>, hidden: boolean): Record<string, unknown> {
  node.tagName = PLACEHOLDER;
  delete node.isSVG;
  delete node.isCustom;
  delete node.isShadowHost;
  const kept: Record<string, unknown> = hidden ? { hidden: "" } : {};
  for (const name of ["class", "id", "style"]) if (typeof attributes[name] === "string") kept[name] = attributes[name];
  return kept;
}

/** The browser throws for a name that no custom element may have. */
function checkCustom(node: Node): void {
  const name = node.tagName as string;
  if (node.isCustom !== true || !/^[a-z][a-z0-9_-]*-[a-z0-9_-]*$/.test(name) || RESERVED.test(name))
    delete node.isCustom;
}

function checkHost(node: Node): void {
  if (node.isShadowHost !== true || node.isSVG !== undefined || !HOSTS.test(node.tagName as string))
    delete node.isShadowHost;
}

function checkDoctype(node: Node): void {
  if (typeof node.name !== "string" || !/^[a-z][a-z0-9:-]*$/i.test(node.name)) node.name = "html";
  for (const name of ["publicId", "systemId"])
    if (typeof node[name] !== "string" || (node[name] as string).length > MAX_TAG) node[name] = "";
}
