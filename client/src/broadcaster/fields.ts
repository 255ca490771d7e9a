/**
 * What form fields show, watched by us in place of rrweb's own observer: that one says nothing of `form.reset()` and of
 * options chosen by script, and then takes an old value set again for no change.
 */

/** rrweb's incremental source for what a field shows. */
const INPUT = 5;
const FIELDS = "input,textarea,select";

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export interface FieldEvents {
  /** The field's id in the recorder's mirror; not above 0 when it is not recorded. */
  idOf(field: Element): number;
  isBlocked(field: Element): boolean;
  mask(text: string, field: HTMLElement): string;
  /** What an incremental event of rrweb says. */
  emit(data: { source: number; id: number; text: string; isChecked: boolean }): void;
  /** The indexes of the options that are chosen in a select with several. */
  chosen(id: number, indexes: readonly number[]): void;
}

/** A window of the page or of a frame in it: each has prototypes of its own. */
type Realm = Window & typeof globalThis;

export class Fields {
  private last = new WeakMap<Field, string>();
  private readonly realms = new WeakMap<Realm, Document>();
  private readonly undo: (() => void)[] = [];

  constructor(private readonly events: FieldEvents) {}

  watch(realm: Realm): void {
    const { document } = realm;
    if (this.realms.get(realm) === document) return;
    this.realms.set(realm, document);
    const changed = (event: Event) => this.noteTarget(event.composedPath()[0] ?? null, event.type);
    const moments = ["input", "change", "reset"];
    for (const moment of moments) document.addEventListener(moment, changed, true);
    this.undo.push(() => {
      for (const moment of moments) document.removeEventListener(moment, changed, true);
    });
    this.hook(realm.HTMLInputElement.prototype, "value");
    this.hook(realm.HTMLInputElement.prototype, "checked");
    this.hook(realm.HTMLTextAreaElement.prototype, "value");
    this.hook(realm.HTMLSelectElement.prototype, "value");
    this.hook(realm.HTMLSelectElement.prototype, "selectedIndex");
    this.hook(realm.HTMLOptionElement.prototype, "selected");
  }

  stop(): void {
    for (const undo of this.undo.splice(0)) undo();
  }

  /** Tell what a field shows now, if that is news. */
  note(field: Field): void {
    const { events } = this;
    const id = events.idOf(field);
    if (id <= 0 || !field.isConnected || events.isBlocked(field)) return;
    if (field.localName === "select") {
      this.noteSelect(field as HTMLSelectElement, id);
      return;
    }
    const { type, checked = false } = field as HTMLInputElement;
    const isChecked = (type === "radio" || type === "checkbox") && checked;
    const text = events.mask(field.value, field);
    if (this.isNews(field, `${isChecked} ${text}`)) events.emit({ source: INPUT, id, text, isChecked });
    if (type === "radio" && isChecked) this.noteGroup(field as HTMLInputElement);
  }

  /** Forget what was told of a field: its next state is news. */
  forget(field: Field): void {
    this.last.delete(field);
  }

  private noteSelect(select: HTMLSelectElement, id: number): void {
    const indexes = Array.from(select.selectedOptions, ({ index }) => index);
    const text = this.events.mask(select.value, select);
    if (!this.isNews(select, indexes.join())) return;
    if (!select.multiple) this.events.emit({ source: INPUT, id, text, isChecked: false });
    this.events.chosen(id, indexes);
  }

  /** The others of a radio's group are unchecked by it, without an event. */
  private noteGroup(radio: HTMLInputElement): void {
    if (!radio.name) return;
    const scope = radio.getRootNode() as Document | ShadowRoot;
    for (const other of scope.querySelectorAll<HTMLInputElement>("input[type=radio]"))
      if (other !== radio && other.name === radio.name && other.form === radio.form) this.note(other);
  }

  private noteTarget(target: EventTarget | null, moment: string): void {
    const element = target as Element | null;
    if (!element?.matches) return;
    if (moment === "reset") {
      // The fields are reset after the event, if nobody prevents it.
      setTimeout(() => {
        for (const field of (element as HTMLFormElement).elements) if (field.matches(FIELDS)) this.note(field as Field);
      });
    } else if (element.matches(FIELDS)) {
      this.note(element as Field);
    }
  }

  private hook(prototype: object, property: string): void {
    const original = Object.getOwnPropertyDescriptor(prototype, property);
    if (!original?.set) return;
    const { set } = original;
    const pending = (field: Field) => queueMicrotask(() => this.note(field));
    const hooked: PropertyDescriptor = {
      ...original,
      set(this: Element, value: unknown) {
        set.call(this, value);
        const field = this.localName === "option" ? this.closest("select") : this;
        if (field) pending(field as Field);
      },
    };
    Object.defineProperty(prototype, property, hooked);
    this.undo.push(() => {
      // Somebody who has hooked it after us keeps calling us: then ours stays, and notes nothing.
      if (Object.getOwnPropertyDescriptor(prototype, property)?.set === hooked.set)
        Object.defineProperty(prototype, property, original);
    });
  }

  private isNews(field: Field, state: string): boolean {
    if (this.last.get(field) === state) return false;
    this.last.set(field, state);
    return true;
  }
}
