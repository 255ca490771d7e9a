/** What may be told of the page: the marks in it, the site's options, and the rules that the server has for the site. */
import { linkAddress, type QueryPolicy, shownAddress, shownSourceSet, shownStyle, stricter } from "./addresses";
import { closest } from "./composed";
import { BLOCK, MASK, UNMASK } from "./marks";
import { Passwords } from "./passwords";
import { isSecretField, isSecretValue } from "./sensitive";

/** Types whose value is their caption. */
export const CAPTIONS = new Set(["button", "submit", "reset", "image"]);
const CHECKABLE = new Set(["checkbox", "radio"]);
/** Types that show text; the value of any other cannot hold dots and is left empty. */
const TEXTUAL = new Set(["text", "search", "tel", "url", "email", "textarea"]);
/** Where a pointer says what is chosen. */
const CHOICES =
  "select,option,label,input[type=checkbox],input[type=radio],[role=option],[role=radio],[role=checkbox],[role=switch]";
const DOT = "•";
const MAX_TITLE = 300;

export interface PrivacyRules {
  /** Selectors of what is masked; "*" for everything that is not unmasked. */
  readonly mask?: "*" | readonly string[];
  /** Selectors of fields, and with `mask: "*"` of texts, that are shown. */
  readonly unmask?: readonly string[];
  readonly block?: readonly string[];
  readonly ignore?: readonly string[];
  /** Which parts of addresses are told behind their path. */
  readonly query?: QueryPolicy;
}

export interface PrivacyOptions extends PrivacyRules {
  /** Further rules for pages whose address, without query and fragment, is like `url`: `*` stands for anything. */
  readonly rules?: readonly (PrivacyRules & { readonly url: string })[];
}

/** The rules that hold on one page. */
interface Active {
  readonly blockSelector: string;
  readonly maskSelector: string;
  readonly unmaskSelector: string;
  /** Of each who said `mask: "*"`: the selectors of what is not meant by it, "" for none. */
  readonly exceptions: readonly string[];
  readonly query: QueryPolicy;
}

/** What the recorder asks of each text when everything is masked that is not unmasked (`rrweb.mjs`). */
export interface Coverage {
  covers(node: Node): boolean;
}

export class Privacy {
  private readonly passwords = new Passwords();
  private operator: PrivacyOptions = {};
  private active: Active;
  private address = location.href;

  /** Throws TypeError naming what cannot be applied: nothing may be recorded then. */
  constructor(private readonly options: PrivacyOptions) {
    validated(options, "the options");
    this.active = this.activated();
  }

  /** The operator's rules for the site, beside those of the page: the stricter holds. Throws TypeError. */
  tighten(rules: PrivacyOptions): void {
    validated(rules, "the server's rules for the site");
    this.operator = rules;
    this.address = ""; // not that of any page: the rules are looked at again
  }

  /** Take the rules for the page's address as it is now. */
  begin(): void {
    this.address = location.href;
    this.active = this.activated();
    this.watch(document);
  }

  /** Whether the rules are still those that hold: not after `tighten`, or on another page. If not, `begin` anew. */
  get isCurrent(): boolean {
    if (this.address === location.href) return true;
    if (JSON.stringify(this.active) !== JSON.stringify(this.activated())) return false;
    this.address = location.href;
    return true;
  }

  get blockSelector(): string {
    return this.active.blockSelector;
  }

  get maskTextSelector(): string | Coverage {
    return this.active.exceptions.length > 0 ? { covers: (node) => this.coversText(node) } : this.active.maskSelector;
  }

  /** Watch for passwords in a document or shadow root: the page's own, or one in it. */
  watch(root: Document | ShadowRoot): void {
    this.passwords.watch(root);
  }

  /** Call when nothing is recorded any more. */
  stop(): void {
    this.passwords.stop();
  }

  /** Whether nothing inside of the node may be told. */
  readonly isBlocked = (node: Node): boolean => closest(node, this.active.blockSelector) !== null;

  /** Whether its texts are masked, and what is chosen in it is not told. */
  readonly isMasked = (node: Node): boolean => {
    const { maskSelector, exceptions } = this.active;
    if (closest(node, maskSelector)) return true;
    return exceptions.some((unmasked) => unmasked === "" || !closest(node, unmasked));
  };

  /** As `isMasked`, of an element in something of which it is known already. */
  readonly isMaskedWithin = (element: Element, around: boolean): boolean => {
    if (this.active.exceptions.length > 0) return this.isMasked(element);
    return around || element.matches(this.active.maskSelector);
  };

  /** Whether the pointer is not told over it, as it would say what is chosen. */
  readonly hidesPointer = (node: Node): boolean =>
    closest(node, this.active.maskSelector) !== null ||
    (this.active.exceptions.length > 0 && closest(node, CHOICES) !== null && this.isMasked(node));

