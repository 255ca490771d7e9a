/** What is told of an address: queries and fragments may hold tokens and names, so they are dropped where nobody allows them. */

/** "drop" leaves no query and no fragment, "keep" both; a list keeps these parameters of a query, and no fragment. */
export type QueryPolicy = "drop" | "keep" | readonly string[];

/** The one that shows less. */
export function stricter(a: QueryPolicy, b: QueryPolicy): QueryPolicy {
  if (a === "drop" || b === "drop") return "drop";
  if (a === "keep") return b;
  return b === "keep" ? a : a.filter((name) => b.includes(name));
}

/** An address of a page or a resource, absolute or not; an image in the address itself is part of the page. */
export function shownAddress(address: string, policy: QueryPolicy): string {
  if (policy === "keep" || !/[?#]/.test(address) || /^\s*(data|blob):/i.test(address)) return address;
  const [path = "", query] = address.split("#", 1)[0]?.split(/\?(.*)/s) ?? [];
  if (policy === "drop" || !query) return path;
  const kept = query.split("&").filter((pair) => policy.includes(nameOf(pair)));
  return kept.length > 0 ? `${path}?${kept.join("&")}` : path;
}

/** Where a link leads, which is not followed on the other side: of other schemes only their name is told. */
export function linkAddress(address: string, policy: QueryPolicy): string {
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
  if (policy === "keep" || !scheme || scheme === "http" || scheme === "https")
    return shownAddress(address, policy) || "#";
  return scheme === "javascript" ? "#" : `${scheme}:`;
}

/** The candidates of a `srcset`. */
export function shownSourceSet(value: string, policy: QueryPolicy): string {
  if (policy === "keep" || !/[?#]/.test(value)) return value;
  return value
    .split(/,\s+/)
    .map((candidate) => {
      const [address = "", ...size] = candidate.trim().split(/\s+/);
      return [shownAddress(address, policy), ...size].join(" ");
    })
    .join(", ");
}

/** A style sheet, a rule or a declaration; references within the document (`url(#gradient)`) stay. */
export function shownStyle(css: string, policy: QueryPolicy): string {
  if (policy === "keep" || !/[?#]/.test(css)) return css;
  return css.replace(
    /url\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)"']*))\s*\)|(@import\s+)(?:"([^"]*)"|'([^']*)')/gi,
    (whole, double?: string, single?: string, bare?: string, rule?: string, first?: string, second?: string) => {
      const address = (double ?? single ?? bare ?? first ?? second ?? "").trim();
      if (address.startsWith("#")) return whole;
      const shown = shownAddress(address, policy);
      if (shown === address) return whole;
      return rule ? `${rule}"${shown}"` : `url("${shown}")`;
    },
  );
}

function nameOf(pair: string): string {
  const name = pair.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name.replace(/\+/g, " "));
  } catch {
    return name;
  }
}
