// The oracle of the mirror tests: a canonical value of a document, equal on both sides when the mirror is right.
//
// canonical(doc, side)   side is "broadcaster" (the real page) or "viewer" (the replayed document); the value is
//                        plain JSON, so it can be compared, hashed, or handed to firstDifference.
// canonical(doc, side, true)   the same where the other side is another browser engine. Styles are written down in other
//                        ways there: of the broadcaster's it gives the text, for readHere() in the viewer's engine.
//                        Sheets with var() are left out, as they may be told by their original text, of which each
//                        engine knows other parts; and so is what each engine draws in its own way.
// firstDifference(a, b)  null when equal, else one line: where, and both values.
// animationsEnded(doc)   true when no animation or transition is about to end, in the document or its frames.
//
// A plain script without imports: evaluated in a page by the tests. What is left out here is what the recorder
// leaves out by design; everything else has to be equal.

/**
 * The product's masking rule: what a viewer may see of the value of a form control.
 * Change it here, and only here, when the rule changes.
 */
function maskedValue(control) {
  const value = control.value;
  if (control.localName === "textarea") {
    return "\u2022".repeat(value.length);
  }
  const type = control.type;
  // The mark is set by the recorder when a password is toggled to text: it stays a password.
  if (type === "password" || control.hasAttribute("data-rr-is-password") || isSensitive(control)) {
    return value ? "\u2022".repeat(8) : "";
  }
  if (["text", "search", "url", "tel", "email"].includes(type)) {
    return "\u2022".repeat(value.length);
  }
  return ["submit", "reset", "button", "image"].includes(type) ? value : "";
}

/** Fields that no rule may show, by what they say of themselves. */
function isSensitive(control) {
  if (["checkbox", "radio", "submit", "reset", "button", "image"].includes(control.type)) return false;
  const tokens = (control.getAttribute("autocomplete") || "").split(/\s+/);
  if (tokens.some((token) => /^(cc-|one-time-code|current-password|new-password)/.test(token))) return true;
  return /passw|cvc|cvv|card.?num|iban|otp|ssn|secret/i.test(`${control.getAttribute("name") || ""} ${control.id}`);
}