  /** What is told of the value of a field. */
  readonly maskInput = (text: string, field: HTMLElement): string => {
    try {
      const type = field.localName === "input" ? (field as HTMLInputElement).type : field.localName;
      if (CHECKABLE.has(type)) return "on";
      const isPassword = type === "password" || this.passwords.has(field);
      if (text === "") return text;
      // A field that has become a button shows what was typed as its caption.
      if (isPassword || (CAPTIONS.has(type) ? isSecretValue(text) : isSecretField(field))) return DOT.repeat(8);
      if (CAPTIONS.has(type)) return this.isMasked(field) ? starred(text) : text;
      const isUnmasked = closest(field, this.active.unmaskSelector) && !this.isMasked(field);
      if (isUnmasked && type !== "hidden" && type !== "file") return isSecretValue(text) ? DOT.repeat(8) : text;
      return TEXTUAL.has(type) ? DOT.repeat(text.length) : "";
    } catch {
      return ""; // a rule that fails must not show anything, nor stop the recorder
    }
  };

  /** An address of the page, or of something it loads, as it is told. */
  readonly resource = (address: string): string => shownAddress(address, this.active.query);
  readonly link = (address: string): string => linkAddress(address, this.active.query);
  readonly sourceSet = (value: string): string => shownSourceSet(value, this.active.query);
  readonly style = (css: string): string => shownStyle(css, this.active.query);

  /** The title and the address of the page, as they are told. */
  page(): { title: string; address: string } {
    const title = document.title.slice(0, MAX_TITLE);
    const element = document.querySelector("head title") ?? document.documentElement;
    const isHidden = this.isMasked(element) || this.isBlocked(element);
    return { title: isHidden ? starred(title) : title, address: this.resource(location.href) };
  }

  private coversText(node: Node): boolean {
    return this.isMasked(node) || (node.nodeType === Node.TEXT_NODE && isSecretValue(node.textContent ?? ""));
  }

  private activated(): Active {
    const page = holding(this.options);
    const operator = holding(this.operator);
    const all = [...page, ...operator];
    const named = (name: "mask" | "unmask" | "block" | "ignore", of: readonly PrivacyRules[]) =>
      of.flatMap((rules) => (rules[name] === "*" ? [] : (rules[name] ?? [])));
    const unmask = [...UNMASK, ...named("unmask", page)];
    const isWhole = (of: readonly PrivacyRules[]) => of.some(({ mask }) => mask === "*");
    const exceptions = isWhole(page) ? [unmask.join(",")] : [];
    if (isWhole(operator)) exceptions.push(named("unmask", operator).join(","));
    return {
      blockSelector: [...BLOCK, ...named("block", all), ...named("ignore", all)].join(","),
      maskSelector: [...MASK, ...named("mask", all)].join(","),
      unmaskSelector: unmask.join(","),
      exceptions,
      query: queryOf(page) === null ? "drop" : stricterOf(queryOf(page) ?? "drop", queryOf(operator)),
    };
  }
}

/** The text with a star for each character that is seen. */
export function starred(text: string): string {
  return text.replace(/\S/g, "*");
}

function stricterOf(query: QueryPolicy, other: QueryPolicy | null): QueryPolicy {
  return other === null ? query : stricter(query, other);
}

/** The strictest that was said; null when nothing was. */
function queryOf(rules: readonly PrivacyRules[]): QueryPolicy | null {
  return rules.reduce<QueryPolicy | null>(
    (strictest, { query }) => (query === undefined ? strictest : stricterOf(query, strictest)),
    null,
  );
}

/** The rules that hold on the page as it is now. */
function holding({ rules = [], ...always }: PrivacyOptions): PrivacyRules[] {
  const { origin, pathname } = location;
  return [
    always,
    ...rules.filter(({ url }) => {
      const pattern = new RegExp(`^${url.split("*").map(escaped).join(".*")}$`);
      return pattern.test(pathname) || pattern.test(origin + pathname);
    }),
  ];
}

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}

function validated(options: PrivacyOptions, where: string): void {
  const { rules = [] } = options;
  if (!Array.isArray(rules)) throw wrong(where, "rules", rules, "a list of rules with a url");
  for (const one of [options, ...rules] as (PrivacyRules & { url?: unknown })[]) {
    if (one !== options && (typeof one?.url !== "string" || one.url === ""))
      throw wrong(where, "url", one?.url, 'an address such as "/account/*"');
    for (const option of ["mask", "unmask", "block", "ignore"] as const) {
      const selectors = one[option];
      if (selectors === undefined || (option === "mask" && selectors === "*")) continue;
      if (!Array.isArray(selectors)) throw wrong(where, option, selectors, "a list of selectors");
      for (const selector of selectors) if (!parses(selector)) throw wrong(where, option, selector, "a selector");
    }
    const { query = "drop" } = one;
    if (
      query !== "drop" &&
      query !== "keep" &&
      !(Array.isArray(query) && query.every((name) => typeof name === "string"))
    )
      throw wrong(where, "query", query, '"drop", "keep" or a list of names of parameters');
  }
}

function parses(selector: unknown): boolean {
  try {
    document.createDocumentFragment().querySelector(selector as string);
    return typeof selector === "string" && selector.trim() !== "";
  } catch {
    return false;
  }
}

function wrong(where: string, option: string, value: unknown, wanted: string): TypeError {
  const shown = JSON.stringify(value) ?? String(value);
  return new TypeError(`cobrowse: ${option} in ${where} is ${shown.slice(0, 200)}, not ${wanted}; nothing is shared`);
}
