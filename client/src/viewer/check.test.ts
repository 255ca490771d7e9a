/** Every event before the player sees it: what a good page shows passes as it is, and what could harm does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { odd, Random } from "../random";
import { Checker } from "./check";
import { LeftOut, type Reason } from "./left";

type Data = Record<string, unknown>;

function checker(nodes: Record<number, object> = {}, size = 10) {
  const left = new LeftOut();
  const shown = { getNode: (id: number) => (nodes[id] as Node | undefined) ?? null, size: () => size };
  return { checker: new Checker(shown, left), left };
}

function element(id: number, tagName: string, attributes: Data = {}, childNodes: Data[] = [], more: Data = {}): Data {
  return { id, type: 2, tagName, attributes, childNodes, ...more };
}

function page(...body: Data[]): Data {
  const html = element(3, "html", { lang: "en" }, [element(4, "head"), element(5, "body", {}, body)]);
  const childNodes = [{ id: 2, type: 1, name: "html", publicId: "", systemId: "" }, html];
  return { type: 2, timestamp: 1, data: { node: { id: 1, type: 0, childNodes }, initialOffset: { left: 0, top: 0 } } };
}

function happened(data: Data): Data {
  return { type: 3, timestamp: 1, data };
}

function mutation(changes: Data): Data {
  return happened({ source: 0, adds: [], removes: [], texts: [], attributes: [], ...changes });
}

function added(node: Data, parentId = 5, nextId: number | null = null): Data {
  return { parentId, nextId, node };
}

/** The body's children after the check, and what was left out. */
function checked(...body: Data[]) {
  const { checker: one, left } = checker();
  const event = page(...body);
  expect(one.check(event)).toBe(true);
  const html = ((event.data as Data).node as { childNodes: Data[] }).childNodes[1] as { childNodes: Data[] };
  return { body: (html.childNodes[1] as { childNodes: Data[] }).childNodes, left: left.byReason };
}

const GOOD: Data[] = [
  { type: 0, timestamp: 1, data: {} },
  { type: 1, timestamp: 1, data: {} },
  { type: 4, timestamp: 1, data: { href: "https://shop.example/", width: 1280, height: 720 } },
  { type: 5, timestamp: 1, data: { tag: "cobrowse", payload: { kind: "popover", id: 4, open: true } } },
  page(
    element(10, "div", {
      class: "a b",
      style: "color: red",
      "data-x": "javascript: the good parts",
      onboarding_: null,
    }),
    element(11, "a", { href: "https://shop.example/a", title: "javascript:" }, [{ id: 12, type: 3, textContent: "a" }]),
    element(13, "img", { src: "data:image/png;base64,AAAA", srcset: "a.png 1x, b.png 2x", alt: "vbscript:" }),
    element(14, "svg", { viewBox: "0 0 1 1" }, [element(15, "use", { "xlink:href": "#i" }, [], { isSVG: true })], {
      isSVG: true,
    }),
    element(16, "link", { rel: "stylesheet", href: "https://shop.example/a.css" }),
    element(17, "link", { _cssText: "a { color: red }" }),
    element(18, "iframe", { title: "frame", width: "10", rr_width: "10px" }),
    element(19, "script", {}, [{ id: 20, type: 3, textContent: "" }]),
    element(21, "x-widget", {}, [element(22, "p", {}, [], { isShadow: true })], { isCustom: true, isShadowHost: true }),
    element(23, "o:p"),
    element(24, "animate", { attributeName: "opacity", from: "0", to: "1", values: "0;1" }, [], { isSVG: true }),
    element(25, "video", { src: "a.mp4", rr_mediaState: "paused", rr_mediaVolume: 0.5, rr_mediaMuted: true }),
    element(26, "form", { name: "login", method: "post" }, [element(27, "input", { name: "close", id: "open" })]),
    element(28, "base", { target: "_blank" }),
    element(29, "meta", { name: "viewport", content: "width=device-width" }),
    element(30, "style", { _cssText: `a { background: url(data:image/svg+xml,${"x".repeat(2_000_000)}) }` }),
    { id: 31, type: 5, textContent: "" },
  ),
  mutation({
    adds: [added(element(40, "li", { class: "new" })), added({ id: 41, type: 3, textContent: "text" }, 40)],
    removes: [{ parentId: 5, id: 10, isShadow: true }],
    texts: [
      { id: 12, value: "other" },
      { id: 13, value: null },
    ],
    attributes: [
      {
        id: 11,
        attributes: { class: null, title: "on", style: { color: "red", width: ["1px", "important"], top: false } },
      },
    ],
    isAttachIframe: true,
  }),
  happened({ source: 1, positions: [{ x: 1, y: 2, id: 3, timeOffset: -20 }] }),
  happened({ source: 2, type: 2, id: 5, x: 1, y: 2 }),
  happened({ source: 3, id: 1, x: 0, y: 10.5 }),
  happened({ source: 4, width: 1280, height: 0 }),
  happened({ source: 5, id: 5, text: "•••", isChecked: false }),
  happened({ source: 7, id: 5, type: 0, currentTime: 1, volume: 1, muted: false, loop: false, playbackRate: 1 }),
  happened({ source: 8, id: 5, adds: [{ rule: "a { color: red }", index: 0 }], removes: [{ index: [0, 1] }] }),
  happened({ source: 13, id: 5, index: [0], set: { property: "color", value: "red", priority: "important" } }),
  happened({ source: 14, ranges: [{ start: 5, startOffset: 0, end: 5, endOffset: 1 }] }),
  happened({ source: 15, id: 1, styleIds: [1], styles: [{ styleId: 1, rules: [{ rule: "a {}", index: 0 }] }] }),
  happened({ source: 16, define: { name: "x-widget" } }),
];

