/** What the loader loads when a session starts or goes on: the recorder and all that belongs to a broadcast. */
import { Broadcast } from "./broadcast";
import { SessionError, type StartOptions } from "./options";
import type { Stored } from "./store";
import { Widget } from "./widget/widget";

export { SessionError };

/** Start a session. Resolves with the server's welcome, before anything is asked or shared. */
export async function start(base: string, site: string, options: StartOptions): Promise<Broadcast> {
  return begin(base, site, options, null);
}

/** Go on with a session of before the page load, or of another tab. */
export async function carryOn(stored: Stored): Promise<Broadcast> {
  return begin(stored.server, stored.site, stored.options as StartOptions, stored);
}

async function begin(base: string, site: string, options: StartOptions, stored: Stored | null): Promise<Broadcast> {
  const widget = new Widget();
  try {
    const broadcast = new Broadcast(base, site, options, widget.ask, stored);
    widget.attach(broadcast.session, broadcast.preview);
    if (!stored) await broadcast.ready;
    return broadcast;
  } catch (error) {
    widget.close();
    throw error;
  }
}
