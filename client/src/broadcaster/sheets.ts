/**
 * Style sheets that the browser cannot write down. rrweb sends what CSSOM says of a sheet, but Chromium writes a
 * shorthand with `var()` that a longhand follows as empty longhands (`font-size: ;`): the rule would be lost in the
 * viewer. For such sheets the original text is sent, if it still says what the sheet says now.
 */

/** A declaration without a value: what the browser could not write down. */
export const LOST = /[{;]\s*[\w-]+:\s*;/;
const MAX_TEXT = 2 * 1_048_576;

type Owner = HTMLStyleElement | HTMLLinkElement;

/** Of rrweb's incremental source 8. */
export interface RuleChanges {
  readonly adds: readonly { readonly rule: string; readonly index: number }[];
  readonly removes: readonly { readonly index: number }[];
}

export class Sheets {
  private readonly texts = new Map<string, string | null>();

  /** `onlate` is told of a sheet whose text came only after its element was recorded. */
  constructor(private readonly onlate: (owner: Owner, text: string) => void) {}

  /** The text to send in place of `told`; null when that is right, or when nothing better is known yet. */
  better(told: string, node: Node | null): string | null {
    if (!LOST.test(told)) return null;
    const owner = node as Owner | null;
    if (!owner?.sheet) return null;
    if (owner.localName === "style") return originalOf(owner.sheet, owner.textContent ?? "", document.baseURI);
    const { href } = owner as HTMLLinkElement;
    const known = this.texts.get(href);
    if (known === undefined) void this.fetch(owner as HTMLLinkElement);
    return known ? originalOf(owner.sheet, known, href) : null;
  }

  private async fetch(link: HTMLLinkElement): Promise<void> {
    const { href } = link;
    this.texts.set(href, null);
    try {
      const response = await fetch(href, { cache: "force-cache" });
      if (!response.ok) return;
      const text = await response.text();
      if (text.length > MAX_TEXT) return;
      this.texts.set(href, text);
      const better = link.isConnected && link.sheet && originalOf(link.sheet, text, href);
      if (better) this.onlate(link, better);
    } catch {
      // The page's policy, or another origin's: what the browser can write down has to do.
    }
  }
}

/** The text with its addresses made absolute, if a sheet made of it has the rules that `sheet` has now. */
function originalOf(sheet: CSSStyleSheet, text: string, base: string): string | null {
  try {
    const made = new CSSStyleSheet({ baseURL: base });
    made.replaceSync(text);
    const rules = (one: CSSStyleSheet) => Array.from(one.cssRules, ({ cssText }) => cssText).join("\n");
    if (rules(made) !== rules(sheet)) return null;
  } catch {
    return null;
  }
  return withAbsoluteAddresses(text, base);
}

/**
 * What makes a sheet with the rules of `text` into `sheet`; null when nothing does, or nothing need. As the player does
 * it: rules are added before others are removed.
 */
export function rulesBeyond(text: string, sheet: CSSStyleSheet): RuleChanges | null {
  const there: string[] = Array.from(sheet.cssRules, ({ cssText }) => cssText);
  if (there.some((rule) => rule.startsWith("@import"))) return null; // a sheet that is made of a text has none
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  const here = Array.from(made.cssRules, ({ cssText }) => cssText);
  const most = Math.min(here.length, there.length);
  let first = 0;
  while (first < most && here[first] === there[first]) first += 1;
  let last = 0;
  while (last < most - first && here.at(-1 - last) === there.at(-1 - last)) last += 1;
  const adds = there
    .slice(first, there.length - last)
    .map((rule, at) => ({ rule: withAbsoluteAddresses(rule, document.baseURI), index: first + at }));
  const removes = here.slice(first, here.length - last).map(() => ({ index: first + adds.length }));
  return adds.length + removes.length > 0 ? { adds, removes } : null;
}

export function withAbsoluteAddresses(text: string, base: string): string {
  return text.replace(/url\(\s*(["']?)([^"')]+)\1\s*\)/g, (whole, quote: string, address: string) => {
    if (/^(data:|blob:|#)/i.test(address.trim())) return whole;
    try {
      return `url(${quote}${new URL(address.trim(), base).href}${quote})`;
    } catch {
      return whole;
    }
  });
}