describe("what a good page does", () => {
  it.each(GOOD)("passes as it is: $type, $data.source", (event) => {
    const { checker: one, left } = checker();
    const before = JSON.stringify(event);
    const script = '"tagName":"script"';
    expect(one.check(event)).toBe(true);
    expect(JSON.stringify(event)).toBe(before.replace(script, '"tagName":"noscript"'));
    expect(left.sentence).toBeNull();
  });
});

describe("events", () => {
  const position = { x: 1, y: 2, id: 3, timeOffset: 0 };
  it.each<[Reason, unknown]>([
    ["events", null],
    ["events", "event"],
    ["events", []],
    ["events", new Uint8Array(8)],
    ["events", {}],
    ["events", { type: 7, timestamp: 1, data: {} }],
    ["events", { type: 6, timestamp: 1, data: { plugin: "rrweb/console@1", payload: {} } }],
    ["events", { type: "3", timestamp: 1, data: { source: 0 } }],
    ["events", { type: 5, timestamp: Number.NaN, data: { tag: "x" } }],
    ["events", { type: 5, timestamp: Number.POSITIVE_INFINITY, data: { tag: "x" } }],
    ["events", { type: 5, timestamp: 1, data: {} }],
    ["events", { type: 3, timestamp: 1 }],
    ["events", { type: 2, timestamp: 1, data: { node: { id: 1, type: 2, tagName: "html", attributes: {} } } }],
    ["events", { type: 2, timestamp: 1, data: { node: null } }],
    ["sizes", { type: 4, timestamp: 1, data: { href: "", width: 1e9, height: 1 } }],
    ["sizes", { type: 4, timestamp: 1, data: { href: "", width: Number.NaN, height: 1 } }],
    ["drawings", happened({ source: 9, id: 5, type: 0, commands: [] })],
    ["events", happened({ source: 10, family: "a", fontSource: "url(https://canary.example/)", buffer: false })],
    ["events", happened({ source: 11, level: "log" })],
    ["events", happened({ source: 17 })],
    ["events", happened({ source: "0" })],
    ["events", happened({ source: "constructor" })],
    ["events", happened({ source: 0 })],
    ["events", happened({ source: 0, adds: {}, removes: [], texts: [], attributes: [] })],
    ["events", happened({ source: 1, positions: [] })],
    ["events", happened({ source: 1, positions: [{ ...position, x: Number.NaN }] })],
    ["events", happened({ source: 1, positions: Array(10_001).fill(position) })],
    ["events", happened({ source: 2, type: 99, id: 5 })],
    ["events", happened({ source: 2, type: "constructor", id: 5 })],
    ["events", happened({ source: 2, type: 2, id: 1.5 })],
    ["events", happened({ source: 3, id: 1, x: Number.POSITIVE_INFINITY, y: 0 })],
    ["events", happened({ source: 4, width: -1, height: 1 })],
    ["events", happened({ source: 5, id: 5, text: {}, isChecked: true })],
    ["events", happened({ source: 7, id: 5, type: 0, volume: 7 })],
    ["events", happened({ source: 8, id: 5, adds: [{ rule: {}, index: 0 }] })],
    ["events", happened({ source: 8, id: 5, adds: [{ rule: "a {}", index: [-1] }] })],
    ["events", happened({ source: 13, id: 5, index: [], set: { property: "color", value: "red" } })],
    ["events", happened({ source: 13, id: 5, index: Array(101).fill(0), set: { property: "color", value: "red" } })],
    ["events", happened({ source: 15, id: 1, styleIds: Array(10_001).fill(1) })],
  ])("leaves out, as %s: %o", (reason, event) => {
    const { checker: one, left } = checker();
    expect(one.check(event)).toBe(false);
    expect(left.byReason).toEqual({ [reason]: 1 });
  });
});

