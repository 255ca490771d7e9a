/**
 * An esbuild plugin: rrweb's recorder and player as we need them. Each change names what it is for.
 */
import { fileURLToPath } from "node:url";
import { between, body, patched, swap } from "./patch.mjs";

const COMPOSED = fileURLToPath(new URL("src/broadcaster/composed.ts", import.meta.url));

/**
 * Within one animation frame the recorder leaves out nodes that another of its observers has told of. When the host of
 * a shadow root moves in that frame, the content of the root is then told by nobody, and lost in the viewer. Told twice
 * it is harmless: the player knows a node that it has.
 */
const tellAll = [swap("    if (this.processedNodeManager.inOtherBuffer(n, this)) return;\n", "")];

/**
 * What is around an element is asked for in its own tree only: what is blocked or masked would go on being told from
 * within a shadow root or a frame inside of it.
 */
const hideWithin = [
  body(
    "function isBlocked(node, blockClass, blockSelector, checkAncestors) {",
    `const el = node && closestElementOfNode(node);
     return checkAncestors ? closest(node, blockSelector) !== null : Boolean(el && el.matches(blockSelector));`,
  ),
  body(
    "function needMaskingText(node, maskTextClass, maskTextSelector, checkAncestors) {",
    `if (maskTextSelector.covers) return maskTextSelector.covers(node);
     if (checkAncestors) return closest(node, maskTextSelector) !== null;
     const el = closestElementOfNode(node);
     return Boolean(el && el.matches(maskTextSelector));`,
  ),
  // Where everything is masked that is not unmasked, what is within is asked of each (`Coverage` in privacy.ts).
  swap(
    "  if (!needsMask) {\n    const checkAncestors = needsMask === void 0;\n",
    "  if (!needsMask || maskTextSelector.covers) {\n    const checkAncestors = needsMask === void 0;\n",
  ),
  // Texts and attributes as well as children: their element may have been blocked after it was recorded.
  swap(
    "if (!isBlocked(m.target, this.blockClass, this.blockSelector, false) && value !== m.oldValue) {",
    "if (!isBlocked(m.target, this.blockClass, this.blockSelector, true) && value !== m.oldValue) {",
  ),
  swap(
    "if (isBlocked(m.target, this.blockClass, this.blockSelector, false) || value === m.oldValue) {",
    "if (isBlocked(m.target, this.blockClass, this.blockSelector, true) || value === m.oldValue) {",
  ),
  swap(
    "    if (!isNativeShadowDom(shadowRoot2)) return;\n",
    `    if (!isNativeShadowDom(shadowRoot2)) return;
    if (isBlocked(shadowRoot2, null, this.bypassOptions.blockSelector, true)) return;\n`,
  ),
  // A frame that is blocked has a document all the same.
  swap(
    "        if (iframeDoc && onIframeLoad) {\n",
    "        if (iframeDoc && onIframeLoad && !isBlocked(n, blockClass, blockSelector, true)) {\n",
  ),
  // Rules of style sheets, wherever they are told.
  swap(
    "  if (sheet.ownerNode) id = mirror2.getId(sheet.ownerNode);\n",
    "  if (sheet.ownerNode) id = isBlocked(sheet.ownerNode, null, blockedBy, true) ? -1 : mirror2.getId(sheet.ownerNode);\n",
  ),
  swap("let recording = false;\n", "let recording = false;\nlet blockedBy = '';\n"),
  swap(
    "  registerErrorHandler(errorHandler2);\n",
    "  registerErrorHandler(errorHandler2);\n  blockedBy = blockSelector;\n",
  ),
];

/** Adopted style sheets: an empty list is told too, and a list that was changed in place is after it was asked for. */
const tellAdopted = [
  swap(
    "    if (sheets.length === 0) return;\n",
    `    const host = mirror.getNode(hostId);
    const known = this.adopted.get(host) || [];
    if (!host || isBlocked(host, null, blockedBy, true)) return;
    if (sheets.length === known.length && known.every((sheet, at) => sheet === sheets[at])) return;
    this.adopted.set(host, Array.from(sheets));\n`,
  ),
  swap(
    '    __publicField(this, "styleMirror", new StyleSheetMirror());\n',
    `    __publicField(this, "styleMirror", new StyleSheetMirror());
    this.adopted = new WeakMap();
    record.sheets = this.styleMirror;\n`,
  ),
  swap("    this.styleMirror.reset();\n", "    this.styleMirror.reset();\n    this.adopted = new WeakMap();\n"),
  swap(
    "      var _a3;\n      return (_a3 = originalPropertyDescriptor.get) == null ? void 0 : _a3.call(this);\n",
    `      const sheets = originalPropertyDescriptor.get.call(this);
      queueMicrotask(() => stylesheetManager.adoptStyleSheets(sheets, hostId));
      return sheets;\n`,
  ),
];

