/**
 * Mends rrweb's events where the viewer would not show what the visitor sees, or would show what is masked. Each remedy
 * names what it is for; those that need to watch the page themselves are in `fields.ts`, `frames.ts` and `rules.ts`.
 */
import type { ShownEntry } from "../state";
import { CAPTIONS } from "./privacy";

const INCREMENTAL = 3;
const FULL_SNAPSHOT = 2;
const MUTATION = 0;
const ELEMENT = 2;
const MOUSE = 2;
const INPUT = 5;

export interface RecordedEvent {
  type: number;
  timestamp: number;
  data: Record<string, unknown>;
}

export interface SerializedNode {
  id: number;
  type: number;
  tagName?: string;
  attributes?: Record<string, unknown>;
  childNodes?: SerializedNode[];
  textContent?: string;
  isShadow?: boolean;
}
export interface Mutation {
  source: number;
  adds: { parentId: number; node: SerializedNode }[];
  removes: { parentId: number }[];
  texts: { id: number; value: string | null }[];
  attributes: { id: number; attributes: Record<string, unknown> }[];
  isAttachIframe?: boolean;
}

export interface Mender {
  getNode(id: number): Node | null;
  mask(text: string, field: HTMLElement): string;
  isMasked(node: Node): boolean;
  hidesPointer(node: Node): boolean;
  /** A better text for a style sheet than the one told; null when there is none. */
  betterSheet(told: string, owner: Node | null): string | null;
  /** Markup of a field has changed, which may or may not have changed what it shows, here and in the viewer. */
  fieldChanged(field: Element): void;
  /** The text of a `<style>` has changed. */
  styleChanged(style: HTMLStyleElement): void;
  /** To be told right after the event. */
  tellAfter(entry: ShownEntry): void;
  /** A shadow root is recorded. */
  watchRoot(root: ShadowRoot): void;
}

/** The event as it is to be sent; null when it is not to be sent at all. It is changed in place. */
export function mended(event: RecordedEvent, mender: Mender): RecordedEvent | null {
  if (event.type === FULL_SNAPSHOT) mendNodes([event.data.node as SerializedNode], mender);
  if (event.type !== INCREMENTAL) return event;
  const { source, id } = event.data;
  if (source === INPUT) return null; // `fields.ts` tells of them
  if (source === MOUSE) return hidesPointerAt(id as number, mender) ? null : event; // it would say which one was chosen
  if (source !== MUTATION) return event;
  const { adds, removes, texts, attributes, isAttachIframe } = event.data as unknown as Mutation;
  // A srcdoc frame is attached twice, first empty: the player would keep the empty document.
  if (isAttachIframe && adds.every(({ node }) => (node.childNodes ?? []).length === 0)) return null;
  mendNodes(
    adds.map(({ node }) => node),
    mender,
  );
  for (const { id, attributes: changed } of attributes) mendAttributes(id, changed, mender);
  const added = new Set(adds.map(({ node }) => node.id)); // these are told whole
  const parents = new Set<Node | null>();
  for (const { parentId } of [...adds, ...removes]) if (!added.has(parentId)) parents.add(mender.getNode(parentId));
  for (const { id } of texts) parents.add(mender.getNode(id)?.parentElement ?? null);
  for (const parent of parents) if (parent) mendParent(parent as Element, mender);
  return event;
}

/** What children that were added, removed or changed do to the element around them. */
function mendParent(parent: Element, mender: Mender): void {
  if (parent.localName === "style") mender.styleChanged(parent as HTMLStyleElement);
  // A select that has lost what was chosen chooses anew, in the viewer too, and maybe another one.
  const select = parent.localName === "optgroup" ? parent.closest("select") : parent;
  if (select?.localName === "select") mender.fieldChanged(select);
}

function hidesPointerAt(id: number, mender: Mender): boolean {
  const node = mender.getNode(id);
  return node !== null && mender.hidesPointer(node);
}

function isMaskedAt(id: number, mender: Mender): boolean {
  const node = mender.getNode(id);
  return node !== null && mender.isMasked(node);
}

function mendNodes(nodes: SerializedNode[], mender: Mender): void {
  const stack = [...nodes];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.type === ELEMENT && node.attributes) mendElement(node, node.attributes, mender);
    if (node.isShadow) {
      const root = mender.getNode(node.id)?.getRootNode();
      if (root && "host" in root) mender.watchRoot(root as ShadowRoot);
    }
    if (node.childNodes) stack.push(...node.childNodes);
  }
}