describe("elements", () => {
  it("that run or embed something become empty ones with the same id", () => {
    const svg = { isSVG: true };
    const { body, left } = checked(
      element(10, "script", { src: "https://evil.example/a.js" }, [{ id: 11, type: 3, textContent: "alert(1)" }]),
      element(12, "script", { href: "data:,alert(1)" }, [{ id: 13, type: 3, textContent: "alert(1)" }], svg),
      element(14, "svg:script", {}, [], svg),
      element(15, "object", { data: "https://evil.example/", class: "logo" }),
      element(16, "embed", { src: "https://evil.example/" }),
      element(17, "applet", { code: "Evil" }),
      element(18, "frame", { src: "https://evil.example/" }),
      element(19, "set", { attributeName: "href", to: "javascript:alert(1)" }, [], svg),
      element(20, "animate", { attributeName: "xlink:href", values: "javascript:alert(1)" }, [], svg),
      element(21, "SCRIPT", {}, []),
    );
    const names = ["noscript", ...Array(9).fill("cobrowse-left-out")];
    expect(body.map(({ tagName }) => tagName)).toEqual(names);
    expect(body.map(({ id }) => id)).toEqual([10, 12, 14, 15, 16, 17, 18, 19, 20, 21]);
    expect(body.every(({ isSVG }) => isSVG === undefined)).toBe(true);
    expect(body[3]?.attributes).toEqual({ class: "logo" });
    expect(JSON.stringify(body)).not.toMatch(/evil|alert/);
    // Two of the first: its address and its text.
    expect(left).toEqual({ scripts: 5, objects: 4, addresses: 2, names: 1 });
  });

  it.each(["constructor", "__proto__", "toString", "1a", "a b", "a<b", "", "é", "x".repeat(300), null, 7, {}])(
    "that cannot be called so are called otherwise: %o",
    (tagName) => {
      const { body, left } = checked({ ...element(10, "p", {}, [element(11, "b")]), tagName });
      expect(body[0]).toMatchObject({ id: 10, tagName: "cobrowse-left-out", childNodes: [{ id: 11, tagName: "b" }] });
      expect(left).toEqual({ names: 1 });
    },
  );

  it("are no custom elements and no hosts where the browser would throw", () => {
    const { body } = checked(
      element(10, "font-face", {}, [], { isCustom: true }),
      element(11, "p", {}, [], { isCustom: true }),
      element(12, "input", {}, [], { isShadowHost: true }),
      element(13, "g", {}, [], { isShadowHost: true, isSVG: true }),
      element(14, "p", {}, [], { isSVG: "evil" }),
    );
    expect(JSON.stringify(body)).not.toMatch(/isCustom|isShadowHost|evil/);
  });
});