/** Elements of MathML are made in their own namespace, as those of SVG are. */
const MATHML = "http://www.w3.org/1998/Math/MathML";
const tellMath = [
  swap(
    "    isSVG: isSVGElement(n) || void 0,\n",
    `    isSVG: isSVGElement(n) || (n.namespaceURI === "${MATHML}" ? "math" : void 0),\n`,
  ),
];
const playMath = [
  swap(
    '\t\t\tif (n.isSVG) node = doc.createElementNS("http://www.w3.org/2000/svg", tagName);\n',
    `\t\t\tif (n.isSVG === "math") node = doc.createElementNS("${MATHML}", tagName);
\t\t\telse if (n.isSVG) node = doc.createElementNS("http://www.w3.org/2000/svg", tagName);\n`,
  ),
];

/**
 * The viewer's policy asks for trusted types where markup is written, and the replay's window has its own. The only
 * markup that the player writes are these two, by which a document gets its mode.
 */
const playTrusted = [
  swap(
    'http://www.w3.org/1999/xhtml") doc.write("<!DOCTYPE html PUBLIC \\"-//W3C//DTD XHTML 1.0 Transitional//EN\\" \\"\\">");',
    'http://www.w3.org/1999/xhtml") doc.write(trusted(doc, "<!DOCTYPE html PUBLIC \\"-//W3C//DTD XHTML 1.0 Transitional//EN\\" \\"\\">"));',
  ),
  swap(
    'else doc.write("<!DOCTYPE html PUBLIC \\"-//W3C//DTD HTML 4.0 Transitional//EN\\" \\"\\">");',
    'else doc.write(trusted(doc, "<!DOCTYPE html PUBLIC \\"-//W3C//DTD HTML 4.0 Transitional//EN\\" \\"\\">"));',
  ),
  swap(
    "function buildNodeWithSN(n, options) {\n",
    `const policies = new WeakMap();
function trusted(doc, markup) {
	const { trustedTypes } = doc.defaultView;
	if (!trustedTypes) return markup;
	if (!policies.has(trustedTypes))
		policies.set(trustedTypes, trustedTypes.createPolicy("cobrowse", { createHTML: (text) => text }));
	return policies.get(trustedTypes).createHTML(markup);
}
function buildNodeWithSN(n, options) {\n`,
  ),
];

/**
 * Who sends the page may be hostile, or mistaken. What does not fit is left out alone, not with all that came with it, and
 * is told of; what waits for a node that does not come is given up at once, not after half a second in a loop.
 */
const playWhatFits = [
  swap(
    "\t\td.removes = d.removes.filter((mutation) => {\n\t\t\tif (!mirror",
    `\t\tconst each = (items, apply) => items.forEach((item) => {
			try { apply(item); } catch (error) { this.config.onmisfit?.(error); }
		});
		d.removes = d.removes.filter((mutation) => {\n\t\t\tif (!mirror`,
  ),
  swap("\t\td.removes.forEach((mutation) => {\n", "\t\teach(d.removes, (mutation) => {\n"),
  swap("\t\td.adds.forEach((mutation) => {\n", "\t\teach(d.adds, (mutation) => {\n"),
  swap(
    "\t\tuniqueTextMutations(d.texts).forEach((mutation) => {\n",
    "\t\teach(uniqueTextMutations(d.texts), (mutation) => {\n",
  ),
  swap("\t\td.attributes.forEach((mutation) => {\n", "\t\teach(d.attributes, (mutation) => {\n"),
  swap(
    "\t\tconst startTime = Date.now();\n\t\twhile (legacy_queue.length) {\n",
    `\t\tconst startTime = Date.now();
		let waited = Infinity;
		while (legacy_queue.length) {
			if (legacy_queue.length >= waited) {
				this.config.onmisfit?.();
				break;
			}
			waited = legacy_queue.length;\n`,
  ),
  swap(
    "\t\t\t\t\tthis.warn(`Exception in mutation",
    "\t\t\t\t\tthis.config.onmisfit?.(error);\n\t\t\t\t\tthis.warn(`Exception in mutation",
  ),
];

/** What a <meta> may be called whose content shows that one owns the page, or acts for its visitor. */
const SECRET_META =
  /^(google-site-verification|yandex-verification|csrf-token|p:domain_verify|verify-v1|verification|shopify-checkout-api-token)$/i;

/** The visitor's scrolling is told as it goes: where the page scrolls smoothly, the player must not do it once more. */
const playScrollAtOnce = [
  between(
    "\tapplyScroll(d, isSync) {\n",
    "\tapplyInput(d) {\n",
    `\tapplyScroll(d) {
      const target = this.mirror.getNode(d.id);
      if (!target) return this.debugNodeNotFound(d, d.id);
      const scrolled = target.nodeType === 9 ? target.defaultView : target;
      scrolled?.scrollTo?.({ top: d.y, left: d.x, behavior: "instant" });
    }\n`,
  ),
  swap(
    "\t\t\t\t\tthis.iframe.contentWindow?.scrollTo(event.data.initialOffset);\n",
    '\t\t\t\t\tthis.iframe.contentWindow?.scrollTo({ ...event.data.initialOffset, behavior: "instant" });\n',
  ),
  swap(
    '\t\tif (name === "rr_scrollLeft") el.scrollLeft = value;\n',
    '\t\tif (name === "rr_scrollLeft") el.scrollTo({ left: value, behavior: "instant" });\n',
  ),
  swap(
    '\t\tif (name === "rr_scrollTop") el.scrollTop = value;\n',
    '\t\tif (name === "rr_scrollTop") el.scrollTo({ top: value, behavior: "instant" });\n',
  ),
];

