/** What no rule may show: passwords, one-time codes, cards, bank accounts, known by the field or by what is in it. */

const AUTOCOMPLETE = /^(cc-|one-time-code|current-password|new-password)/;
const NAME = /passw|pwd|cvc|cvv|card.?num|iban|otp|one.?time|ssn|secret|\bpin\b/i;

/** Whether the field holds a secret, by what it says of itself. */
export function isSecretField(field: Element): boolean {
  if (field.hasAttribute("data-rr-is-password")) return true;
  const autocomplete = field.getAttribute("autocomplete") ?? "";
  if (
    autocomplete
      .toLowerCase()
      .split(/\s+/)
      .some((token) => AUTOCOMPLETE.test(token))
  )
    return true;
  return [field.getAttribute("name"), field.id].some((name) => name !== null && NAME.test(name));
}

/**
 * Whether a text looks like a card number (12 to 19 digits, ISO/IEC 7812) or a bank account (15 to 34 characters, ISO
 * 13616), whoever wrote it how. Without their check digits: what is half typed is a secret, too.
 */
export function isSecretValue(text: string): boolean {
  const value = text.replace(/[\s.\-/]/g, "");
  return /^\d{12,19}$/.test(value) || /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/i.test(value);
}
