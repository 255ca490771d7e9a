/** What is told of an address: queries and fragments may hold tokens and names, so they are dropped where nobody allows them. */

/** "drop" leaves no query and no fragment, "keep" both; a list keeps these parameters of a query, and no fragment. */
export type QueryPolicy = "drop" | "keep" | readonly string[];

/** A name and a password before the host: told by no policy. */
const USER = /^(\s*(?:[a-z][a-z0-9+.-]*:)?[/\\]{2})[^/\\?#]*@/i;
const IMAGE_SET = /image-set\((?:[^()"']|"[^"]*"|'[^']*'|\([^()]*\))*\)/gi;
const ADDRESSES =
  /url\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:[^)"'\\]|\\.)*))\s*(?:\)|$)|(@import\s+)(?:"([^"]*)"|'([^']*)')/gis;

/** The one that shows less. */
export function stricter(a: QueryPolicy, b: QueryPolicy): QueryPolicy {
  if (a === "drop" || b === "drop") return "drop";
  if (a === "keep") return b;
  return b === "keep" ? a : a.filter((name) => b.includes(name));
}

/** An address of a page or a resource, absolute or not; an image in the address itself is part of the page. */
export function shownAddress(address: string, policy: QueryPolicy): string {
  if (!/[?#@]/.test(address) || /^\s*(data|blob):/i.test(address)) return address;
  const open = address.replace(USER, "$1");
  if (policy === "keep") return open;
  const [path = "", query] = open.split("#", 1)[0]?.split(/\?(.*)/s) ?? [];
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
  if (policy === "keep" || !/[?#\\]/.test(css)) return css;
  const told = css.replace(
    ADDRESSES,
    (whole, double?: string, single?: string, bare?: string, rule?: string, first?: string, second?: string) => {
      const address = unescaped((double ?? single ?? bare ?? first ?? second ?? "").trim());
      if (address.startsWith("#")) return whole;
      const shown = shownAddress(address, policy);
      if (shown === address) return whole;
      return rule ? `${rule}${quoted(shown)}` : `url(${quoted(shown)})`;
    },
  );
  return told.replace(IMAGE_SET, (set) =>
    set.replace(/"([^"]*)"|'([^']*)'/g, (whole, double?: string, single?: string) => {
      const address = unescaped(double ?? single ?? "");
      const shown = shownAddress(address, policy);
      return shown === address ? whole : quoted(shown);
    }),
  );
}

/** What a string of CSS says (CSS Syntax, section 4.3.7). */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(?:([0-9a-f]{1,6})\s?|(.))/gis, (_, code?: string, character = "") => {
    const point = code ? Number.parseInt(code, 16) : 0;
    return code ? String.fromCodePoint(point > 0x10ffff ? 0xfffd : point) : character;
  });
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\a ")}"`;
}

function nameOf(pair: string): string {
  const name = pair.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name.replace(/\+/g, " "));
  } catch {
    return name;
  }
}
