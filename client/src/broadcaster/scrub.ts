/**
 * What the recorder tells beside texts and fields: attributes, addresses, comments, what belongs to no picture. Walks
 * every event before it is written; what may be told is `Privacy`'s to say.
 */
import type { Mutation, RecordedEvent, SerializedNode } from "./mend";
import { CAPTIONS, type Privacy, starred } from "./privacy";

const META = 4;
const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const MUTATION = 0;
const STYLE_SHEET_RULE = 8;
const STYLE_DECLARATION = 13;
const ADOPTED_STYLE_SHEET = 15;
const DOCUMENT = 0;
const ELEMENT = 2;
const TEXT = 3;
const COMMENT = 5;
const XHTML = "http://www.w3.org/1999/xhtml";
const SVG = "http://www.w3.org/2000/svg";

type Attributes = Record<string, unknown>;

/** Never seen, and of no use to who sees the page. */
const LEFT_OUT = new Set(
  "action formaction ping cite download nonce integrity srcdoc rr_src profile manifest longdesc http-equiv".split(" "),
);
/** What a <meta> says of how the page looks; the rest is for machines, and may be a token. */
const SHOWN_META = new Set(["viewport", "theme-color", "color-scheme"]);
/** Elements whose value is seen: as a caption, a number, a bar. */
const VALUED = new Set(["li", "progress", "meter", "input"]);
const VALUELESS = new Set(["hidden", "checkbox", "radio", "file"]);
/** What they load is not shown on the other side. */
const EMBEDDING = new Set(["iframe", "frame", "object", "embed", "script"]);
const SILENT = new Set(["SCRIPT", "NOSCRIPT"]);
/** What changes most, and is the same in masked parts: there whether it is in one need not be asked. */
const NEVER_MASKED = new Set(["class", "id", "style"]);
/** In masked parts: what says how a thing looks and works, not what it says. */
const LAYOUT = new Set(
  (
    "class id style type name for role dir lang hidden tabindex width height colspan rowspan span align valign border " +
    "cellpadding cellspacing bgcolor color face rows cols size wrap maxlength minlength min max step low high optimum " +
    "disabled readonly required checked selected multiple open inert popover popovertarget slot part is rel media href " +
    "src srcset sizes poster loading decoding controls muted loop playsinline start reversed shape coords usemap ismap " +
    "contenteditable spellcheck draggable inputmode autocapitalize enterkeyhint headers scope nowrap xmlns " +
    "aria-hidden aria-expanded aria-selected aria-checked aria-pressed aria-current aria-disabled aria-controls " +
    "aria-labelledby aria-describedby aria-owns aria-live aria-modal aria-haspopup aria-busy aria-invalid " +
    "aria-orientation aria-required aria-readonly aria-sort aria-level aria-colcount aria-rowcount aria-colindex " +
    "aria-rowindex aria-setsize aria-posinset aria-multiselectable aria-atomic aria-relevant"
  ).split(" "),
);
/** What SVG and MathML say in words. */
const WORDS = /^(aria-(label|description|valuetext|roledescription)|title|alt|desc|data-.*|href|xlink:href)$/;
/** What a data attribute may say in masked parts: states that style sheets ask for. */
const STATE =
  /^(true|false|open|opened|closed|close|on|off|yes|no|none|active|inactive|visible|hidden|shown|checked|unchecked|selected|disabled|enabled|expanded|collapsed|loading|loaded|light|dark|horizontal|vertical|top|right|bottom|left|start|end|center|small|medium|large|sm|md|lg|xl|xs)?$/;

export class Scrubber {
  /** `getNode`: of the recorder's mirror. */
  constructor(
    private readonly privacy: Privacy,
    private readonly getNode: (id: number) => Node | null,
  ) {}

  /** Takes out of the event what may not be told, in place. */
  scrub({ type, data }: RecordedEvent): void {
    if (type === META) data.href = this.privacy.resource(String(data.href));
    if (type === FULL_SNAPSHOT) this.tree(data.node as SerializedNode, false);
    if (type !== INCREMENTAL) return;
    if (data.source === MUTATION) this.mutation(data as unknown as Mutation);
    if (data.source === STYLE_SHEET_RULE) this.rules(data);
    if (data.source === ADOPTED_STYLE_SHEET)
      for (const styles of listOf(data.styles)) this.rules({ adds: styles.rules });
    if (data.source === STYLE_DECLARATION) {
      const set = data.set as { value?: unknown } | undefined;
      if (typeof set?.value === "string") set.value = this.privacy.style(set.value);
    }
  }

  private mutation({ adds, texts, attributes }: Mutation): void {
    for (const { node } of adds) {
      const added = this.getNode(node.id);
      const parent = added?.parentNode ?? null;
      // The document of a frame has no parent, and is within the frame's element.
      if (node.type === ELEMENT || node.type === DOCUMENT)
        this.tree(node, !added || this.privacy.isMasked(parent ?? added));
      else this.text(node, (parent as Element | null)?.tagName);
    }
    for (const text of texts) {
      const node = this.getNode(text.id);
      if (node?.nodeType === Node.COMMENT_NODE || SILENT.has(tagAround(node))) text.value = "";
      else if (text.value && tagAround(node) === "STYLE") text.value = this.privacy.style(text.value);
    }
    for (const { id, attributes: changed } of attributes) {
      const element = this.getNode(id) as Element | null;
      const mayMask = Object.keys(changed).some((name) => !NEVER_MASKED.has(name));
      this.attributes(
        element?.localName ?? "",
        changed,
        element,
        mayMask && (!element || this.privacy.isMasked(element)),
      );
    }
  }

