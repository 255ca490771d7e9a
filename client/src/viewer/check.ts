/**
 * Every event before the player sees it: nothing that comes from a page is trusted, as who sends it may be hostile. What
 * could run, load, lead elsewhere or upset the player is taken out and counted, and the rest of the page is shown.
 * The shapes are those of rrweb's recorder 2.1.6 and player 2.2.2.
 */
import { checkAttributes, FRAME, REMEMBERED } from "./attributes";
import type { LeftOut, Reason } from "./left";
import { isId, isRecord, kindOf, MAX_DEPTH, MAX_NODES, NodeChecker } from "./nodes";
import { isPoint, isSize, isText, SOURCES } from "./sources";

const LOADED = 0;
const READY = 1;
const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const META = 4;
const CUSTOM = 5;
const MUTATION = 0;
const CANVAS = 9;
/** In the recorder's numbers, and in the browser's. */
const DOCUMENT = 0;
const DOCUMENT_NODE = 9;

type Data = Record<string, unknown>;

/** What the page has now, by the ids of its nodes: the player's mirror. */
export interface Shown {
  getNode(id: number): Node | null;
  /** How many nodes there are. */
  size(): number;
}

export class Checker {
  private readonly nodes: NodeChecker;
  /** How deep in the page nodes are that the mutation under check has added so far, and how many there are in all. */
  private readonly depths = new Map<number, number>();
  private added = 0;

  constructor(
    private readonly shown: Shown,
    private readonly left: LeftOut,
  ) {
    this.nodes = new NodeChecker(left);
  }

  /**
   * Whether the player may have the event, which is changed in place. To be called right before it is applied: what is
   * allowed depends on the page as it is then.
   */
  check(event: unknown): boolean {
    if (!isRecord(event) || !Number.isFinite(event.timestamp)) return this.refuse("events");
    const { type, data } = event;
    if (!isRecord(data)) return this.refuse("events");
    switch (type) {
      case LOADED:
      case READY:
        return true;
      case FULL_SNAPSHOT:
        if (!isPoint(data.initialOffset, "left", "top")) data.initialOffset = { left: 0, top: 0 };
        return this.nodes.checkPage(data.node) || this.refuse("events");
      case INCREMENTAL:
        return this.incremental(data);
      case META:
        return isSize(data) || this.refuse("sizes");
      case CUSTOM:
        return typeof data.tag === "string" || this.refuse("events");
      default:
        return this.refuse("events"); // plugins' too: there are none here
    }
  }

  private incremental(data: Data): boolean {
    const { source } = data;
    if (source === MUTATION) return this.mutation(data) || this.refuse("events");
    if (source === CANVAS) return this.refuse("drawings");
    return SOURCES.get(source)?.(data) || this.refuse("events");
  }

  private refuse(reason: Reason): false {
    this.left.add(reason);
    return false;
  }

  private mutation({ adds, removes, texts, attributes }: Data): boolean {
    if (![adds, removes, texts, attributes].every(Array.isArray)) return false;
    this.keep(removes as unknown[], (one) => this.isRemoval(one));
    this.depths.clear();
    this.added = 0;
    this.keep(adds as unknown[], (one) => this.isAddition(one, removes as Data[]));
    this.keep(
      texts as unknown[],
      ({ id, value }) => (isId(id) && (value === null || isText(value))) || this.refuse("events"),
    );
    this.keep(attributes as unknown[], (one) => this.isChange(one));
    return true;
  }

  /** Keeps what fits, in place. */
  private keep(items: unknown[], fits: (item: Data) => boolean): void {
    let kept = 0;
    for (const item of items) if (isRecord(item) ? fits(item) : this.refuse("events")) items[kept++] = item;
    items.length = kept;
  }

  private isRemoval({ id, parentId }: Data): boolean {
    if (!isId(id) || !isId(parentId)) return this.refuse("events");
    return this.shown.getNode(id)?.nodeType !== DOCUMENT_NODE || this.refuse("misfits");
  }

  private isAddition(one: Data, removes: readonly Data[]): boolean {
    const { parentId, node } = one;
    if (!isId(parentId) || !isRecord(node)) return this.refuse("events");
    if (!isId(one.nextId)) one.nextId = null;
    delete one.previousId; // of recorders of old
    // A document is what is in a frame; anywhere else it would take the place of the whole page.
    if (node.type === DOCUMENT && !((this.nodes.kinds.get(parentId) ?? 0) & FRAME)) return this.refuse("misfits");
    const depth = 1 + (this.depths.get(parentId) ?? depthOf(this.shown.getNode(parentId)));
    const known = this.shown.getNode(node.id as number);
    // The player moves what it knows, with all that is in it.
    if (known?.firstChild && depth + heightOf(known) > MAX_DEPTH && !removes.some(({ id }) => id === node.id))
      return this.refuse("nodes");
    this.depths.set(node.id as number, depth);
    if (!this.nodes.checkTree(node, depth, MAX_NODES - this.shown.size() - this.added)) return false;
    this.added += this.nodes.size;
    return true;
  }

  private isChange({ id, attributes }: Data): boolean {
    if (!isId(id) || !isRecord(attributes)) return this.refuse("events");
    const { kinds } = this.nodes;
    const name = (this.shown.getNode(id) as Element | null)?.localName;
    const ever = kinds.get(id);
    let kind = name === undefined ? 0 : kindOf(name);
    if (ever !== undefined) kind = (kind & ~REMEMBERED) | ever;
    const now = checkAttributes(attributes, kind, true, this.left);
    if (now !== kind) kinds.set(id, now & REMEMBERED);
    return true;
  }
}

/** How many nodes are around it, in frames and shadow roots too. */
function depthOf(node: Node | null): number {
  let depth = 0;
  let at: Node | null = node;
  while (at && depth <= MAX_DEPTH) {
    depth += 1;
    at = at.parentNode ?? (at as ShadowRoot).host ?? (at as Document).defaultView?.frameElement ?? null;
  }
  return depth;
}

/** How many nodes are in one another in it, itself included. */
function heightOf(root: Node): number {
  let height = 1;
  let depth = 1;
  let at: Node = root;
  while (true) {
    if (at.firstChild) {
      at = at.firstChild;
      depth += 1;
      height = Math.max(height, depth);
      continue;
    }
    while (at !== root && !at.nextSibling) {
      at = at.parentNode as Node;
      depth -= 1;
    }
    if (at === root) return height;
    at = at.nextSibling as Node;
  }
}
