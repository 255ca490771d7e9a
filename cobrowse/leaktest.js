/**
 * Put the value into every field of the document and of its shadow roots, as typing, pasting and scripts would do it, and
 * do with password fields what pages do to show them. Nothing is submitted.
 */
async function fill(value) {
  const FIELDS = "input, textarea, [contenteditable]:not([contenteditable=false])";
  const task = () => new Promise((resolve) => setTimeout(resolve));
  const say = (field, name, init) =>
    field.dispatchEvent(
      name === "input"
        ? new InputEvent(name, { bubbles: true, composed: true, inputType: "insertText", data: value, ...init })
        : new Event(name, { bubbles: true, composed: true }),
    );
  /** By the element's own prototype: frameworks watch the property of the element. */
  const put = (field, text) => {
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, text);
  };
  const fields = [];
  const roots = [document];
  for (const root of roots)
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot && element.localName !== "cobrowse-widget") roots.push(element.shadowRoot);
      if (element.matches(FIELDS)) fields.push(element);
    }
  for (const field of fields) {
    if (!field.isConnected || field.type === "file") continue;
    if (field.localName === "input" || field.localName === "textarea") {
      if (["checkbox", "radio", "submit", "button", "reset", "image"].includes(field.type)) continue;
      const before = field.value;
      say(field, "focusin");
      put(field, value);
      say(field, "input");
      await task();
      say(field, "change");
      say(field, "focusout");
      await task();
      if (field.type === "password") await show(field);
      if (field.type === "hidden") put(field, before); // a form's own: the page goes on with it
    } else if (field.isContentEditable) {
      field.append(value);
      say(field, "input");
      await task();
      field.lastChild?.remove();
    }
  }

  /** A page that shows a password: as a text, with the change in the same task, or by a text field in its place. */
  async function show(field) {
    field.type = "text";
    put(field, `${value} `);
    say(field, "input");
    await task();
    field.type = "password";
    await task();
    const text = document.createElement("input");
    text.value = value;
    field.replaceWith(text);
    say(text, "input");
    await task();
    text.replaceWith(field);
    await task();
  }
}
