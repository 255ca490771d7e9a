/** What the loader loads when a session starts or goes on: the recorder and all that belongs to a broadcast. */
import { Broadcast } from "./broadcast";
import { SessionError, type StartOptions } from "./options";
import { load, type Stored } from "./store";
import { Widget } from "./widget/widget";

export { SessionError };

/** Start a session. Resolves with the server's welcome, before anything is asked or shared. */
export async function start(base: string, site: string, options: StartOptions): Promise<Broadcast> {
  return begin(base, site, options, null);
}

/** Go on with this tab's session after a page load; null if there is none. */
export async function carryOn(): Promise<Broadcast | null> {
  const stored = load();
  return stored ? begin(stored.server, stored.site, stored.options as StartOptions, stored) : null;
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