  private tree(node: SerializedNode, around: boolean): void {
    let masked = around;
    const tag = node.tagName?.toUpperCase();
    if (node.type === ELEMENT && node.attributes) {
      const element = this.getNode(node.id) as Element | null;
      masked = !element || this.privacy.isMaskedWithin(element, around);
      this.attributes(node.tagName ?? "", node.attributes, element, masked);
    }
    for (const child of node.childNodes ?? []) {
      if (child.type === ELEMENT) this.tree(child, masked);
      else this.text(child, tag);
    }
  }

  private text(node: SerializedNode, tag: string | undefined): void {
    if (node.type === COMMENT || (tag !== undefined && SILENT.has(tag))) node.textContent = "";
    else if (node.type === TEXT && tag === "STYLE" && node.textContent)
      node.textContent = this.privacy.style(node.textContent);
  }

  private attributes(tag: string, attributes: Attributes, element: Element | null, masked: boolean): void {
    for (const name in attributes) {
      const value = attributes[name];
      if (name === "style" && typeof value === "object") this.declarations(value as Attributes | null);
      else if (typeof value === "string" && value !== "") {
        const shown = this.attribute(tag, name.toLowerCase(), value, element, masked);
        if (shown === null) delete attributes[name];
        else if (shown !== value) attributes[name] = shown;
      }
    }
  }

  /** What is told of an attribute; null for nothing. */
  private attribute(tag: string, name: string, value: string, element: Element | null, masked: boolean): string | null {
    const { privacy } = this;
    const isHtml = element?.namespaceURI === XHTML;
    switch (name) {
      case "class":
      case "id":
        return value;
      case "style":
      case "_csstext":
      case "csstext":
        return privacy.style(value);
      case "href":
      case "xlink:href":
        return this.reference(tag, value, element, masked);
      case "src":
      case "poster":
      case "background":
      case "data":
        return EMBEDDING.has(tag) ? null : privacy.resource(value);
      case "imagesrcset":
        return null; // of what is loaded beforehand
      case "srcset":
        return privacy.sourceSet(value);
      case "value":
        return this.value(tag, value, element as HTMLInputElement | null, masked);
      case "content":
        if (tag === "meta") return SHOWN_META.has(element?.getAttribute("name") ?? "") ? value : null;
        break;
    }
    if (LEFT_OUT.has(name) || name.startsWith("on")) return null;
    if (!masked || name.startsWith("rr_")) return value;
    if (name.startsWith("data-")) return STATE.test(value) ? value : starred(value);
    if (isHtml ? LAYOUT.has(name) : !WORDS.test(name)) return value;
    return starred(value);
  }

  /** A value that can be seen; not an option's or a checkbox's, which is for the server. */
  private value(tag: string, value: string, field: HTMLInputElement | null, masked: boolean): string | null {
    if (tag === "textarea") return value; // masked already, as what is typed is
    if (tag === "input" && field && CAPTIONS.has(field.type)) return this.privacy.maskInput(value, field);
    if (tag === "input" && field) return VALUELESS.has(field.type) ? null : value;
    if (!VALUED.has(tag)) return null;
    return masked ? starred(value) : value;
  }

  private reference(tag: string, value: string, element: Element | null, masked: boolean): string | null {
    if (tag === "base") return null;
    if (tag === "link")
      return /\bstylesheet\b/i.test(element?.getAttribute("rel") ?? "") ? this.privacy.resource(value) : null;
    const isDrawn = element?.namespaceURI === SVG && tag !== "a";
    if (!isDrawn) return masked ? "#" : this.privacy.link(value);
    // A fragment names what is drawn.
    const [address = "", fragment] = value.split(/#(.*)/s);
    const shown = this.privacy.resource(address);
    return fragment ? `${shown}#${fragment}` : shown;
  }

  private declarations(style: Attributes | null): void {
    for (const property in style) {
      const value = style[property];
      if (typeof value === "string") style[property] = this.privacy.style(value);
      else if (Array.isArray(value) && typeof value[0] === "string") value[0] = this.privacy.style(value[0]);
    }
  }

  private rules(data: Attributes): void {
    for (const added of listOf(data.adds))
      if (typeof added.rule === "string") added.rule = this.privacy.style(added.rule);
    for (const name of ["replace", "replaceSync"])
      if (typeof data[name] === "string") data[name] = this.privacy.style(data[name]);
  }
}

function listOf(value: unknown): Attributes[] {
  return Array.isArray(value) ? value : [];
}

function tagAround(node: Node | null): string {
  return (node?.parentNode as Element | null)?.tagName ?? "";
}