describe("trees", () => {
  it("are no deeper than pages are", () => {
    let node = element(2_000, "b");
    for (let id = 1_999; id > 1_000; id -= 1) node = element(id, "div", {}, [node]);
    const { body, left } = checked(node);
    let depth = 0;
    for (let at = body; at[0]; at = at[0].childNodes as Data[]) depth += 1;
    expect(depth).toBe(512 - 2);
    expect(left).toEqual({ nodes: 1 });
  });

  it("have no more nodes than fit", () => {
    const { checker: one, left } = checker({}, 199_998);
    const event = mutation({ adds: [10, 11, 12, 13].map((id) => added(element(id, "p"))) });
    one.check(event);
    expect((event.data as { adds: unknown[] }).adds).toHaveLength(2);
    expect(left.byReason).toEqual({ nodes: 2 });
  });

  it("have each id once, whole ids only, and documents nowhere within", () => {
    const { body, left } = checked(
      element(10, "p", {}, [element(10, "p"), element(11, "b")]),
      element(1, "p"),
      element(-1, "p"),
      element(1.5, "p"),
      { id: 20, type: 0, childNodes: [] },
      { id: 21, type: 1, name: "html" },
      { id: 22, type: 9 },
      { id: 23, type: 4, textContent: "a" },
      { id: 24, type: 3, textContent: { evil: 1 } },
      element(25, "p", {}, "evil" as unknown as Data[]),
    );
    expect(body.map(({ id }) => id)).toEqual([10, 23, 24, 25]);
    expect(body[0]?.childNodes).toMatchObject([{ id: 11 }]);
    expect(body.slice(1, 3)).toMatchObject([{ type: 3, textContent: "a" }, { textContent: "" }]);
    expect(left).toEqual({ misfits: 4, events: 3 });
  });

  it("have one element and no text in the document itself", () => {
    const { checker: one, left } = checker();
    const event = page();
    const { childNodes } = (event.data as { node: { childNodes: Data[] } }).node;
    childNodes.push({ id: 90, type: 3, textContent: "text" }, element(91, "html"), { id: 92, type: 1, name: "a<b" });
    one.check(event);
    expect(childNodes.slice(2)).toHaveLength(3);
    expect((event.data as { node: { childNodes: Data[] } }).node.childNodes.map(({ id }) => id)).toEqual([2, 3]);
    expect(left.byReason).toEqual({ misfits: 3 });
  });
});

