/**
 * rrweb watches a frame's window anew at each load and each snapshot, and each watcher tells of every change to its
 * style sheets: a rule that was inserted once would be inserted several times in the viewer. Here the calls themselves
 * are counted, underneath all watchers, so that what is told more than once can be left out.
 */

const STYLE_SHEET_RULE = 8;
const INCREMENTAL = 3;

type Realm = Window & typeof globalThis;

export class FrameCalls {
  private calls = 0;
  private group = -1;
  private told = new Set<string>();
  private readonly realms = new WeakSet<object>();
  private readonly called = new WeakSet<CSSStyleSheet>();

  /** Count the calls of a frame's window; before the recorder watches it. */
  watch(realm: Realm): void {
    const { CSSStyleSheet, CSSGroupingRule } = realm;
    // Watched prototypes, not windows: a window that loads anew has new ones.
    if (!CSSStyleSheet || this.realms.has(CSSStyleSheet.prototype)) return;
    this.realms.add(CSSStyleSheet.prototype);
    for (const prototype of [CSSStyleSheet.prototype, CSSGroupingRule?.prototype]) {
      if (!prototype) continue;
      for (const name of ["insertRule", "deleteRule"] as const) this.count(prototype, name);
    }
  }

  /** Whether rules of the sheet were inserted or deleted since it was made of a text. */
  hasCalled(sheet: CSSStyleSheet): boolean {
    return this.called.has(sheet);
  }

  /** Whether the event was told already, by another watcher of the same call. */
  isRepeated(event: { type: number; data: Record<string, unknown> }): boolean {
    if (event.type !== INCREMENTAL || event.data.source !== STYLE_SHEET_RULE) return false;
    if (this.group !== this.calls) {
      this.group = this.calls;
      this.told.clear();
    }
    const key = JSON.stringify(event.data);
    if (this.told.has(key)) return true;
    this.told.add(key);
    return false;
  }

  private count(prototype: CSSStyleSheet | CSSGroupingRule, name: "insertRule" | "deleteRule"): void {
    const original = prototype[name] as (...values: unknown[]) => unknown;
    const counted = (target: CSSStyleSheet | CSSGroupingRule) => {
      this.calls += 1;
      const sheet = "ownerNode" in target ? target : target.parentStyleSheet;
      if (sheet) this.called.add(sheet);
    };
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      enumerable: true,
      value: function (this: CSSStyleSheet | CSSGroupingRule, ...values: unknown[]) {
        // The watchers tell before the call: what they told of this one ends here.
        counted(this);
        return original.apply(this, values);
      },
    });
  }
}
