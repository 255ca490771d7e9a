/** The marks by which a page says what is hidden: ours, and those that other tools have left in it. An alias only hides. */

/** Replaced by an empty box: our own widget, and what the site has marked. */
export const BLOCK = [
  "[data-cobrowse-widget]",
  "[data-cobrowse-block]",
  "[data-cobrowse-ignore]",
  ".rr-block",
  "[data-openreplay-hidden]",
  "[data-openreplay-htmlmasked]",
  "[data-cb-mask]",
  ".cb-mask",
  ".no-upscope",
] as const;

/** Texts, values and what is chosen are not told. */
export const MASK = [
  "[data-cobrowse-mask]",
  ".rr-mask",
  ".rr-ignore",
  "[data-openreplay-masked]",
  "[data-openreplay-obscured]",
] as const;

export const UNMASK = ["[data-cobrowse-unmask]"] as const;
