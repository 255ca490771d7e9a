/**
 * An esbuild plugin: rrweb's recorder and player as we need them. Each change names what it is for. The build fails when
 * a line is not there as it is known here, so that a new version of them is looked at.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const COMPOSED = fileURLToPath(new URL("src/broadcaster/composed.ts", import.meta.url));

/**
 * Within one animation frame the recorder leaves out nodes that another of its observers has told of. When the host of
 * a shadow root moves in that frame, the content of the root is then told by nobody, and lost in the viewer. Told twice
 * it is harmless: the player knows a node that it has.
 */
const tellAll = [["    if (this.processedNodeManager.inOtherBuffer(n, this)) return;\n", ""]];

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
    `if (checkAncestors) return closest(node, maskTextSelector) !== null;
     const el = closestElementOfNode(node);
     return Boolean(el && el.matches(maskTextSelector));`,
  ),
  // Texts and attributes as well as children: their element may have been blocked after it was recorded.
  [
    "if (!isBlocked(m.target, this.blockClass, this.blockSelector, false) && value !== m.oldValue) {",
    "if (!isBlocked(m.target, this.blockClass, this.blockSelector, true) && value !== m.oldValue) {",
  ],
  [
    "if (isBlocked(m.target, this.blockClass, this.blockSelector, false) || value === m.oldValue) {",
    "if (isBlocked(m.target, this.blockClass, this.blockSelector, true) || value === m.oldValue) {",
  ],
  [
    "    if (!isNativeShadowDom(shadowRoot2)) return;\n",
    `    if (!isNativeShadowDom(shadowRoot2)) return;
    if (isBlocked(shadowRoot2, null, this.bypassOptions.blockSelector, true)) return;\n`,
  ],
  // A frame that is blocked has a document all the same.
  [
    "        if (iframeDoc && onIframeLoad) {\n",
    "        if (iframeDoc && onIframeLoad && !isBlocked(n, blockClass, blockSelector, true)) {\n",
  ],
  // Rules of style sheets, wherever they are told.
  [
    "  if (sheet.ownerNode) id = mirror2.getId(sheet.ownerNode);\n",
    "  if (sheet.ownerNode) id = isBlocked(sheet.ownerNode, null, blockedBy, true) ? -1 : mirror2.getId(sheet.ownerNode);\n",
  ],
  ["let recording = false;\n", "let recording = false;\nlet blockedBy = '';\n"],
  [
    "  registerErrorHandler(errorHandler2);\n",
    "  registerErrorHandler(errorHandler2);\n  blockedBy = blockSelector;\n",
  ],
];

/** Adopted style sheets: an empty list is told too, and a list that was changed in place is after it was asked for. */
const tellAdopted = [
  [
    "    if (sheets.length === 0) return;\n",
    `    const host = mirror.getNode(hostId);
    const known = this.adopted.get(host) || [];
    if (!host || isBlocked(host, null, blockedBy, true)) return;
    if (sheets.length === known.length && known.every((sheet, at) => sheet === sheets[at])) return;
    this.adopted.set(host, Array.from(sheets));\n`,
  ],
  [
    '    __publicField(this, "styleMirror", new StyleSheetMirror());\n',
    `    __publicField(this, "styleMirror", new StyleSheetMirror());
    this.adopted = new WeakMap();
    record.sheets = this.styleMirror;\n`,
  ],
  ["    this.styleMirror.reset();\n", "    this.styleMirror.reset();\n    this.adopted = new WeakMap();\n"],
  [
    "      var _a3;\n      return (_a3 = originalPropertyDescriptor.get) == null ? void 0 : _a3.call(this);\n",
    `      const sheets = originalPropertyDescriptor.get.call(this);
      queueMicrotask(() => stylesheetManager.adoptStyleSheets(sheets, hostId));
      return sheets;\n`,
  ],
];

