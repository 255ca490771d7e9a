/** A text that this browser keeps for our pages. It may be told to keep nothing: each page then begins anew, and works. */
export class Kept {
  /** `storage` is got each time: where it is denied, getting it throws. */
  constructor(
    private readonly storage: () => Pick<Storage, "getItem" | "setItem" | "removeItem">,
    private readonly key: string,
  ) {}

  get value(): string | null {
    try {
      return this.storage().getItem(this.key);
    } catch {
      return null;
    }
  }

  /** Keep that, or nothing for null; false if it cannot be kept. */
  keep(value: string | null): boolean {
    try {
      if (value === null) this.storage().removeItem(this.key);
      else this.storage().setItem(this.key, value);
      return true;
    } catch {
      return false;
    }
  }
}