describe("attributes", () => {
  const kept: Data = { id: "a", class: "b" };
  it.each<[string, Data, Reason]>([
    ["p", { onclick: "evil()" }, "handlers"],
    ["p", { oNcLiCk: "evil()" }, "handlers"],
    ["svg", { onload: "evil()" }, "handlers"],
    ["iframe", { srcdoc: "<script>evil()</script>" }, "frames"],
    ["iframe", { src: "https://evil.example/" }, "frames"],
    ["a", { href: "javascript:evil()" }, "addresses"],
    ["a", { href: " \t\njAvA\nscript\t:evil()" }, "addresses"],
    ["a", { href: "\u0001javascript:evil()" }, "addresses"],
    ["a", { href: "vbscript:evil" }, "addresses"],
    ["a", { href: "data:text/html,<script>evil()</script>" }, "addresses"],
    ["a", { "xlink:href": "javascript:evil()" }, "addresses"],
    ["img", { src: "javascript:evil()" }, "addresses"],
    ["animate", { values: "#a;javascript:evil()" }, "addresses"],
    ["animate", { to: "javascript:evil()" }, "addresses"],
    ["form", { action: "https://evil.example/" }, "forms"],
    ["button", { formaction: "javascript:evil()" }, "forms"],
    ["a", { ping: "https://evil.example/" }, "requests"],
    ["img", { attributionsrc: "https://evil.example/" }, "requests"],
    ["html", { manifest: "https://evil.example/" }, "requests"],
    ["base", { href: "https://evil.example/" }, "redirects"],
    ["meta", { "http-equiv": "refresh" }, "redirects"],
    ["meta", { name: "referrer" }, "requests"],
    ["link", { rel: "preconnect", href: "https://evil.example/" }, "requests"],
    ["link", { rel: "stylesheet preload", href: "https://evil.example/" }, "requests"],
    ["link", { rel: ["stylesheet"], href: "https://evil.example/" }, "events"],
    ["link", { rel: "preload", imagesrcset: "https://evil.example/" }, "requests"],
    ["img", { rr_dataURL: "https://evil.example/" }, "addresses"],
    ["p", { rr_mediaState: "played" }, "events"],
    ["video", { rr_mediaVolume: 7 }, "events"],
    ["p", { title: ["javascript:evil()"] }, "events"],
    ["p", { style: { color: "red" } }, "events"],
    ["p", { title: "x".repeat(1_048_577) }, "sizes"],
    ["p", { title: Number.NaN }, "sizes"],
    ["p", { ["x".repeat(300)]: "" }, "sizes"],
    ["input", { name: "appendChild" }, "names"],
    ["img", { name: "documentElement" }, "names"],
    ["form", { name: "createElement" }, "names"],
  ])("of <%s> lose %o", (tagName, attributes, reason) => {
    const name = Object.keys(attributes).at(-1) as string;
    const { body, left } = checked(element(10, tagName, { ...kept, ...attributes }));
    expect(body[0]?.attributes).not.toHaveProperty([name]);
    expect(body[0]?.attributes).toMatchObject(kept);
    expect(left).toMatchObject({ [reason]: 1 });
    // And as a change, of an element that was told of without it.
    const { checker: one, left: of } = checker();
    one.check(page(element(10, tagName)));
    const event = mutation({ attributes: [{ id: 10, attributes: { ...kept, ...attributes } }] });
    expect(one.check(event)).toBe(true);
    const isShown =
      ["names", "media"].includes(reason) || name === "style" || tagName === "p" || name === "rr_mediaVolume";
    if (!isShown) expect(of.byReason).toHaveProperty(reason);
  });

  it("are those of what an element ever was", () => {
    const { checker: one } = checker({ 10: { localName: "img" } });
    one.check(page(element(10, "iframe")));
    one.check(mutation({ adds: [added(element(10, "img"))] }));
    const event = mutation({ attributes: [{ id: 10, attributes: { src: "https://evil.example/" } }] });
    one.check(event);
    expect(JSON.stringify(event)).not.toContain("evil");
  });

  it("of a link are those of a style sheet, or it has no address", () => {
    const { checker: one } = checker();
    one.check(page(element(10, "link", { rel: "icon" }), element(11, "link", { rel: "stylesheet", href: "a.css" })));
    const changes: [number, Data, Data][] = [
      [10, { href: "https://evil.example/" }, {}],
      [10, { rel: "preconnect" }, {}],
      [11, { rel: "preconnect" }, {}],
      [11, { href: "b.css" }, { href: "b.css" }],
      [10, { href: "c.css", rel: "stylesheet" }, { href: "c.css", rel: "stylesheet" }],
      [10, { href: "d.css" }, { href: "d.css" }],
    ];
    for (const [id, before, after] of changes) {
      const attributes = { ...before };
      one.check(mutation({ attributes: [{ id, attributes }] }));
      expect(attributes).toEqual(after);
    }
  });

  it("named like what all objects have do nothing", () => {
    const attributes = JSON.parse('{"constructor": "a", "prototype": "b", "__proto__": "c"}');
    const { body } = checked(element(10, "p", attributes));
    expect(Object.getPrototypeOf(body[0]?.attributes)).toBe(Object.prototype);
    const style = JSON.parse('{"constructor": "a", "__proto__": ["b", ""], "color": {}, "top": ["1px", {}]}');
    const { checker: one } = checker();
    one.check(mutation({ attributes: [{ id: 10, attributes: { style } }] }));
    expect(Object.keys(style)).toEqual(["constructor", "__proto__"]);
  });
});

