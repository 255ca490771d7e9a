/** Builds the browser files into `cobrowse/static/`, compressed too; with `--watch`, again at each change, and as they are. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { context } from "esbuild";
import { pako } from "./pako.mjs";
import { rrweb } from "./rrweb.mjs";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const outdir = new URL("../cobrowse/static/", import.meta.url).pathname;
const shared = {
  bundle: true,
  minify: true,
  sourcemap: true,
  outdir,
  target: "es2020",
  supported: { "class-field": true, "class-static-field": true }, // as long as these browsers have data channels
  legalComments: "none",
  define: { __VERSION__: JSON.stringify(version) },
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};
const builds = [
  { ...shared, format: "iife", entryPoints: { embed: "src/broadcaster/embed.ts" } },
  {
    ...shared,
    format: "esm",
    plugins: [pako, rrweb],
    entryPoints: {
      broadcaster: "src/broadcaster/broadcaster.ts",
      record: "src/broadcaster/record.ts",
      viewer: "src/viewer/app/main.tsx",
      join: "src/viewer/app/join.tsx",
      preview: "src/viewer/app/preview.ts",
      simulate: "src/viewer/simulate.ts",
    },
  },
];

const watch = process.argv.includes("--watch");
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
for (const build of builds) {
  const builder = await context(build);
  if (watch) await builder.watch();
  else {
    await builder.rebuild();
    await builder.dispose();
  }
}

if (!watch) await Promise.all(scripts().map(compress));

function scripts() {
  return readdirSync(outdir).filter((name) => name.endsWith(".js"));
}

/** Beside the script, for browsers that take it so (`cobrowse/files.py`). */
async function compress(name) {
  const script = readFileSync(outdir + name);
  const hint = { [constants.BROTLI_PARAM_SIZE_HINT]: script.length };
  writeFileSync(`${outdir}${name}.br`, await promisify(brotliCompress)(script, { params: hint }));
  writeFileSync(`${outdir}${name}.gz`, await promisify(gzip)(script, { level: 9 }));
}