function mendElement(node: SerializedNode, attributes: Record<string, unknown>, mender: Mender): void {
  const { id, tagName } = node;
  if (tagName === "iframe") delete attributes.srcdoc; // it would load over what the recorder has sent
  if (tagName === "input") mendInput(id, attributes, mender);
  if (tagName === "textarea") mendTextarea(node, mender);
  if (tagName === "select") mendSelect(id, attributes, mender);
  if (tagName === "option" || tagName === "optgroup") mendOption(id, attributes, mender);
  if ("popover" in attributes) mendPopover(id, mender);
  if (tagName === "style" || tagName === "link") {
    const { sheet } = (mender.getNode(id) ?? {}) as { sheet?: CSSStyleSheet | null };
    if (sheet?.disabled) mender.tellAfter({ kind: "sheet", id, disabled: true });
  }
  mendStyle(attributes);
  mendSheet(id, attributes, mender);
}

/** rrweb tells a field's live value only when there is one, else the attribute: what was emptied would be full again. */
function mendInput(id: number, attributes: Record<string, unknown>, mender: Mender): void {
  const field = mender.getNode(id) as HTMLInputElement | null;
  if (field?.localName !== "input") return;
  if (field.type === "checkbox" || field.type === "radio") {
    if (field.checked && !mender.isMasked(field)) attributes.checked = true;
    else delete attributes.checked;
  } else if (!CAPTIONS.has(field.type)) {
    const value = mender.mask(field.value, field);
    if (value) attributes.value = value;
    else delete attributes.value;
  }
}

/** The options say what is chosen; that none is, or that it is masked, they cannot: the first would be. */
function mendSelect(id: number, attributes: Record<string, unknown>, mender: Mender): void {
  const select = mender.getNode(id) as HTMLSelectElement | null;
  delete attributes.value;
  if (select && (select.selectedIndex < 0 || mender.isMasked(select)))
    mender.tellAfter({ kind: "chosen", id, indexes: [] });
}

function mendOption(id: number, attributes: Record<string, unknown>, mender: Mender): void {
  if (!isMaskedAt(id, mender)) return;
  delete attributes.selected;
}

/** That it is open is no attribute. */
function mendPopover(id: number, mender: Mender): void {
  const node = mender.getNode(id) as HTMLElement | null;
  if (node && "showPopover" in node && node.matches(":popover-open"))
    mender.tellAfter({ kind: "popover", id, open: true });
}

function mendTextarea(node: SerializedNode, mender: Mender): void {
  const field = mender.getNode(node.id) as HTMLTextAreaElement | null;
  if (field?.localName !== "textarea" || !node.attributes) return;
  node.attributes.value = mender.mask(field.value, field);
  node.childNodes = [];
}

function mendAttributes(id: number, changed: Record<string, unknown>, mender: Mender): void {
  delete changed.srcdoc;
  mendStyle(changed);
  mendSheet(id, changed, mender);
  const element = mender.getNode(id) as Element | null;
  if (element?.localName === "link" && "disabled" in changed)
    mender.tellAfter({ kind: "sheet", id, disabled: changed.disabled !== null });
  if (!element || !["value", "checked", "selected", "type", "label"].some((name) => name in changed)) return;
  if (element.localName === "input" || element.localName === "textarea") {
    const field = element as HTMLInputElement;
    const isCheckable = field.type === "checkbox" || field.type === "radio";
    if ("value" in changed && !CAPTIONS.has(field.type) && !isCheckable)
      changed.value = mender.mask(field.value, field);
    if (isCheckable && mender.isMasked(field)) delete changed.checked;
    mender.fieldChanged(field);
  }
  if (element.localName === "option" || element.localName === "optgroup") {
    mendOption(id, changed, mender);
    const select = element.closest("select");
    if (select) mender.fieldChanged(select);
  }
}

/** References inside of the document (`url(#gradient)`) are made absolute by the recorder, and then find nothing. */
function mendStyle(attributes: Record<string, unknown>): void {
  const { style } = attributes;
  if (typeof style === "string" && style.includes("#")) attributes.style = withLocalReferences(style);
  else if (typeof style === "object" && style !== null)
    for (const [name, value] of Object.entries(style as Record<string, unknown>))
      if (typeof value === "string" && value.includes("#"))
        (style as Record<string, unknown>)[name] = withLocalReferences(value);
}

function mendSheet(id: number, attributes: Record<string, unknown>, mender: Mender): void {
  const { _cssText: told } = attributes;
  if (typeof told !== "string" || told.includes("/* rr_split */")) return;
  const better = mender.betterSheet(told, mender.getNode(id));
  if (better) attributes._cssText = better;
}

function withLocalReferences(text: string): string {
  return text.replace(/url\((["']?)([^"')#]*)#/g, (whole, quote: string, base: string) => {
    const here = document.baseURI.replace(/[^/]*([?#].*)?$/, "");
    return base === "" || base === here || base === document.baseURI.split("#", 1)[0] ? `url(${quote}#` : whole;
  });
}
