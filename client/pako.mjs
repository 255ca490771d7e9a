/** An esbuild plugin: of pako's deflate only what a raw stream of level 6 needs. */
import { between, patched, swap } from "./patch.mjs";

const onlyLevelSix = [
  between(
    "var configuration_table = [\n",
    "var lm_init = ",
    "var configuration_table = { 6: new Config(8, 16, 128, 128, deflate_slow) };\n",
  ),
  between("s.level === 0 ? deflate_stored(s, flush) :", "configuration_table[s.level].func("),
];
const onlyRaw = [
  between(
    "	if (s.status === INIT_STATE && s.wrap === 0)",
    "	if (strm.avail_in !== 0 || s.lookahead !== 0 || flush !== 0",
    "	if (s.status === INIT_STATE) s.status = BUSY_STATE;\n",
  ),
  swap("	else if (strm.state.wrap === 2) strm.adler = crc32(strm.adler, buf, len, start);\n", ""),
];

export const pako = {
  name: "pako",
  setup(build) {
    build.onLoad({ filter: /[\\/]pako[\\/]dist[\\/]pako\.mjs$/ }, ({ path }) => ({
      contents: patched(path, [...onlyLevelSix, ...onlyRaw]),
      loader: "js",
    }));
  },
};
