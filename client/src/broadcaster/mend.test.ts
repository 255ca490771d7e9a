// @vitest-environment happy-dom
/** What is masked in rrweb's events, and what they cannot say. */
import { beforeEach, describe, expect, it } from "vitest";
import type { ShownEntry } from "../state";
import { type Mender, mended, type RecordedEvent } from "./mend";

const nodes = new Map<number, Node>();
let after: ShownEntry[] = [];
let changed: Element[] = [];

const mender: Mender = {
  getNode: (id) => nodes.get(id) ?? null,
  mask: (text) => "•".repeat(text.length),
  isMasked: (node) => (node as Element).closest("[data-mask]") !== null,
  hidesPointer: (node) => (node as Element).closest("[data-mask]") !== null,
  betterSheet: () => null,
  fieldChanged: (field) => changed.push(field),
  styleChanged: (style) => changed.push(style),
  tellAfter: (entry) => after.push(entry),
  watchRoot: () => {},
};

/** Elements with a number as id, known to the recorder by it. */
function page(html: string): void {
  document.body.innerHTML = html;
  nodes.clear();
  for (const element of document.querySelectorAll("[id]")) nodes.set(Number(element.id), element);
}

function element(id: number, tagName: string, attributes: object, childNodes: object[] = []): object {
  return { id, type: 2, tagName, attributes, childNodes };
}

function snapshotOf(...childNodes: object[]): RecordedEvent {
  return { type: 2, timestamp: 0, data: { node: { id: 99, type: 0, childNodes } } };
}

function mutation(data: object): RecordedEvent {
  return { type: 3, timestamp: 0, data: { source: 0, adds: [], removes: [], texts: [], attributes: [], ...data } };
}

beforeEach(() => {
  after = [];
  changed = [];
});

describe("mended", () => {
  it("shows nothing chosen in a masked select", () => {
    page('<select id="1" data-mask><option id="2">a</option><option id="3" selected>b</option></select>');
    const option = { selected: true };
    const event = mended(snapshotOf(element(1, "select", { value: "b" }, [element(3, "option", option)])), mender);
    expect(JSON.stringify(event)).not.toMatch(/selected|"value"/);
    expect(after).toEqual([{ kind: "chosen", id: 1, indexes: [] }]);
  });

  it("leaves an unmarked select as it is", () => {
    page('<select id="1"><option id="2">a</option><option id="3" selected>b</option></select>');
    const event = mended(snapshotOf(element(1, "select", {}, [element(3, "option", { selected: true })])), mender);
    expect(JSON.stringify(event)).toContain('"selected":true');
    expect(after).toEqual([]);
  });

  it("tells that nothing is chosen in a select", () => {
    page('<select id="1"><option>a</option></select>');
    (nodes.get(1) as HTMLSelectElement).selectedIndex = -1;
    mended(snapshotOf(element(1, "select", {})), mender);
    expect(after).toEqual([{ kind: "chosen", id: 1, indexes: [] }]);
  });

  it("shows masked checkboxes and radio buttons unchecked, also when their attribute changes", () => {
    page('<div data-mask><input id="1" type="checkbox" checked></div><input id="2" type="radio" checked>');
    const event = mended(
      snapshotOf(element(1, "input", { checked: true }), element(2, "input", { checked: true })),
      mender,
    );
    expect(JSON.stringify(event).match(/"checked":true/g)).toHaveLength(1);
    const attributes = [{ id: 1, attributes: { checked: "" } }];
    expect(mended(mutation({ attributes }), mender)?.data.attributes).toEqual([{ id: 1, attributes: {} }]);
  });

  it("does not tell where in a masked part the visitor pressed", () => {
    page('<div data-mask><input id="1" type="radio"></div><input id="2" type="radio">');
    const pressed = (id: number): RecordedEvent => ({ type: 3, timestamp: 0, data: { source: 2, type: 2, id } });
    expect(mended(pressed(1), mender)).toBeNull();
    expect(mended(pressed(2), mender)).toEqual(pressed(2));
  });

  it("looks at a select again whose options came or went", () => {
    page('<select id="1"><optgroup id="2"></optgroup></select><ul id="3"></ul>');
    mended(mutation({ adds: [{ parentId: 2, node: element(4, "option", {}) }] }), mender);
    mended(mutation({ removes: [{ parentId: 1 }, { parentId: 3 }] }), mender);
    expect(changed).toEqual([nodes.get(1), nodes.get(1)]);
  });

  it("looks at a style again whose text changed, but not at one that is told whole", () => {
    page('<style id="1">a {}</style>');
    const text = { id: 2, type: 3, textContent: "b {}" };
    mended(mutation({ adds: [{ parentId: 1, node: text }] }), mender);
    expect(changed).toEqual([nodes.get(1)]);
    const whole = element(1, "style", { _cssText: "b {}" });
    mended(
      mutation({
        adds: [
          { parentId: 3, node: whole },
          { parentId: 1, node: text },
        ],
      }),
      mender,
    );
    expect(changed).toHaveLength(1);
  });

  it("tells of a link that is switched off and on", () => {
    page('<link id="1" rel="stylesheet">');
    for (const disabled of ["", null]) mended(mutation({ attributes: [{ id: 1, attributes: { disabled } }] }), mender);
    expect(after).toEqual([
      { kind: "sheet", id: 1, disabled: true },
      { kind: "sheet", id: 1, disabled: false },
    ]);
  });
});
