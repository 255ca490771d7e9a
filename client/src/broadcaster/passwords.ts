/**
 * Once a password field, always a password field. A page that shows a password makes it a text, or puts a text field in
 * its place, maybe with the value and the `input` event in the same task: before any observer is told of it. So what is
 * known is asked for together with the changes that nobody has been told of yet.
 */

const PASSWORD = "input[type=password]";
/** Before somebody can type into it: a field that was made in a way no observer sees. */
const MOMENTS = ["focusin", "beforeinput", "input", "pointerdown"];

export class Passwords {
  private readonly fields = new WeakSet<Element>();
  /** Names and ids of password fields, by the document or shadow root they were in. */
  private readonly names = new WeakMap<Node, Set<string>>();
  private readonly watched = new Set<Document | ShadowRoot>();
  private readonly observer = new MutationObserver((changes) => this.note(changes));

  /** Watch a document, or a shadow root. */
  watch(root: Document | ShadowRoot): void {
    if (this.watched.has(root)) return;
    this.watched.add(root);
    for (const moment of MOMENTS) root.addEventListener(moment, this.heard, true);
    this.observer.observe(root, {
      subtree: true,
      childList: true,
      attributeFilter: ["type"],
      attributeOldValue: true,
    });
    for (const field of root.querySelectorAll(PASSWORD)) this.add(field);
  }

  stop(): void {
    this.observer.disconnect();
    for (const root of this.watched) for (const moment of MOMENTS) root.removeEventListener(moment, this.heard, true);
    this.watched.clear();
  }

  /** Whether the field is or was for a password, or stands where one was. */
  has(field: Element): boolean {
    const changes = this.observer.takeRecords();
    if (changes.length > 0) this.note(changes);
    if (field.matches(PASSWORD)) this.add(field);
    if (this.fields.has(field)) return true;
    const known = this.names.get(field.getRootNode());
    return known !== undefined && namesOf(field).some((name) => known.has(name));
  }

  private add(field: Element): void {
    this.fields.add(field);
    const root = field.getRootNode();
    const known = this.names.get(root) ?? new Set();
    this.names.set(root, known);
    for (const name of namesOf(field)) known.add(name);
  }

  private note(changes: readonly MutationRecord[]): void {
    const emptied = new Set<Node>();
    for (const { type, target, oldValue, addedNodes, removedNodes } of changes) {
      if (type === "attributes" && oldValue?.toLowerCase() === "password") this.add(target as Element);
      for (const field of fieldsIn(addedNodes)) if (field.matches(PASSWORD)) this.add(field);
      for (const field of fieldsIn(removedNodes)) if (this.fields.has(field)) emptied.add(target);
    }
    if (emptied.size === 0) return;
    for (const { target, addedNodes } of changes)
      if (emptied.has(target)) for (const field of fieldsIn(addedNodes)) this.fields.add(field);
  }

  private readonly heard = (event: Event): void => {
    const field = event.composedPath()[0] as Element | undefined;
    if (field?.localName === "input" && field.matches(PASSWORD)) this.add(field);
  };
}

function namesOf(field: Element): string[] {
  return [field.getAttribute("name"), field.id].filter((name): name is string => !!name);
}

function* fieldsIn(nodes: NodeList): Generator<Element> {
  for (const node of nodes) {
    if (node.nodeType !== Node.ELEMENT_NODE) continue;
    const element = node as Element;
    if (element.localName === "input") yield element;
    yield* element.querySelectorAll("input");
  }
}
