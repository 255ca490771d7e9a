/** Elements of the widget, made by hand: it is small, and a page should not have to load a renderer for it. */

export type Child = Node | string;

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A button; `action` is how style sheets and tests find it, its text is its name. */
export function button(text: string, action: string, look: string, onclick: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", class: look, "data-action": action }, text);
  made.onclick = onclick;
  return made;
}
