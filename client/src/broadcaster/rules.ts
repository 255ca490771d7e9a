/**
 * Changes of a style sheet's rules that come by no method of the sheet: `rule.style.color = …`, `rule.selectorText = …`,
 * `rule.media.mediaText = …`, and rules in rules. Nobody is told of an assignment to a declaration; but before it the page
 * has to ask the rule for it. So each rule that was asked for what can be changed in it is compared at the end of the
 * task, and told anew when it says something else.
 */
import { LOST } from "./sheets";

const INCREMENTAL = 3;
const STYLE_DECLARATION = 13;

/** What gives access to a part that can be changed; what is changed itself. */
const PARTS = ["style", "styleMap", "media"];
const VALUES = ["selectorText", "keyText", "name"];
const METHODS = ["insertRule", "deleteRule", "appendRule"];
/** Kinds of rules with such parts. Not CSSGroupingRule: the recorder hears of its methods. */
const KINDS = ["CSSStyleRule", "CSSNestedDeclarations", "CSSMediaRule", "CSSKeyframesRule", "CSSKeyframeRule"] as const;

type Realm = Window & typeof globalThis;
type Kinds = { readonly [kind in (typeof KINDS)[number]]?: { readonly prototype: CSSRule } };

export interface RuleEvents {
  /** The rule at that place of the sheet is now what the text says. */
  changed(sheet: CSSStyleSheet, index: number, text: string): void;
  /** The sheet was switched on or off. */
  disabled(sheet: StyleSheet): void;
  /** The sheet that an event of the recorder is about; null when it is not known. */
  sheetOf(data: Record<string, unknown>): CSSStyleSheet | null;
}

export class Rules {
  private readonly realms = new WeakSet<object>();
  private readonly known = new WeakMap<CSSRule, string>();
  private asked = new Set<CSSRule>();

  constructor(private readonly events: RuleEvents) {}

  /** Watch the rules of a window of the page, or of a frame in it; the recorder that is stopped is told nothing. */
  watch(realm: Realm): void {
    if (!realm.CSSStyleRule || this.realms.has(realm.CSSStyleRule.prototype)) return;
    this.realms.add(realm.CSSStyleRule.prototype);
    for (const kind of KINDS) {
      const { prototype } = (realm as Kinds)[kind] ?? {};
      if (!prototype) continue;
      for (const name of [...PARTS, ...VALUES]) this.hookPart(prototype, name);
      for (const name of METHODS) this.hookMethod(prototype, name);
    }
    const events = this.events;
    const disabled = Object.getOwnPropertyDescriptor(realm.StyleSheet.prototype, "disabled");
    if (!disabled?.set) return;
    const { set } = disabled;
    Object.defineProperty(realm.StyleSheet.prototype, "disabled", {
      ...disabled,
      set(this: StyleSheet, value: boolean) {
        set.call(this, value);
        events.disabled(this);
      },
    });
  }

  /**
   * Whether an event of the recorder is told from here: a declaration that was set. Not in a rule that the browser cannot
   * write down: of such a rule only the declaration can be told.
   */
  tells({ type, data }: { type: number; data: Record<string, unknown> }): boolean {
    if (type !== INCREMENTAL || data.source !== STYLE_DECLARATION) return false;
    const index = data.index as number[];
    // The recorder does not find a rule in a style rule. It was asked for, so the whole of it is told.
    if (index.some((at) => at < 0)) return true;
    const rule = this.events.sheetOf(data)?.cssRules[index[0] ?? -1];
    if (!rule || LOST.test(rule.cssText)) return false;
    this.ask(rule);
    return true;
  }

  private ask(rule: CSSRule): void {
    let top = rule;
    while (top.parentRule) top = top.parentRule;
    if (!top.parentStyleSheet || this.asked.has(top)) return;
    if (!this.known.has(top)) this.known.set(top, top.cssText);
    if (this.asked.size === 0) queueMicrotask(() => this.compare());
    this.asked.add(top);
  }

  private compare(): void {
    const { asked } = this;
    this.asked = new Set();
    for (const rule of asked) {
      const sheet = rule.parentStyleSheet;
      const text = rule.cssText;
      if (!sheet || text === this.known.get(rule)) continue;
      this.known.set(rule, text);
      if (!LOST.test(text)) this.events.changed(sheet, Array.prototype.indexOf.call(sheet.cssRules, rule), text);
    }
  }

  private hookPart(prototype: CSSRule, name: string): void {
    const original = Object.getOwnPropertyDescriptor(prototype, name);
    if (!original?.get) return;
    const ask = (rule: CSSRule) => this.ask(rule);
    const { get, set } = original;
    Object.defineProperty(prototype, name, {
      ...original,
      ...(PARTS.includes(name) && {
        get(this: CSSRule) {
          ask(this);
          return get.call(this);
        },
      }),
      ...(set && {
        set(this: CSSRule, value: unknown) {
          ask(this);
          set.call(this, value);
        },
      }),
    });
  }

  private hookMethod(prototype: CSSRule, name: string): void {
    const original = Object.getOwnPropertyDescriptor(prototype, name);
    if (typeof original?.value !== "function") return;
    const ask = (rule: CSSRule) => this.ask(rule);
    const method = original.value as (...values: unknown[]) => unknown;
    Object.defineProperty(prototype, name, {
      ...original,
      value(this: CSSRule, ...values: unknown[]) {
        ask(this);
        return method.apply(this, values);
      },
    });
  }
}
