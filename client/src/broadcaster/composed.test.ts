// @vitest-environment happy-dom
/** Around a node, out of shadow roots. Out of frames: `tests/e2e/test_hidden.py`. */
import { describe, expect, it } from "vitest";
import { closest } from "./composed";

function hostIn(parent: Element): ShadowRoot {
  const host = document.createElement("div");
  parent.append(host);
  return host.attachShadow({ mode: "open" });
}

describe("closest", () => {
  const marked = document.createElement("section");
  marked.setAttribute("data-mark", "");
  document.body.append(marked);

  it("finds the element itself and what it is inside of", () => {
    const inner = document.createElement("p");
    marked.append(inner);
    expect(closest(marked, "[data-mark]")).toBe(marked);
    expect(closest(inner, "[data-mark]")).toBe(marked);
    expect(closest(inner, "[data-other]")).toBeNull();
  });

  it("goes out of shadow roots, from elements, texts and the root itself", () => {
    const outer = hostIn(marked);
    const text = document.createTextNode("right in the root");
    const middle = document.createElement("div");
    outer.append(text, middle);
    const inner = hostIn(middle);
    const deep = document.createElement("i");
    inner.append(deep);
    for (const node of [outer, text, middle, inner, deep]) expect(closest(node, "[data-mark]")).toBe(marked);
  });

  it("finds nothing around what is on no page", () => {
    expect(closest(document.createTextNode("loose"), "[data-mark]")).toBeNull();
    expect(closest(document.createElement("a"), "[data-mark]")).toBeNull();
    expect(closest(document, "[data-mark]")).toBeNull();
    expect(closest(null, "[data-mark]")).toBeNull();
  });
});
