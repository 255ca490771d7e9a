/** Loads a script, through short failures of the network or the server. */

/** Waits before it is asked for again; under another address, as browsers remember that one failed. */
const DELAYS_MS = [0, 300, 1_200, 2_700];

/** Rejects when it does not come after some attempts. */
export async function imported<Script>(
  address: string,
  fetched = (from: string): Promise<Script> => import(from),
): Promise<Script> {
  let from = address;
  let failure: unknown;
  for (const delay of DELAYS_MS) {
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    try {
      return await fetched(from);
    } catch (error) {
      failure = error;
      from = `${address}${address.includes("?") ? "&" : "?"}again=${Date.now()}`;
    }
  }
  throw failure;
}
