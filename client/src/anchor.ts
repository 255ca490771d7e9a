/**
 * Points on a page that survive a different layout: a node of the recorder's mirror, and where in its box. Offsets
 * are fractions of the box; without a node they are fractions of the window.
 */
export interface Anchor {
  /** The node's id in the mirror; 0 for the window itself. */
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

export interface Point {
  /** CSS pixels from the top left of the outermost window. */
  readonly x: number;
  readonly y: number;
}

interface Ids {
  getId(node: Node): number;
}
interface Nodes {
  getNode(id: number): Node | null;
}

/** The anchor of a point in `view`, which is over `target`. */
export function anchorAt(target: EventTarget | null, point: Point, view: Window, mirror: Ids): Anchor {
  for (let element = elementOf(target); element; element = element.parentElement) {
    const id = mirror.getId(element);
    const box = element.getBoundingClientRect();
    if (id > 0 && box.width > 0 && box.height > 0)
      return { id, x: (point.x - box.left) / box.width, y: (point.y - box.top) / box.height };
  }
  return { id: 0, x: point.x / view.innerWidth, y: point.y / view.innerHeight };
}

/** Where an anchor is now, in the outermost window of `top`; null when its node is not on the page. */
export function pointOf(anchor: Anchor, mirror: Nodes, top: Window): Point | null {
  if (anchor.id === 0) return { x: anchor.x * top.innerWidth, y: anchor.y * top.innerHeight };
  const element = elementOf(mirror.getNode(anchor.id));
  if (!element?.isConnected) return null;
  const box = element.getBoundingClientRect();
  let x = box.left + anchor.x * box.width;
  let y = box.top + anchor.y * box.height;
  for (
    let view = element.ownerDocument.defaultView;
    view && view !== top;
    view = view.parent as Window & typeof globalThis
  ) {
    const frame = view.frameElement;
    if (!frame) return null;
    const outer = frame.getBoundingClientRect();
    x += outer.left + frame.clientLeft;
    y += outer.top + frame.clientTop;
  }
  return { x, y };
}

/** The element under a point, inside of open shadow roots and same-origin frames. */
export function deepestAt(point: Point, root: Document): { element: Element; point: Point } | null {
  let scope: Document | ShadowRoot = root;
  let { x, y } = point;
  for (;;) {
    const element: Element | null = scope.elementFromPoint(x, y);
    if (!element) return null;
    const inside: Document | null = isFrame(element) ? element.contentDocument : null;
    if (inside) {
      const box = element.getBoundingClientRect();
      x -= box.left + element.clientLeft;
      y -= box.top + element.clientTop;
      scope = inside;
      if (!inside.elementFromPoint(x, y)) return { element, point: { x, y } };
    } else if (
      element.shadowRoot &&
      element.shadowRoot !== scope &&
      element.shadowRoot.elementFromPoint(x, y) !== element
    ) {
      scope = element.shadowRoot;
    } else {
      return { element, point: { x, y } };
    }
  }
}

function isFrame(element: Element): element is HTMLIFrameElement {
  return element.localName === "iframe";
}

function elementOf(node: EventTarget | Node | null): Element | null {
  if (!node || !("nodeType" in node)) return null;
  if (node.nodeType === 1) return node as Element;
  return node.nodeType === 9 ? (node as Document).documentElement : (node as Node).parentElement;
}
