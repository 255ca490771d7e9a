/** Builds the browser files into `cobrowse/static/`; with `--watch`, again at each change. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { context } from "esbuild";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const outdir = new URL("../cobrowse/static/", import.meta.url).pathname;
const shared = {
  bundle: true,
  minify: true,
  sourcemap: true,
  outdir,
  target: "es2020",
  legalComments: "none",
  define: { __VERSION__: JSON.stringify(version) },
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};
/**
 * Within one animation frame the recorder leaves out nodes that another of its observers has told of. When the host of
 * a shadow root moves in that frame, the content of the root is then told by nobody, and lost in the viewer. Told twice
 * it is harmless: the player knows a node that it has.
 */
const tellsAll = {
  name: "recorder-tells-all",
  setup(build) {
    build.onLoad({ filter: /@rrweb[\\/]record[\\/]dist[\\/]record\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const leavesOut = "if (this.processedNodeManager.inOtherBuffer(n, this)) return;";
      if (!source.includes(leavesOut)) throw new Error(`${path}: not the recorder that the build knows; see build.mjs`);
      return { contents: source.replace(leavesOut, ""), loader: "js" };
    });
  },
};

const builds = [
  { ...shared, format: "iife", entryPoints: { embed: "src/broadcaster/embed.ts" } },
  {
    ...shared,
    format: "esm",
    plugins: [tellsAll],
    entryPoints: {
      broadcaster: "src/broadcaster/broadcaster.ts",
      viewer: "src/viewer/app/main.tsx",
      join: "src/viewer/app/join.tsx",
    },
  },
];

const watch = process.argv.includes("--watch");
if (!watch) rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
for (const build of builds) {
  const builder = await context(build);
  if (watch) await builder.watch();
  else {
    await builder.rebuild();
    await builder.dispose();
  }
}
