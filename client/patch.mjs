/**
 * Changes to the source of a library as it is bundled. Each is made exactly once or fails the build, so that a new version
 * of the library is looked at.
 */
import { readFileSync } from "node:fs";

/** `to` in place of `from`. */
export function swap(from, to) {
  return { from, upTo: "", to };
}

/** `to` in place of what stands from `from` up to and without `upTo`. */
export function between(from, upTo, to = "") {
  return { from, upTo, to };
}

/** Another body for a function at the top level; `opening` is its first line. */
export function body(opening, code) {
  return { from: `\n${opening}\n`, upTo: "\n}\n", to: `\n${opening}\n${code}` };
}

/** The source of a file with the changes made. */
export function patched(path, changes) {
  let source = readFileSync(path, "utf8");
  for (const { from, upTo, to } of changes) {
    const start = source.indexOf(from);
    const fail = (what) => new Error(`${path} is not as it is known here: ${what}`);
    if (start < 0 || source.indexOf(from, start + 1) >= 0) throw fail(`not once ${JSON.stringify(from)}`);
    const end = source.indexOf(upTo, start + from.length);
    if (end < 0) throw fail(`not after ${JSON.stringify(from)}: ${JSON.stringify(upTo)}`);
    source = source.slice(0, start) + to + source.slice(end);
  }
  return source;
}
