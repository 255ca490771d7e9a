/** What the recorder may see: what is typed is masked by default, passwords and the like always. */
import { closest } from "./composed";

/** Left out of the recording: our own widget, and what the site or the visitor has blocked. */
const BLOCK = [
  "[data-cobrowse-widget]",
  "[data-cobrowse-block]",
  "[data-cobrowse-ignore]",
  ".rr-block",
  "[data-openreplay-hidden]",
  "[data-openreplay-htmlmasked]",
  "[data-cb-mask]",
  ".cb-mask",
  ".no-upscope",
];
const MASK = [
  "[data-cobrowse-mask]",
  ".rr-mask",
  ".rr-ignore",
  "[data-openreplay-masked]",
  "[data-openreplay-obscured]",
];
const UNMASK = ["[data-cobrowse-unmask]"];

/** Types whose value is no secret, as the page shows it. */
const SHOWN = new Set(["button", "submit", "reset", "image", "checkbox", "radio"]);
/** Types that show text; the value of any other cannot hold dots and is left empty. */
const TEXTUAL = new Set(["text", "search", "tel", "url", "email", "textarea"]);
const SENSITIVE_AUTOCOMPLETE = /^(cc-|one-time-code|current-password|new-password)/;
const SENSITIVE_NAME = /passw|cvc|cvv|card.?num|iban|otp|ssn|secret/i;
const DOT = "•";

export interface PrivacyOptions {
  readonly mask?: readonly string[];
  readonly unmask?: readonly string[];
  readonly block?: readonly string[];
  readonly ignore?: readonly string[];
}

export interface Privacy {
  readonly blockSelector: string;
  readonly maskTextSelector: string;
  readonly maskInput: (text: string, element: HTMLElement) => string;
  /** Whether nothing inside of the node may be told. */
  readonly isBlocked: (node: Node) => boolean;
  /** Whether its texts are masked, and what is chosen in it is not told. */
  readonly isMasked: (node: Node) => boolean;
  /** Watch for passwords in a document: the page's own, or that of a frame in it. */
  readonly watch: (doc: Document) => void;
  /** Call when the recorder stops. */
  readonly stop: () => void;
}

/** The rules of a session. Throws TypeError naming a selector that does not parse: nothing may be recorded then. */
export function privacyOf(options: PrivacyOptions): Privacy {
  const blockSelector = `${selector("block", [...BLOCK, ...(options.block ?? [])])}${ignored(options.ignore ?? [])}`;
  const maskSelector = selector("mask", [...MASK, ...(options.mask ?? [])]);
  const unmaskSelector = selector("unmask", [...UNMASK, ...(options.unmask ?? [])]);
  const passwords = new WeakSet<Element>();
  const watched = new Set<Document>();
  const remember = (event: Event) => {
    const field = event.composedPath()[0] as HTMLInputElement | undefined;
    if (field?.localName === "input" && field.type === "password") passwords.add(field);
  };
  const moments = ["focusin", "beforeinput", "input", "pointerdown"];
  const watch = (doc: Document) => {
    if (watched.has(doc)) return;
    watched.add(doc);
    for (const moment of moments) doc.addEventListener(moment, remember, true);
    for (const field of doc.querySelectorAll("input[type=password]")) passwords.add(field);
  };
  const isMasked = (node: Node) => closest(node, maskSelector) !== null;

  const maskInput = (text: string, element: HTMLElement): string => {
    try {
      const type = element.localName === "input" ? (element as HTMLInputElement).type : element.localName;
      if (type === "password") passwords.add(element);
      if (text === "" || SHOWN.has(type)) return text;
      if (passwords.has(element) || isSensitive(element)) return DOT.repeat(8);
      const unmasked = closest(element, unmaskSelector) && !isMasked(element);
      if (unmasked && type !== "hidden" && type !== "file") return text;
      return TEXTUAL.has(type) ? DOT.repeat(text.length) : "";
    } catch {
      return ""; // a rule that fails must not show anything, nor stop the recorder
    }
  };
  const stop = () => {
    for (const doc of watched) for (const moment of moments) doc.removeEventListener(moment, remember, true);
    watched.clear();
  };
  watch(document);
  return {
    blockSelector,
    maskTextSelector: maskSelector,
    maskInput,
    isBlocked: (node) => closest(node, blockSelector) !== null,
    isMasked,
    watch,
    stop,
  };
}

/** Whether the element holds a secret that no rule may show. */
function isSensitive(element: HTMLElement): boolean {
  if (element.hasAttribute("data-rr-is-password")) return true;
  const autocomplete = element.getAttribute("autocomplete") ?? "";
  if (autocomplete.split(/\s+/).some((token) => SENSITIVE_AUTOCOMPLETE.test(token))) return true;
  return [element.getAttribute("name"), element.id].some((name) => name !== null && SENSITIVE_NAME.test(name));
}

/** What is to be left out is blocked: its box stays. */
function ignored(selectors: readonly string[]): string {
  return selectors.length > 0 ? `,${selector("ignore", selectors)}` : "";
}

function selector(option: string, selectors: readonly string[]): string {
  for (const one of selectors) {
    try {
      document.createDocumentFragment().querySelector(one);
    } catch {
      throw new TypeError(
        `cobrowse: the selector ${JSON.stringify(one)} in ${option} does not parse; nothing is shared`,
      );
    }
  }
  return selectors.join(",");
}
