/**
 * Mends rrweb's events where the viewer would not show what the visitor sees. Each remedy names what it is for; those
 * that need to watch the page themselves are in `fields.ts` and `frames.ts`.
 */

const INCREMENTAL = 3;
const FULL_SNAPSHOT = 2;
const MUTATION = 0;
const ELEMENT = 2;
const COMMENT = 5;
const INPUT = 5;
const CAPTIONS = new Set(["button", "submit", "reset", "image"]);

export interface RecordedEvent {
  type: number;
  timestamp: number;
  data: Record<string, unknown>;
}

interface SerializedNode {
  id: number;
  type: number;
  tagName?: string;
  attributes?: Record<string, unknown>;
  childNodes?: SerializedNode[];
  textContent?: string;
}
interface Mutation {
  source: number;
  adds: { node: SerializedNode }[];
  attributes: { id: number; attributes: Record<string, unknown> }[];
  isAttachIframe?: boolean;
}

export interface Mender {
  getNode(id: number): Node | null;
  mask(text: string, field: HTMLElement): string;
  /** A better text for a style sheet than the one told; null when there is none. */
  betterSheet(told: string, owner: Node | null): string | null;
  /** A field's attributes have changed, which may or may not have changed what it shows. */
  fieldChanged(field: Element): void;
}

/** The event as it is to be sent; null when it is not to be sent at all. It is changed in place. */
export function mended(event: RecordedEvent, mender: Mender): RecordedEvent | null {
  if (event.type === FULL_SNAPSHOT) mendNodes([event.data.node as SerializedNode], mender);
  if (event.type !== INCREMENTAL) return event;
  if (event.data.source === INPUT) return null; // `fields.ts` tells of them
  if (event.data.source !== MUTATION) return event;
  const { adds, attributes, isAttachIframe } = event.data as unknown as Mutation;
  // A srcdoc frame is attached twice, first empty: the player would keep the empty document.
  if (isAttachIframe && adds.every(({ node }) => (node.childNodes ?? []).length === 0)) return null;
  mendNodes(
    adds.map(({ node }) => node),
    mender,
  );
  for (const { id, attributes: changed } of attributes) mendAttributes(id, changed, mender);
  return event;
}

function mendNodes(nodes: SerializedNode[], mender: Mender): void {
  const stack = [...nodes];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.type === ELEMENT && node.attributes) {
      const { attributes } = node;
      const tag = node.tagName ?? "";
      if (tag === "iframe") delete attributes.srcdoc; // it would load over what the recorder has sent
      if (tag === "input") mendInput(node.id, attributes, mender);
      if (tag === "textarea") mendTextarea(node, mender);
      mendStyle(attributes);
      mendSheet(node.id, attributes, mender);
    }
    if (node.type === COMMENT) node.textContent = ""; // nobody sees it, and it may say what nobody should
    if (node.childNodes) stack.push(...node.childNodes);
  }
}

/** rrweb tells a field's live value only when there is one, else the attribute: what was emptied would be full again. */
function mendInput(id: number, attributes: Record<string, unknown>, mender: Mender): void {
  const field = mender.getNode(id) as HTMLInputElement | null;
  if (field?.localName !== "input") return;
  if (field.type === "checkbox" || field.type === "radio") {
    if (field.checked) attributes.checked = true;
    else delete attributes.checked;
  } else if (!CAPTIONS.has(field.type)) {
    const value = mender.mask(field.value, field);
    if (value) attributes.value = value;
    else delete attributes.value;
  }
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
  if (!["value", "checked", "selected", "type"].some((name) => name in changed)) return;
  const element = mender.getNode(id) as Element | null;
  if (!element) return;
  if (element.localName === "input" || element.localName === "textarea") {
    const field = element as HTMLInputElement;
    if ("value" in changed && !CAPTIONS.has(field.type) && field.type !== "checkbox" && field.type !== "radio")
      changed.value = mender.mask(field.value, field);
    mender.fieldChanged(field);
  }
  const select = element.localName === "option" ? element.closest("select") : null;
  if (select) mender.fieldChanged(select);
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
