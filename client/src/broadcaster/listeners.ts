/** The same listeners on every document and shadow root that is recorded: many events do not leave a shadow root. */

type Root = Document | ShadowRoot;

export class Listeners {
  private readonly roots = new Set<WeakRef<Root>>();
  private readonly known = new WeakSet<Root>();

  constructor(private readonly handlers: Readonly<Record<string, (event: Event) => void>>) {}

  watch(root: Root): void {
    if (this.known.has(root)) return;
    this.known.add(root);
    this.roots.add(new WeakRef(root));
    for (const [name, handler] of Object.entries(this.handlers)) root.addEventListener(name, handler, true);
  }

  stop(): void {
    for (const reference of this.roots) {
      const root = reference.deref();
      for (const [name, handler] of Object.entries(this.handlers)) root?.removeEventListener(name, handler, true);
    }
    this.roots.clear();
  }
}