describe("mutations", () => {
  it("keep what fits", () => {
    const { checker: one, left } = checker({ 1: { nodeType: 9 } });
    const event = mutation({
      adds: [added(element(10, "p")), added(element(11, "p"), -1), { parentId: 5, node: null }, null],
      removes: [
        { parentId: 5, id: 1 },
        { parentId: 5, id: "x" },
        { parentId: 5, id: 9 },
      ],
      texts: [{ id: 9, value: 7 }, { id: 9, value: "x" }, "evil"],
      attributes: [
        { id: 9, attributes: [] },
        { id: 0, attributes: {} },
        { id: 9, attributes: { title: "x" } },
      ],
    });
    expect(one.check(event)).toBe(true);
    const { adds, removes, texts, attributes } = event.data as Record<string, unknown[]>;
    expect([adds, removes, texts, attributes].map((items) => items?.length)).toEqual([1, 1, 1, 1]);
    expect(left.byReason).toEqual({ events: 8, misfits: 1 });
  });

  it("put a document into frames only, as it would take the place of the page", () => {
    const { checker: one, left } = checker();
    one.check(page(element(10, "iframe"), element(11, "p")));
    const content = (id: number) => ({ id, type: 0, childNodes: [element(id + 1, "html")] });
    const event = mutation({ adds: [added(content(20), 10), added(content(30), 11), added(content(40), 5)] });
    one.check(event);
    expect((event.data as { adds: unknown[] }).adds).toHaveLength(1);
    expect(left.byReason).toEqual({ misfits: 2 });
  });

  it("add nothing deeper than pages are, however many there are", () => {
    const { checker: one, left } = checker();
    const adds = Array.from({ length: 600 }, (_, at) => added(element(10 + at, "p"), 9 + at));
    one.check(mutation({ adds }));
    expect(adds).toHaveLength(512);
    expect(left.byReason).toEqual({ nodes: 600 - 512 });
  });
});

describe("the sentence", () => {
  it("counts by reason", () => {
    const left = new LeftOut();
    expect(left.sentence).toBeNull();
    for (const reason of ["scripts", "scripts", "redirects"] as const) left.add(reason);
    expect(left.sentence).toBe("Left out of this page, as it could harm you: 2 scripts, 1 redirect.");
    left.clear();
    expect(left.byReason).toEqual({});
  });
});

// A hundred thousand made up events -------------------------------------------------------------------------------

const HARM = /^(on|srcdoc$|http-equiv$|ping$|action$|formaction$|attributionsrc$|manifest$)/i;
const TAGS = [
  "p",
  "p",
  "a",
  "svg",
  "script",
  "iframe",
  "link",
  "base",
  "meta",
  "set",
  "object",
  "constructor",
  "SCRIPT",
];
const NAMES = ["onclick", "href", "src", "srcdoc", "rel", "http-equiv", "xlink:href", "style", "class", "to", "name"];
const VALUES = ["javascript:evil()", "java\nscript:evil()", "preconnect", "stylesheet", "a", null, 7, "referrer"];

/** Something made up, now and then not even of the right shape. */
class Hostile {
  constructor(private readonly random: Random) {}

  private rarely<T>(usual: T): unknown {
    return this.random.below(12) === 0 ? odd(this.random) : usual;
  }

  private list(make: () => unknown, most = 4): unknown {
    return this.rarely(Array.from({ length: this.random.below(most) }, () => this.rarely(make())));
  }

  private id(): unknown {
    return this.rarely(1 + this.random.below(30));
  }

  private attributes(): unknown {
    const attributes: Data = {};
    for (let n = this.random.below(4); n > 0; n -= 1)
      attributes[this.random.of(NAMES)] = this.rarely(this.random.of(VALUES));
    return this.rarely(attributes);
  }

  node(depth = 0): unknown {
    return this.rarely({
      id: this.id(),
      type: this.rarely(this.random.of(depth === 0 ? [0, 2, 2] : [2, 2, 2, 2, 3, 4, 5])),
      tagName: this.rarely(this.random.of(TAGS)),
      attributes: this.attributes(),
      isSVG: this.random.of([undefined, undefined, true, "math", 7]),
      textContent: this.rarely("text"),
      childNodes: depth > 3 ? [] : this.list(() => this.node(depth + 1)),
    });
  }

