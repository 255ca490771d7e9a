/** What is told of an address. */
import { describe, expect, it } from "vitest";
import { linkAddress, type QueryPolicy, shownAddress, shownSourceSet, shownStyle, stricter } from "./addresses";

describe("shownAddress", () => {
  it.each<[string, QueryPolicy, string]>([
    ["https://a.example/b?token=1#c", "drop", "https://a.example/b"],
    ["https://a.example/b?token=1#c", "keep", "https://a.example/b?token=1#c"],
    ["/b?q=1&token=2&q=3#c", ["q"], "/b?q=1&q=3"],
    ["/b?to%6ben=2", ["token"], "/b?to%6ben=2"],
    ["/b?%E0%A4%A=2", ["q"], "/b"],
    ["?token=1", "drop", ""],
    ["https://jane:secret@a.example/b", "drop", "https://a.example/b"],
    ["//jane@a.example/@b?c@d", "keep", "//a.example/@b?c@d"],
    ["/a//jane@b", "drop", "/a//jane@b"],
    ["data:image/svg+xml,<a?b#c/>", "drop", "data:image/svg+xml,<a?b#c/>"],
  ])("of %s with %o", (address, policy, shown) => {
    expect(shownAddress(address, policy)).toBe(shown);
  });
});

describe("linkAddress", () => {
  it.each([
    ["/a?b#c", "/a"],
    ["#token", "#"],
    ["mailto:jane@a.example?subject=secret", "mailto:"],
    [" javascript:alert('secret')", "#"],
    ["HTTPS://a.example/?b", "HTTPS://a.example/"],
  ])("of %s", (address, shown) => {
    expect(linkAddress(address, "drop")).toBe(shown);
  });
});

it("keeps the sizes of a source set", () => {
  expect(shownSourceSet("/a.png?t=1 1x,  /b.png?t=2 2x", "drop")).toBe("/a.png 1x, /b.png 2x");
});

it("drops queries in styles, and keeps references within the document", () => {
  const css = `@import "/x.css?t=1"; a { b: url(/i.png?t=2) url("/j.png?t=(3)") url('#g') url(data:image/png,?#) }`;
  const shown = `@import "/x.css"; a { b: url("/i.png") url("/j.png") url('#g') url(data:image/png,?#) }`;
  expect(shownStyle(css, "drop")).toBe(shown);
});

it.each([
  [
    "a { b: image-set('/i.png?t=1' 1x, url(/j.png?t=2) type('image/png') 2x) }",
    `a { b: image-set("/i.png" 1x, url("/j.png") type('image/png') 2x) }`,
  ],
  [
    String.raw`a { b: url(/i.png\3ft=1) url("/j.png\3F t=2") url('/k\.png') }`,
    String.raw`a { b: url("/i.png") url("/j.png") url('/k\.png') }`,
  ],
  ["a { b: url(/i.png?t=1", 'a { b: url("/i.png")'],
  [`a { b: url('/"i".png?t=1') }`, String.raw`a { b: url("/\"i\".png") }`],
])("finds the addresses in %s", (css, shown) => expect(shownStyle(css, "drop")).toBe(shown));

describe("stricter", () => {
  it.each<[QueryPolicy, QueryPolicy, QueryPolicy]>([
    ["keep", "drop", "drop"],
    ["keep", ["a"], ["a"]],
    [["a", "b"], ["b", "c"], ["b"]],
    [["a"], "drop", "drop"],
    ["keep", "keep", "keep"],
  ])("of %o and %o", (a, b, shown) => {
    expect(stricter(a, b)).toEqual(shown);
    expect(stricter(b, a)).toEqual(shown);
  });
});