/** Elements of MathML are made in their own namespace, as those of SVG are. */
const MATHML = "http://www.w3.org/1998/Math/MathML";
const tellMath = [
  [
    "    isSVG: isSVGElement(n) || void 0,\n",
    `    isSVG: isSVGElement(n) || (n.namespaceURI === "${MATHML}" ? "math" : void 0),\n`,
  ],
];
const playMath = [
  [
    '\t\t\tif (n.isSVG) node = doc.createElementNS("http://www.w3.org/2000/svg", tagName);\n',
    `\t\t\tif (n.isSVG === "math") node = doc.createElementNS("${MATHML}", tagName);
\t\t\telse if (n.isSVG) node = doc.createElementNS("http://www.w3.org/2000/svg", tagName);\n`,
  ],
];

/** What is switched off, or done by us (`fields.ts`), need not be loaded. */
const leaveOut = [
  ["  const mousemoveHandler = initMoveObserver(o);\n", "  const mousemoveHandler = () => {};\n"],
  ["  const inputHandler = initInputObserver(o);\n", "  const inputHandler = () => {};\n"],
  ["    if (o.collectFonts) {\n      fontObserver = initFontObserver(o);\n    }\n", ""],
  ["  mergeHooks(o, hooks);\n", ""],
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
  [
    '    if (this.recordCrossOriginIframes) {\n      window.addEventListener("message", this.handleMessage.bind(this));\n    }\n',
    "",
  ],
  ["    if (iframeEl.contentWindow)\n      this.crossOriginIframeMap.set(iframeEl.contentWindow, iframeEl);\n", ""],
  between(
    "    if (this.recordCrossOriginIframes)\n      (_a2 = iframeEl.contentWindow)",
    "    (_b = this.loadListener)",
  ),
  between("  handleMessage(message) {\n", "class ShadowDomManager {\n", "}\n"),
  body("function hasShadowRoot(n) {", "return Boolean(n && index.shadowRoot(n));"),
  body("function polyfill(win = window) {", ""),
  between("let _mirror = {\n", "function throttle(func"),
];

/** `[from, to]`, where what stands between the braces of a function at the top level is replaced. */
function body(opening, code) {
  return { from: `\n${opening}\n`, upTo: "\n}\n", to: `\n${opening}\n${code}` };
}

/** What stands from `from` up to and without `upTo` is replaced. */
function between(from, upTo, to = "") {
  return { from, upTo, to };
}

function changed(source, change) {
  const { from, upTo, to } = Array.isArray(change) ? { from: change[0], upTo: "", to: change[1] } : change;
  const start = source.indexOf(from);
  if (start < 0 || source.indexOf(from, start + 1) >= 0) throw new Error(`not once: ${JSON.stringify(from)}`);
  const end = source.indexOf(upTo, start + from.length);
  if (end < 0) throw new Error(`not after ${JSON.stringify(from)}: ${JSON.stringify(upTo)}`);
  return source.slice(0, start) + to + source.slice(end);
}

/** The source of a file with the changes made. */
function changedFile(path, changes) {
  let source = readFileSync(path, "utf8");
  try {
    for (const change of changes) source = changed(source, change);
  } catch (error) {
    throw new Error(`${path} is not as ${import.meta.url} knows it: ${error.message}`);
  }
  return source;
}

export const rrweb = {
  name: "rrweb",
  setup(build) {
    build.onLoad({ filter: /@rrweb[\\/]record[\\/]dist[\\/]record\.js$/ }, ({ path }) => {
      const source = changedFile(path, [...tellAll, ...hideWithin, ...tellAdopted, ...tellMath, ...leaveOut]);
      return { contents: `import { closest } from ${JSON.stringify(COMPOSED)};\n${source}`, loader: "js" };
    });
    build.onLoad({ filter: /[\\/]rrweb[\\/]dist[\\/]rrweb\.js$/ }, ({ path }) => ({
      contents: changedFile(path, playMath),
      loader: "js",
    }));
  },
};