  private data(source: number): unknown {
    const { random } = this;
    if (source < 0) return { node: this.node(), initialOffset: this.rarely({ left: 0, top: 0 }) };
    if (source === 0)
      return {
        source,
        adds: this.list(() => ({ parentId: this.id(), nextId: this.id(), node: this.node(random.below(2)) })),
        removes: this.list(() => ({ parentId: this.id(), id: this.id() })),
        texts: this.list(() => ({ id: this.id(), value: this.rarely("text") })),
        attributes: this.list(() => ({ id: this.id(), attributes: this.attributes() })),
      };
    return {
      source,
      id: this.id(),
      type: this.rarely(random.below(12)),
      x: this.rarely(1),
      y: this.rarely(1),
      width: this.rarely(1),
      height: this.rarely(1),
      text: this.rarely(""),
      isChecked: this.rarely(true),
      positions: this.list(() => ({ x: 1, y: this.rarely(1), id: this.id(), timeOffset: 0 })),
      ranges: this.list(() => ({ start: this.id(), end: this.id(), startOffset: 0, endOffset: this.rarely(1) })),
      index: this.list(() => 0),
      set: this.rarely({ property: "color", value: this.rarely("red") }),
      adds: this.list(() => ({ rule: this.rarely("a {}"), index: this.rarely(0) })),
      styleIds: this.list(() => this.id()),
      define: this.rarely({ name: "x-a" }),
    };
  }

  event(): unknown {
    const source = this.random.below(20) - 3;
    const type = source < 0 ? 2 : 3;
    return this.rarely({ type: this.rarely(type), timestamp: this.rarely(1), data: this.rarely(this.data(source)) });
  }
}

/** What is wrong with what has passed, by another reading of the rules; null for nothing. */
function harmIn(value: unknown): string | null {
  if (Array.isArray(value)) return value.map(harmIn).find((harm) => harm !== null) ?? null;
  const { type, tagName, attributes, id, childNodes, node } = value as Data;
  if (node !== undefined) return harmIn(node);
  if (!Number.isSafeInteger(id) || (id as number) < 1) return `id ${id}`;
  if (![0, 1, 2, 3, 5].includes(type as number)) return `type ${type}`;
  if (type !== 0 && type !== 2) return null; // has no name and no children
  if (type === 2) {
    if (!/^[a-z_:][a-z0-9_:-]*$/.test(String(tagName))) return `tag ${tagName}`;
    if (["script", "object", "constructor"].includes(tagName as string)) return `tag ${tagName}`;
    for (const [name, what] of Object.entries(attributes as Data)) {
      if (what === null) continue;
      if (HARM.test(name) || (name === "src" && tagName === "iframe")) return name;
      if (/href|src|^to$/.test(name) && /^javascript:/.test(String(what).replace(/\s/g, ""))) return `${name}=${what}`;
      if (!["string", "number", "boolean"].includes(typeof what)) return `${name}=${what}`;
      if (name === "href" && tagName === "link" && (attributes as Data).rel === "preconnect") return "a connection";
    }
  }
  return harmIn(childNodes);
}

describe("whatever comes", () => {
  it("has an answer, and what passes is harmless", () => {
    const hostile = new Hostile(new Random(26));
    const { checker: one, left } = checker();
    let passed = 0;
    for (let n = 0; n < 100_000; n += 1) {
      const made = hostile.event();
      const before = n % 1_000 === 0 ? JSON.stringify(made) : "";
      if (!one.check(made)) continue;
      passed += 1;
      const { type, data } = made as { type: number; data: Data };
      const isMutation = type === 3 && data.source === 0;
      const harm = type === 2 ? harmIn(data.node) : isMutation ? harmIn(data.adds) : null;
      if (harm !== null) expect.fail(`${harm} has passed in ${before || JSON.stringify(made)}`);
    }
    expect(passed).toBeGreaterThan(10_000);
    expect(Object.keys(left.byReason).length).toBeGreaterThan(8);
  });

  it("has an answer, be it no event at all", () => {
    const { checker: one } = checker();
    fc.assert(fc.property(fc.anything(), (made) => typeof one.check(made) === "boolean"));
  });
});