/** Addresses are compared absolute and without query and fragment: the query is stripped for privacy. */
function canonicalUrl(value, base) {
  let url;
  try {
    url = new URL(value.trim(), base);
  } catch {
    return value;
  }
  if (url.protocol === "javascript:") return null;
  if (url.protocol === "blob:") return "blob:";
  if (url.protocol === "data:") return url.href;
  return url.href.split(/[?#]/)[0];
}

const NEVER_COMPARED = new Set([
  // Changed by the player or by the recorder on purpose; none of them can be seen.
  "autocomplete",
  "autofocus",
  "autoplay",
  "crossorigin",
  "csp-content",
  "data-rr-is-password",
  "integrity",
  "nonce",
  "_csstext",
]);
// Of addresses that nobody sees, and of values that are for the server, nothing is told.
const NEVER_TOLD = new Set("action formaction ping cite download profile manifest longdesc http-equiv".split(" "));
const SHOWN_VALUES = new Set(["li", "progress", "meter"]);
const SKIPPED_TAGS = new Set(["script", "noscript", "meta", "base", "rrweb-mark"]);
const COMPUTED = ["display", "color", "background-color", "font-size"];
const COMPUTED_SAMPLE = 1500;
// Each browser engine has colours and sizes of its own for these.
const DRAWN_BY_THE_ENGINE = new Set("button input meter optgroup option progress select textarea".split(" "));

function canonical(doc, side, foreign = false) {
  const viewer = side === "viewer";
  const asText = foreign && !viewer;
  // The viewer's document has no address of its own; what arrives there is absolute already.
  const base = viewer ? undefined : doc.baseURI;
  const sampled = [];
  const root = doc.documentElement;
  const result = {
    mode: doc.compatMode,
    scroll: scrollOf(doc.scrollingElement || root),
    adopted: adopted(doc),
    root: root ? element(root) : null,
  };
  // Last, so that a lost node is reported as a lost node and not as a shift of this list.
  const stride = Math.ceil(sampled.length / COMPUTED_SAMPLE) || 1;
  result.computed = sampled.filter((_, index) => index % stride === 0).map(computed);
  return result;

  function element(el) {
    const tag = el.localName.toLowerCase();
    const node = { tag };
    const className = classes(el);
    if (!viewer && el.matches("[data-cobrowse-block], .rr-block")) {
      return placeholder(tag, className);
    }
    if (isPlaceholder(el)) {
      return placeholder(tag, className);
    }
    if (isSheet(el, tag)) {
      // <link> arrives as <style>, so only media and rules are told.
      node.tag = "stylesheet";
      if (el.media) node.media = el.media;
      if (el.disabled || el.sheet?.disabled) {
        // Switched off, a <link> has no sheet any more, and what arrived of it still has.
        node.disabled = true;
        return node;
      }
      node.rules = el.sheet ? rulesOf(el.sheet) : [];
      return node;
    }
    node.attributes = attributes(el, tag, className);
    if (tag === "input" || tag === "textarea") {
      const isCheckable = el.type === "checkbox" || el.type === "radio";
      // What the server gets of a box that is checked cannot be seen.
      node.value = isCheckable ? "on" : viewer ? el.value : settled(el, maskedValue(el));
      if (isMarked(el) && tag === "input") node.value = node.value.replace(/\S/g, "*");
      if (isCheckable) node.checked = el.checked && !isMasked(el);
    }
    if (tag === "select") {
      node.selected = Array.from(el.options).flatMap((option, index) =>
        option.selected && !isMasked(el) ? [`${index}:${option.text}`] : [],
      );
    }
    if (el.hasAttribute("popover")) node.popover = el.matches(":popover-open") ? "open" : "closed";
    if (tag === "dialog") {
      node.dialog = el.open ? (el.matches(":modal") ? "modal" : "open") : "closed";
    }
    const isRoot = el === doc.documentElement || el === doc.body;
    if (!isRoot && !["input", "textarea", "select", "option"].includes(tag)) {
      const scroll = scrollOf(el);
      if (scroll) node.scroll = scroll;
    }
    if (el.shadowRoot) {
      node.shadow = { adopted: adopted(el.shadowRoot), children: children(el.shadowRoot) };
    }
    if (tag === "iframe" || tag === "frame") {
      node.frame = frame(el);
    } else if (tag !== "textarea" && tag !== "template") {
      node.children = children(el);
    }
    // An option that is chosen looks so, and is not chosen on the other side.
    const looksAlike = (tag !== "option" || !isMarked(el)) && !(foreign && isOfTheEngine(el, tag));
    if (looksAlike && (doc.body?.contains(el) || el.getRootNode() !== doc)) sampled.push(el);
    return node;
  }

  function children(parent) {
    const list = [];
    const blank = parent === doc.head || parent === doc.documentElement;
    for (const child of parent.childNodes) {
      if (child.nodeType === 3 || child.nodeType === 4) {
        const text = isMasked(child) ? child.data.replace(/\S/g, "*") : child.data;
        if (blank && !text.trim()) continue;
        // Comments and scripts are left out, which may or may not join the texts around them.
        if (typeof list.at(-1) === "string") list[list.length - 1] += text;
        else if (text) list.push(text);
      } else if (child.nodeType === 1 && !isSkipped(child, parent)) {
        list.push(element(child));
      }
    }
    return list;
  }

  // The mark arrives with the page; only the visitor's side has something to hide.
  function isMasked(node) {
    return !viewer && isMarked(node);
  }

  function isMarked(node) {
    for (let at = node; at; at = at.parentNode ?? at.host ?? at.defaultView?.frameElement) {
      if (at.nodeType === 1 && at.matches("[data-cobrowse-mask], .rr-mask")) return true;
    }
    return false;
  }

  function isSkipped(el, parent) {
    const tag = el.localName.toLowerCase();
    if (SKIPPED_TAGS.has(tag) || el.hasAttribute("data-cobrowse-widget")) return true;
    // Icons, preloads and the like: not part of what is seen.
    if (tag === "link" && !isSheet(el, tag)) return true;
    if (!viewer) return false;
    // A blocked widget arrives without its mark; it is known by its name.
    if (isPlaceholder(el) && /(^|\s)cobrowse/.test(`${tag} ${el.getAttribute("class") || ""}`)) return true;
    // The player puts one sheet of its own before <head>.
    return tag === "style" && parent === doc.documentElement && el.nextElementSibling === doc.head;
  }

  function isSheet(el, tag) {
    return tag === "style" || (tag === "link" && /(^|\s)stylesheet(\s|$)/i.test(el.rel || ""));
  }

  // A blocked element arrives empty, with its class and with its size as style. The viewer cannot tell it from
  // an element which is like that by itself, so both sides treat such elements alike.
  function isPlaceholder(el) {
    return (
      !el.firstChild &&
      !el.shadowRoot?.hasChildNodes() &&
      el.hasAttribute("style") &&
      Array.from(el.attributes).every(({ name }) => name === "class" || name === "style") &&
      /^width: [\d.]+px; height: [\d.]+px;$/.test(el.style.cssText)
    );
  }

  function placeholder(tag, className) {
    return { tag, attributes: className ? { class: className } : {}, placeholder: true };
  }

  function classes(el) {
    return (el.getAttribute("class") || "")
      .split(/\s+/)
      .filter((name) => name && !(viewer && (name === ":hover" || name === "rrweb-paused")))
      .join(" ");
  }

  function attributes(el, tag, className) {
    const found = {};
    if (className) found.class = className;
    const control = ["input", "textarea", "select"].includes(tag);
    for (const { name, value } of Array.from(el.attributes)) {
      const lower = name.toLowerCase();
      if (lower === "class" || lower.startsWith("rr_") || /^_?on/.test(lower)) continue;
      if (NEVER_COMPARED.has(lower)) continue;
      // State, not markup, is what is shown: it is compared as value, checked and selected.
      if (control && (lower === "value" || lower === "checked")) continue;
      if (tag === "option" && lower === "selected") continue;
      if (NEVER_TOLD.has(lower) || (tag === "object" && lower === "data")) continue;
      if (lower === "value" && !SHOWN_VALUES.has(tag)) continue;
      if (tag === "iframe" && ["src", "srcdoc", "sandbox", "allow", "loading"].includes(lower)) continue;
      if (lower === "style") {
        // Pixels of a canvas are no DOM: a product may show them as its background.
        const written = () => (asText ? urls(el.style.cssText, base) : declarations(el.style, base));
        const style = tag === "canvas" ? "" : written();
        if (style) found.style = style;
        continue;
      }
      const text = isMarked(el) ? starred(lower, value) : attribute(el, lower, value);
      if (text !== null) found[lower] = text;
    }
    return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  // In masked parts the words of attributes are starred, and addresses are what they may be; what is told of the page
  // there is another test's matter.
  function starred(name, value) {
    return ["id", "name"].includes(name) || !/href|src|data-|background/.test(name) ? value.replace(/\S/g, "*") : null;
  }

  function attribute(el, name, value) {
    if (name === "href" && ["a", "area"].includes(el.localName)) {
      const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(value)?.[1].toLowerCase() ?? "http";
      if (!["http", "https"].includes(scheme)) return scheme === "javascript" ? "#" : `${scheme}:`;
    }
    if (["src", "href", "xlink:href", "background"].includes(name)) {
      if (el.namespaceURI === "http://www.w3.org/2000/svg" && value.startsWith("#")) return value;
      return value === "" ? "" : canonicalUrl(value, base);
    }
    if (name === "srcset") {
      return value
        .split(/,\s+/)
        .map((candidate) => {
          const [url, ...size] = candidate.trim().split(/\s+/);
          return [canonicalUrl(url, base), ...size].join(" ");
        })
        .join(", ");
    }
    // Never made absolute by the recorder.
    if (name === "poster") return value.split(/[?#]/)[0];
    return value;
  }

  // An empty value may not stay empty: a range or a colour always has one.
  function settled(el, value) {
    if (value || el.localName !== "input" || !["range", "color"].includes(el.type)) return value;
    // Attributes only: the recorder watches the value setter, and a test must not write to the stream.
    const blank = el.ownerDocument.createElement("input");
    for (const name of ["type", "min", "max", "step"]) {
      if (el.hasAttribute(name)) blank.setAttribute(name, el.getAttribute(name));
    }
    return blank.value;
  }

  function scrollOf(el) {
    if (!el) return null;
    const x = Math.round(el.scrollLeft);
    const y = Math.round(el.scrollTop);
    return x || y ? [x, y] : null;
  }

  function frame(el) {
    let inner = null;
    try {
      inner = el.contentDocument;
    } catch {
      // Another origin: nothing of it is mirrored.
    }
    // Of a frame of another origin nothing is told, which looks as if it were empty.
    const isBlank = !inner?.body?.childNodes.length && !inner?.head?.childNodes.length;
    return isBlank ? "blank" : canonical(inner, side, foreign);
  }

  function adopted(scope) {
    return Array.from(scope.adoptedStyleSheets || [], rulesOf);
  }

  // The rules as they come back from their own text. The recorder sends cssText, and what Chromium loses in it
  // no mirror can show: "transition: opacity 0s 1s" is told as "opacity 1s", and a border shorthand with var()
  // is told as nothing once a longhand follows it.
  function rulesOf(sheet) {
    const text = sheetText(sheet);
    if (text === null) return ["unreadable"];
    if (foreign && text.includes("var(")) return ["with var()"];
    if (asText) return [text];
    const copy = new CSSStyleSheet();
    copy.replaceSync(text);
    return Array.from(copy.cssRules).flatMap(ruleTexts);
  }

  function sheetText(sheet) {
    // Adopted sheets have no address and no owner; what they say is relative to the document.
    const href = viewer ? undefined : sheet.href || doc.baseURI;
    let rules;
    try {
      rules = Array.from(sheet.cssRules);
    } catch {
      return null;
    }
    // Imports arrive inlined.
    return rules
      .map((rule) =>
        "styleSheet" in rule ? rule.styleSheet && sheetText(rule.styleSheet) : urls(rule.cssText, href),
      )
      .filter(Boolean)
      .join("\n");
  }

  function ruleTexts(rule) {
    const nested = rule.cssRules ? Array.from(rule.cssRules).flatMap(ruleTexts) : [];
    if (rule.selectorText !== undefined) {
      return [`${selectors(rule.selectorText)} { ${[declarations(rule.style), ...nested].join(" ")} }`];
    }
    if (rule.cssRules) {
      const prelude = rule.cssText.slice(0, rule.cssText.indexOf("{"));
      // The player treats device sizes as sizes of its frame.
      return [`${prelude.trim().replace(/-device-(width|height)/g, "-$1")} { ${nested.join(" ")} }`];
    }
    return [rule.cssText];
  }

  // The player adds a class selector next to each :hover.
  function selectors(text) {
    if (!viewer || !text.includes(".\\:hover")) return text;
    const parts = [];
    let depth = 0;
    let part = "";
    for (const char of text) {
      if (char === "(" || char === "[") depth += 1;
      if (char === ")" || char === "]") depth -= 1;
      if (char === "," && depth === 0) {
        parts.push(part.trim());
        part = "";
      } else {
        part += char;
      }
    }
    parts.push(part.trim());
    return parts.filter((selector) => !selector.includes(".\\:hover")).join(", ");
  }

  // Order tells how a style was written, not what it says: longhands, sorted.
  function declarations(style, href) {
    const list = Array.from(style, (name) => {
      const priority = style.getPropertyPriority(name) ? " !important" : "";
      return `${name}: ${urls(style.getPropertyValue(name), href)}${priority};`;
    });
    // A shorthand with var() has no longhands yet: tell its text.
    const pending = style.cssText.includes("var(")
      ? style.cssText.split(/;\s*/).filter((part) => part.includes("var("))
      : [];
    return [...list, ...pending.map((part) => `${urls(part, href)};`)].sort().join(" ");
  }

  function urls(text, href) {
    return text.replace(/url\((?:"([^"]*)"|'([^']*)'|([^)]*))\)/g, (_whole, double, single, bare) => {
      const url = double ?? single ?? bare;
      return url.startsWith("#") ? `url("${url}")` : `url("${canonicalUrl(url, href)}")`;
    });
  }

  function isOfTheEngine(el, tag) {
    return DRAWN_BY_THE_ENGINE.has(tag) || el.namespaceURI !== "http://www.w3.org/1999/xhtml";
  }

  function computed(el) {
    const id = el.id ? `#${el.id}` : "";
    if (!el.checkVisibility()) return `${el.localName.toLowerCase()}${id} not shown`;
    const style = doc.defaultView.getComputedStyle(el);
    // A length is a multiple of 1/60 in one engine, and of 1/64 in another.
    const whole = (value) => (foreign ? value.replace(/^([\d.]+)px$/, (_all, px) => `${Math.round(px)}px`) : value);
    const values = COMPUTED.map((name) => `${name}: ${whole(style.getPropertyValue(name))}`);
    return `${el.localName.toLowerCase()}${id} ${values.join("; ")}`;
  }
}

/** What canonical(…, "broadcaster", true) told in another engine, changed in place: its styles as this one reads them. */
function readHere(value) {
  const rules = (text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    const doc = { adoptedStyleSheets: [sheet], baseURI: document.baseURI };
    return canonical(doc, "broadcaster").adopted[0];
  };
  const lists = (sheets) => sheets.map(([text]) => (/^(unreadable|with var\(\))$/.test(text) ? [text] : rules(text)));
  const inside = (node) => {
    if (node.adopted) node.adopted = lists(node.adopted);
    if (node.rules?.length) [node.rules] = lists([node.rules]);
    if (node.attributes?.style) node.attributes.style = rules(`x { ${node.attributes.style} }`)[0].slice(4, -2);
    for (const inner of [node.root, node.shadow, node.frame, ...(node.children ?? [])]) {
      if (inner && typeof inner === "object") inside(inner);
    }
  };
  inside(value);
  return value;
}

function firstDifference(a, b, path = "document") {
  if (Object.is(a, b)) return null;
  const plain = (value) => typeof value === "object" && value !== null;
  if (!plain(a) || !plain(b) || Array.isArray(a) !== Array.isArray(b)) {
    return `${path}: ${brief(a)} != ${brief(b)}`;
  }
  if (Array.isArray(a)) {
    for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
      const found = firstDifference(a[index], b[index], step(path, a[index], index));
      if (found) return found;
    }
    if (a.length === b.length) return null;
    const index = Math.min(a.length, b.length);
    return `${path}[${index}] of ${a.length} and ${b.length}: ${brief(a[index])} != ${brief(b[index])}`;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const hidden = ["children", "root"].includes(key);
    const found = firstDifference(a[key], b[key], hidden ? path : `${path}.${key}`);
    if (found) return found;
  }
  return null;

  function step(before, value, index) {
    if (!plain(value) || !value.tag) return `${before}[${index}]`;
    const id = value.attributes?.id ? `#${value.attributes.id}` : "";
    return `${before} > ${value.tag}${id}[${index}]`;
  }

  function brief(value) {
    const text = value === undefined ? "nothing" : JSON.stringify(value);
    return text.length > 240 ? `${text.slice(0, 240)}…` : text;
  }
}

function sameOriginFrames(doc) {
  return Array.from(doc.querySelectorAll("iframe")).flatMap((el) => {
    try {
      return el.contentDocument ? [el.contentDocument] : [];
    } catch {
      return [];
    }
  });
}

function animationsEnded(doc) {
  const running = doc.getAnimations().filter((animation) => {
    const timing = animation.effect?.getComputedTiming();
    // A spinner never ends, or not soon; it must not change what is compared.
    const left = Number(timing?.endTime) - Number(animation.currentTime);
    return animation.playState === "running" && left < 10_000;
  });
  return running.length === 0 && sameOriginFrames(doc).every(animationsEnded);
}

// However the script is evaluated, these are globals.
Object.assign(globalThis, { canonical, readHere, firstDifference, animationsEnded });
