/** What the recorder may see: what is typed is masked by default, passwords and the like always. */

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
  /** Call when the recorder stops. */
  readonly stop: () => void;
}

/** The rules of a session. Throws TypeError naming a selector that does not parse: nothing may be recorded then. */
export function privacyOf(options: PrivacyOptions): Privacy {
  const blockSelector = `${selector("block", [...BLOCK, ...(options.block ?? [])])}${ignored(options.ignore ?? [])}`;
  const maskSelector = selector("mask", [...MASK, ...(options.mask ?? [])]);
  const unmaskSelector = selector("unmask", [...UNMASK, ...(options.unmask ?? [])]);
  const passwords = new WeakSet<Element>();
  const remember = (event: Event) => {
    const [target] = event.composedPath();
    if (target instanceof HTMLInputElement && target.type === "password") passwords.add(target);
  };
  const moments = ["focusin", "beforeinput", "input", "pointerdown"];
  for (const moment of moments) document.addEventListener(moment, remember, true);
  for (const field of document.querySelectorAll("input[type=password]")) passwords.add(field);

  const maskInput = (text: string, element: HTMLElement): string => {
    try {
      const type = element instanceof HTMLInputElement ? element.type : element.localName;
      if (type === "password") passwords.add(element);
      if (text === "" || SHOWN.has(type)) return text;
      if (passwords.has(element) || isSensitive(element)) return DOT.repeat(8);
      const unmasked = element.closest(unmaskSelector) && !element.closest(maskSelector);
      if (unmasked && type !== "hidden" && type !== "file") return text;
      return TEXTUAL.has(type) ? DOT.repeat(text.length) : "";
    } catch {
      return ""; // a rule that fails must not show anything, nor stop the recorder
    }
  };
  const stop = () => {
    for (const moment of moments) document.removeEventListener(moment, remember, true);
  };
  return { blockSelector, maskTextSelector: maskSelector, maskInput, stop };
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
