/** The agent's login token, kept in this browser. It never stands in a query, only behind a link's `#`. */
import { Kept } from "./kept";

export const login = new Kept(() => localStorage, "cobrowse.agent");
