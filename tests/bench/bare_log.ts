/** What rrweb's recorder makes of a page, in bytes: as JSON, and packed by rrweb's packer. */
import { pack } from "@rrweb/packer";
import { record } from "@rrweb/record";

interface Sizes {
  events: number;
  json: number;
  packed: number;
}

const utf8 = new TextEncoder();
let sizes: Sizes = { events: 0, json: 0, packed: 0 };

const log = {
  begin(): void {
    record({
      emit: (event) => {
        sizes.events += 1;
        sizes.json += utf8.encode(JSON.stringify(event)).length;
        // A string of one byte a character, as its deflate stream is.
        sizes.packed += pack(event).length;
      },
      sampling: { mousemove: false },
    });
  },
  /** The sizes since the last call. */
  take(): Sizes {
    const taken = sizes;
    sizes = { events: 0, json: 0, packed: 0 };
    return taken;
  },
};

declare global {
  var log: typeof import("./bare_log").bare;
}
export const bare = log;
globalThis.log = log;
