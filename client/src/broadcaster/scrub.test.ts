// @vitest-environment happy-dom
/** What is taken out of events: in parts that are shown, and in masked ones. */
import { beforeEach, describe, expect, it } from "vitest";
import type { RecordedEvent } from "./mend";
import { Privacy } from "./privacy";
import { Scrubber } from "./scrub";

let nodes: Map<number, Node>;
let scrubber: Scrubber;

/** The page as the recorder would tell it, and the ids of its nodes. */
function told(node: Node): Record<string, unknown> {
  const id = nodes.size + 1;
  nodes.set(id, node);
  const childNodes = Array.from(node.childNodes, told);
  if (node.nodeType === 3) return { id, type: 3, textContent: node.textContent };
  if (node.nodeType === 8) return { id, type: 5, textContent: node.textContent };
  const element = node as Element;
  const attributes = Object.fromEntries(Array.from(element.attributes, ({ name, value }) => [name, value]));
  return { id, type: 2, tagName: element.localName, attributes, childNodes };
}

function scrubbed(html: string): string {
  document.body.innerHTML = html;
  const event: RecordedEvent = { type: 2, timestamp: 0, data: { node: told(document.body) } };
  scrubber.scrub(event);
  return JSON.stringify(event.data);
}

beforeEach(() => {
  nodes = new Map();
  const privacy = new Privacy({});
  privacy.begin();
  scrubber = new Scrubber(privacy, (id) => nodes.get(id) ?? null);
});

const HIDDEN = [
  '<a href="/x?token=sesame"></a>',
  '<a href="/x#sesame"></a>',
  '<a href="mailto:sesame@a.example"></a>',
  '<form action="/sesame"><button formaction="/sesame" value="sesame"></button></form>',
  '<option value="sesame"></option>',
  '<input type="checkbox" value="sesame">',
  '<input type="radio" value="sesame">',
  '<input type="hidden" value="sesame">',
  '<img src="/a.png?sig=sesame" srcset="/a.png?sig=sesame 2x">',
  '<p style="background: url(/a.png?sig=sesame)"></p>',
  "<style>p { background: url(/a.png?sig=sesame) }</style>",
  "<!-- sesame -->",
  "<script>sesame</script>",
  "<noscript>sesame</noscript>",
  '<p onclick="sesame()"></p>',
  '<meta name="csrf" content="sesame">',
  '<link rel="canonical" href="/sesame">',
  '<base href="/sesame">',
  '<iframe src="/sesame"></iframe>',
  '<object data="/sesame"></object>',
  '<blockquote cite="/sesame"></blockquote>',
  '<data value="sesame"></data>',
  '<x-link href="/x#sesame" src="/x?sesame"></x-link>',
  '<a href="https://jane:sesame@a.example/"></a>',
];
const HIDDEN_WHEN_MASKED = [
  '<p title="sesame"></p>',
  '<img alt="sesame">',
  '<input placeholder="sesame">',
  '<p aria-label="sesame"></p>',
  '<p data-customer="sesame"></p>',
  '<x-card number="sesame"></x-card>',
  '<input type="submit" value="sesame">',
  '<a href="/sesame"></a>',
  '<option label="sesame"></option>',
  '<p abbr="sesame"></p>',
  '<meter value="sesame"></meter>',
];

describe("in what is shown", () => {
  it.each(HIDDEN)("nothing is told of %s", (html) => expect(scrubbed(html)).not.toContain("sesame"));
  it.each(HIDDEN_WHEN_MASKED)("it is told of %s", (html) => expect(scrubbed(html)).toContain("sesame"));
});

it("a fragment that names what SVG draws is told", () => {
  expect(scrubbed('<svg><use href="/icons.svg?sesame#shape"></use></svg>')).toContain('"href":"/icons.svg#shape"');
});

it("what was typed into a password field is not told as the caption of the button that it became", () => {
  scrubbed('<input type="password" value="sesame">');
  const field = document.querySelector("input") as HTMLInputElement;
  field.dispatchEvent(new Event("focusin", { bubbles: true }));
  field.type = "submit";
  const event: RecordedEvent = { type: 2, timestamp: 0, data: { node: told(field) } };
  scrubber.scrub(event);
  expect(JSON.stringify(event.data)).toContain('"value":"••••••••"');
});

describe("in what is masked", () => {
  it.each([...HIDDEN, ...HIDDEN_WHEN_MASKED])("nothing is told of %s", (html) => {
    expect(scrubbed(`<div data-cobrowse-mask><div>${html}</div></div>`)).not.toContain("sesame");
  });

  it("how it looks and works is told", () => {
    const html = '<p data-cobrowse-mask><b class="c" style="color: red" data-state="open" aria-hidden="true"></b></p>';
    expect(scrubbed(html)).toContain('"class":"c","style":"color: red","data-state":"open","aria-hidden":"true"');
  });
});

describe("changes", () => {
  const change = (data: object) => {
    const event: RecordedEvent = {
      type: 3,
      timestamp: 0,
      data: { source: 0, adds: [], removes: [], texts: [], attributes: [], ...data },
    };
    scrubber.scrub(event);
    return JSON.stringify(event.data);
  };

  it("of attributes", () => {
    scrubbed('<a href="/"></a><p data-cobrowse-mask><b></b></p>');
    const [link, bold] = ["a", "b"].map((tag) => idOf(tag));
    expect(change({ attributes: [{ id: link, attributes: { href: "/?sesame", title: "x" } }] })).toContain(
      '{"href":"/","title":"x"}',
    );
    expect(change({ attributes: [{ id: bold, attributes: { title: "se same" } }] })).toContain('{"title":"** ****"}');
    expect(change({ attributes: [{ id: 999, attributes: { title: "sesame" } }] })).not.toContain("sesame");
  });

  it("of comments and scripts", () => {
    scrubbed("<!--x--><script>x</script>");
    for (const node of [document.body.firstChild, document.querySelector("script")?.firstChild]) {
      const id = [...nodes].find(([, known]) => known === node)?.[0];
      expect(change({ texts: [{ id, value: "sesame" }] })).not.toContain("sesame");
    }
  });

  it("that add nodes, in something masked", () => {
    document.body.innerHTML = '<p data-cobrowse-mask><b title="sesame"></b></p>';
    const node = told(document.querySelector("b") as Element);
    expect(change({ adds: [{ parentId: 1, node }] })).not.toContain("sesame");
  });

  it("that add the document of a frame, as a whole", () => {
    const inside = new DOMParser().parseFromString(
      '<a href="/?sesame"></a><!-- sesame --><input type="hidden" value="sesame">',
      "text/html",
    );
    const id = nodes.size + 1;
    nodes.set(id, inside);
    const node = { id, type: 0, childNodes: Array.from(inside.childNodes, told) };
    expect(JSON.stringify(node)).toContain("sesame");
    expect(change({ adds: [{ parentId: 1, node }], isAttachIframe: true })).not.toContain("sesame");
  });

  it.each([
    { source: 8, adds: [{ rule: "a { b: url(/?sesame) }" }] },
    { source: 8, replaceSync: "a { b: url(/?sesame) }" },
    { source: 13, set: { property: "b", value: "url(/?sesame)" } },
    { source: 15, styles: [{ rules: [{ rule: "a { b: url(/?sesame) }" }] }] },
  ])("of styles %o", (data) => expect(change(data)).not.toContain("sesame"));

  const idOf = (tag: string) => [...nodes].find(([, node]) => (node as Element).localName === tag)?.[0] ?? 0;
});
