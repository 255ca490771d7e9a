/**
 * What form fields show, watched by us in place of rrweb's own observer: that one says nothing of `form.reset()` and of
 * options chosen by script, and then takes an old value set again for no change.
 */

/** rrweb's incremental source for what a field shows. */
const INPUT = 5;
/** What a field changes by. Of these only `input` leaves a shadow root. */
export const FIELD_EVENTS = ["input", "change", "reset"];
const FIELDS = "input,textarea,select";

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export interface FieldEvents {
  /** The field's id in the recorder's mirror; not above 0 when it is not recorded. */
  idOf(field: Element): number;
  isBlocked(field: Element): boolean;
  /** What is chosen in it is not told. */
  isMasked(field: Element): boolean;
  mask(text: string, field: HTMLElement): string;
  /** What an incremental event of rrweb says. */
  emit(data: { source: number; id: number; text: string; isChecked: boolean }): void;
  /** The indexes of the options that are chosen in a select. */
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

  /** A field event, in a document or a shadow root that is recorded. */
  readonly heard = (event: Event): void => {
    const element = event.composedPath()[0] as Element | undefined;
    if (!element?.matches) return;
    if (event.type === "reset") {
      // The fields are reset after the event, if nobody prevents it.
      setTimeout(() => {
        for (const field of (element as HTMLFormElement).elements) if (field.matches(FIELDS)) this.note(field as Field);
      });
    } else if (element.matches(FIELDS)) {
      this.note(element as Field);
    }
  };

  /** Tell what a field shows now, whatever was told of it: the viewer's may have changed by something else. */
  tell(field: Field): void {
    this.last.delete(field);
    this.note(field, true);
  }

  /** Tell what a field shows now, if that is news. */
  note(field: Field, always = false): void {
    const { events } = this;
    const id = events.idOf(field);
    if (id <= 0 || !field.isConnected || events.isBlocked(field)) return;
    const isSelect = field.localName === "select";
    const { type, checked = false } = field as HTMLInputElement;
    const isCheckable = type === "radio" || type === "checkbox";
    const isHidden = (isSelect || isCheckable) && events.isMasked(field);
    // That somebody has touched this one, of all in its group, says which is chosen.
    if (isHidden && !always && !this.last.has(field)) return;
    if (isSelect) {
      this.noteSelect(field as HTMLSelectElement, id, isHidden);
      return;
    }
    const isChecked = isCheckable && checked && !isHidden;
    const text = events.mask(field.value, field);
    if (this.isNews(field, `${isChecked} ${text}`)) events.emit({ source: INPUT, id, text, isChecked });
    if (type === "radio" && isChecked) this.noteGroup(field as HTMLInputElement);
  }

  private noteSelect(select: HTMLSelectElement, id: number, isHidden: boolean): void {
    const indexes = isHidden ? [] : Array.from(select.selectedOptions, ({ index }) => index);
    if (this.isNews(select, indexes.join())) this.events.chosen(id, indexes);
  }

  /** The others of a radio's group are unchecked by it, without an event. */
  private noteGroup(radio: HTMLInputElement): void {
    if (!radio.name) return;
    const scope = radio.getRootNode() as Document | ShadowRoot;
    for (const other of scope.querySelectorAll<HTMLInputElement>("input[type=radio]"))
      if (other !== radio && other.name === radio.name && other.form === radio.form) this.note(other);
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
