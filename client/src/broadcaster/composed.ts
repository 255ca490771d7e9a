/**
 * What is around a node, as the reader of a page sees it: out of shadow roots into their hosts, out of frames of the same
 * origin into theirs. `Element.closest` stops at both. Also built into the recorder, see `rrweb.mjs`.
 */

const ELEMENT = 1;
const DOCUMENT_FRAGMENT = 11;

/** The nearest element that matches: the node itself, or one that it is inside of; null when there is none. */
export function closest(node: Node | null, selector: string): Element | null {
  for (let at = node; at; at = outOf(at)) {
    const element = at.nodeType === ELEMENT ? (at as Element) : at.parentElement;
    const found = element?.closest(selector);
    if (found) return found;
  }
  return null;
}

/** The host of the node's shadow root, or the frame of its document; null at the top, and for a part not on any page. */
function outOf(node: Node): Element | null {
  const root = node.getRootNode();
  if (root.nodeType === DOCUMENT_FRAGMENT) return (root as ShadowRoot).host ?? null;
  try {
    return (root as Document).defaultView?.frameElement ?? null;
  } catch {
    return null; // the frame's page is of another origin
  }
}
