// @vitest-environment happy-dom
/** What the recorder may see of a field, by its kind and by the marks around it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Privacy, privacyOf } from "./privacy";

let privacy: Privacy;
const field = (html: string): HTMLInputElement => {
  document.body.innerHTML = html;
  return document.body.querySelector("input, textarea") as HTMLInputElement;
};

beforeEach(() => {
  privacy = privacyOf({ mask: [".private"] });
});
afterEach(() => privacy.stop());

describe("maskInput", () => {
  it.each([
    ["<input>", "•••"],
    ["<textarea></textarea>", "•••"],
    ['<input type="number">', ""],
    ['<input type="checkbox">', "abc"],
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

describe("privacyOf", () => {
  it("refuses a selector that does not parse", () => {
    expect(() => privacyOf({ block: ["p["] })).toThrow(/"p\[" in block does not parse/);
  });
});
