// @vitest-environment happy-dom
/** What the recorder may see of a field, by its kind and by the marks around it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Coverage, Privacy, type PrivacyOptions } from "./privacy";

let privacy: Privacy;
const field = (html: string): HTMLInputElement => {
  document.body.innerHTML = html;
  return document.body.querySelector("input, textarea") as HTMLInputElement;
};

beforeEach(() => {
  privacy = new Privacy({ mask: [".private"] });
  privacy.begin();
});
afterEach(() => privacy.stop());

describe("maskInput", () => {
  it.each([
    ["<input>", "•••"],
    ["<textarea></textarea>", "•••"],
    ['<input type="number">', ""],
    ['<input type="checkbox" value="abc">', "on"],
    ['<input type="submit">', "abc"],
    ['<input type="submit" name="one-time-code">', "abc"],
    ['<p data-cobrowse-mask><input type="submit"></p>', "***"],
    ['<input type="password">', "••••••••"],
    ['<input name="card-number">', "••••••••"],
    ["<p data-cobrowse-unmask><input></p>", "abc"],
    ['<p data-cobrowse-unmask><input type="hidden"></p>', ""],
    ['<p data-cobrowse-unmask><input autocomplete="cc-number"></p>', "••••••••"],
    ['<p class="private" data-cobrowse-unmask><input></p>', "•••"],
    ['<p data-cobrowse-unmask><input class="rr-mask"></p>', "•••"],
  ])("of %s", (html, shown) => {
    expect(privacy.maskInput("abc", field(html))).toBe(shown);
  });

  it("masks within a shadow root of a masked host, whatever is unmasked in it", () => {
    document.body.innerHTML = "<div data-cobrowse-mask></div>";
    const root = (document.body.firstElementChild as Element).attachShadow({ mode: "open" });
    root.innerHTML = "<p data-cobrowse-unmask><input></p>";
    const inner = root.querySelector("input") as HTMLInputElement;
    expect(privacy.maskInput("abc", inner)).toBe("•••");
    expect(privacy.isMasked(inner)).toBe(true);
  });

  it("keeps a password hidden that was made a text", () => {
    const password = field('<p data-cobrowse-unmask><input type="password"></p>');
    password.dispatchEvent(new Event("focusin", { bubbles: true }));
    password.type = "text";
    expect(privacy.maskInput("abc", password)).toBe("••••••••");
    password.type = "button";
    expect(privacy.maskInput("abc", password)).toBe("••••••••");
  });

  it.each(["4111 1111 1111 1111", "411111111111", "DE89 3704 0044 0532 0130 00"])("never shows %s", (secret) => {
    for (const html of ["<input>", '<input type="button">'])
      expect(privacy.maskInput(secret, field(`<p data-cobrowse-unmask>${html}</p>`))).toBe("••••••••");
  });
});

describe('mask: "*"', () => {
  beforeEach(() => {
    privacy.stop();
    privacy = new Privacy({ mask: "*", unmask: ["main"] });
    privacy.begin();
    document.body.innerHTML = `<p>a<label>b</label></p><main><i>c</i><p data-cobrowse-mask>d</p><b>4111111111111111</b></main>`;
  });
  const node = (selector: string) => document.querySelector(selector) as Element;

  it("masks what is not unmasked", () => {
    expect(["p", "main i", "main p"].map((selector) => privacy.isMasked(node(selector)))).toEqual([true, false, true]);
    const coverage = privacy.maskTextSelector as Coverage;
    expect(coverage.covers(node("main i").firstChild as Node)).toBe(false);
    expect(coverage.covers(node("main b").firstChild as Node)).toBe(true);
  });

  it("hides the pointer only where it says what is chosen", () => {
    expect(["body > p", "label", "main p", "main i"].map((at) => privacy.hidesPointer(node(at)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it("of the operator is not lifted by the page", () => {
    privacy.tighten({ mask: "*", unmask: ["main b"] });
    expect(privacy.isCurrent).toBe(false);
    privacy.begin();
    expect(privacy.isCurrent).toBe(true);
    expect(["main i", "main b"].map((selector) => privacy.isMasked(node(selector)))).toEqual([true, false]);
  });
});

describe("isBlocked", () => {
  it("holds for all that is within, out of shadow roots too", () => {
    document.body.innerHTML = "<div data-cobrowse-block><p></p></div><p></p>";
    const [inside, outside] = document.body.querySelectorAll("p");
    const root = (inside as Element).attachShadow({ mode: "open" });
    root.innerHTML = "<b></b>";
    expect([inside, root, root.firstChild].map((node) => privacy.isBlocked(node as Node))).toEqual([true, true, true]);
    expect(privacy.isBlocked(outside as Node)).toBe(false);
  });
});

describe("the rules", () => {
  it.each([
    [{ block: ["p["] }, /block in the options is "p\["/],
    [{ mask: "p" }, /mask in the options is "p", not a list/],
    [{ unmask: [""] }, /unmask/],
    [{ query: "none" }, /query/],
    [{ rules: [{ mask: ["p"] }] }, /url in the options is undefined/],
    [{ rules: [{ url: "/", mask: ["p("] }] }, /mask/],
  ])("%o cannot be applied", (options, reason) => {
    expect(() => new Privacy(options as PrivacyOptions)).toThrow(reason);
    expect(() => privacy.tighten(options as PrivacyOptions)).toThrow(TypeError);
  });

  it("hold on the pages they are for", () => {
    const path = location.pathname;
    const rules = [{ url: "/other/*", mask: ["p"] }];
    const there = new Privacy({ rules });
    there.begin();
    document.body.innerHTML = "<p></p>";
    const paragraph = document.querySelector("p") as Element;
    expect([there.isMasked(paragraph), there.isCurrent]).toEqual([false, true]);
    history.pushState(null, "", "/other/page?x=1");
    expect(there.isCurrent).toBe(false);
    there.begin();
    expect(there.isMasked(paragraph)).toBe(true);
    expect(there.page().address).toBe(`${location.origin}/other/page`);
    history.pushState(null, "", path);
    there.stop();
  });

  it("of queries are joined by the strictest", () => {
    privacy.stop();
    privacy = new Privacy({ query: ["q", "page"] });
    privacy.begin();
    expect(privacy.link("/a?q=1&token=2#x")).toBe("/a?q=1");
    privacy.tighten({ query: ["page"] });
    privacy.begin();
    expect(privacy.link("/a?q=1&page=2")).toBe("/a?page=2");
  });

  it("hide the title of the page", () => {
    document.head.innerHTML = "<title data-cobrowse-mask>Jane Doe</title>";
    expect(privacy.page().title).toBe("**** ***");
  });
});
