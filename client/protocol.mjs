/**
 * Generates `src/protocol.gen.ts` from the JSON Schema that `python -m cobrowse.messages` prints to standard input.
 * With `--check` it writes nothing, and fails when the committed file differs.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const target = new URL("src/protocol.gen.ts", import.meta.url);
const { closeCodes, capabilities, versions, ...schema } = JSON.parse(readFileSync(0, "utf8"));
const types = await compile(schema, "Protocol", {
  additionalProperties: false,
  ignoreMinAndMaxItems: true,
  unreachableDefinitions: true,
  bannerComment: "/** Generated from cobrowse/messages.py by `make protocol`. Do not edit. */",
  format: false,
});
const members = (table) => Object.entries(table).map(([name, value]) => `  ${name}: ${value},`);
const text = [
  types.trimEnd(),
  ...Object.entries(versions).map(([name, value]) => `export const ${name} = ${value};`),
  `export const CAPABILITIES = ${JSON.stringify(capabilities)} as const;`,
  "export type Capability = (typeof CAPABILITIES)[number];",
  "/** Why a connection ended. 4000-4099: come back; 4100-4199: do not, the reason says what to mend. */",
  "export const CloseCode = {",
  ...members(closeCodes),
  "} as const;",
  "",
].join("\n");

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("client/src/protocol.gen.ts is not what cobrowse/messages.py says; run `make protocol`");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
