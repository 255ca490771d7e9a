// @vitest-environment happy-dom
/** Once a password field, always a password field: asked for in the same task as the change. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { Passwords } from "./passwords";

let passwords: Passwords;
const find = (selector: string) => document.querySelector(selector) as HTMLInputElement;

beforeEach(() => {
  document.body.innerHTML = '<form><p><input type="password" name="pass"></p><p><input id="other"></p></form>';
  passwords = new Passwords();
  passwords.watch(document);
});
afterEach(() => passwords.stop());

it("knows what it has seen", () => {
  expect([passwords.has(find("[name=pass]")), passwords.has(find("#other"))]).toEqual([true, false]);
});

it("knows a field that was made a text", () => {
  const field = find("[name=pass]");
  field.name = "";
  field.type = "text";
  expect(passwords.has(field)).toBe(true);
});

it("knows one that came and was made a text in one task", () => {
  find("form").insertAdjacentHTML("beforeend", '<input type="password" class="late">');
  const field = find(".late");
  field.type = "text";
  expect(passwords.has(field)).toBe(true);
});

it("knows one that stands where one was", () => {
  find("[name=pass]").replaceWith(Object.assign(document.createElement("input"), { className: "new" }));
  expect([passwords.has(find(".new")), passwords.has(find("#other"))]).toEqual([true, false]);
});

it("knows one that is called as one was", () => {
  find("form").innerHTML = "";
  find("form").insertAdjacentHTML("beforeend", '<b><input name="pass"></b>');
  expect(passwords.has(find("[name=pass]"))).toBe(true);
});