/**
 * Only these elements are left out of a recording, not scripts and comments (`mend.ts` empties them): where others are left
 * out, the recorder loses children of shadow roots that stand beside them.
 */
const slimDown = [
  body(
    "function slimDOMExcluded(sn, slimDOMOptions) {",
    `return sn.tagName === "meta" && (sn.attributes["http-equiv"] !== void 0 || SECRET_META.test(sn.attributes.name));`,
  ),
  swap("const IGNORED_NODE = -2;\n", `const IGNORED_NODE = -2;\nconst SECRET_META = ${SECRET_META};\n`),
  body("function slimDOMDefaults(_slimDOMOptions) {", "return _slimDOMOptions || {};"),
];

/** An attribute that is set counts as an inline style, which a strict policy of the page refuses and reports; this does not. */
const styleQuietly = [
  swap('                old.setAttribute("style", m.oldValue);\n', "                old.style.cssText = m.oldValue;\n"),
];

/** What is switched off, or done by us (`fields.ts`), need not be loaded. */
const leaveOut = [
  swap("  const mousemoveHandler = initMoveObserver(o);\n", "  const mousemoveHandler = () => {};\n"),
  swap("  const inputHandler = initInputObserver(o);\n", "  const inputHandler = () => {};\n"),
  swap("    if (o.collectFonts) {\n      fontObserver = initFontObserver(o);\n    }\n", ""),
  swap("  mergeHooks(o, hooks);\n", ""),
  between("  for (const plugin of o.plugins) {\n", "  return callbackWrapper(() => {\n    mutationBuffers.forEach"),
  between("          plugins: ((_a2 = plugins", "        },\n        hooks\n"),
  between("  for (const plugin of plugins || []) {\n    if (plugin.getMirror)", "  const processedNodeManager ="),
  between("    for (const plugin of plugins || []) {\n      if (plugin.eventProcessor) {", "    if (packFn && "),
  between(
    "  canvasManager = new CanvasManager({\n",
    "  const shadowDomManager = new",
    "  const nothing = () => {};\n  canvasManager = { reset: nothing, freeze: nothing, unfreeze: nothing, lock: nothing, unlock: nothing };\n",
  ),
  between('  if (tagName === "canvas" && recordCanvas) {\n', '  if (["audio", "video"].includes(tagName)) {\n'),
  between("const jsContent = '(function() {", "function WorkerWrapper(options) {\n"),
  between("function WorkerWrapper(options) {\n", "class CanvasManager {\n"),
  between(
    '    __publicField(this, "crossOriginIframeMap", ',
    '    __publicField(this, "mirror");\n    __publicField(this, "mutationCb");\n    __publicField(this, "wrappedEmit");',
  ),
  between(
    "    this.crossOriginIframeStyleMirror = new",
    "    this.mirror = options.mirror;\n    if (this.recordCrossOriginIframes)",
  ),
  swap(
    '    if (this.recordCrossOriginIframes) {\n      window.addEventListener("message", this.handleMessage.bind(this));\n    }\n',
    "",
  ),
  swap("    if (iframeEl.contentWindow)\n      this.crossOriginIframeMap.set(iframeEl.contentWindow, iframeEl);\n", ""),
  between(
    "    if (this.recordCrossOriginIframes)\n      (_a2 = iframeEl.contentWindow)",
    "    (_b = this.loadListener)",
  ),
  between("  handleMessage(message) {\n", "class ShadowDomManager {\n", "}\n"),
  body("function hasShadowRoot(n) {", "return Boolean(n && index.shadowRoot(n));"),
  body("function polyfill(win = window) {", ""),
  between("let _mirror = {\n", "function throttle(func"),
];

export const rrweb = {
  name: "rrweb",
  setup(build) {
    build.onLoad({ filter: /@rrweb[\\/]record[\\/]dist[\\/]record\.js$/ }, ({ path }) => {
      const patches = [tellAll, hideWithin, tellAdopted, tellMath, slimDown, styleQuietly, leaveOut];
      const source = patched(path, patches.flat());
      return { contents: `import { closest } from ${JSON.stringify(COMPOSED)};\n${source}`, loader: "js" };
    });
    build.onLoad({ filter: /[\\/]rrweb[\\/]dist[\\/]rrweb\.js$/ }, ({ path }) => ({
      contents: patched(path, [...playMath, ...playScrollAtOnce, ...playTrusted, ...playWhatFits]),
      loader: "js",
    }));
  },
};
