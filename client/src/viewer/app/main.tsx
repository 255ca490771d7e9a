/** The viewer's page: reads the link, draws the toolbar, the stage and the chat panel. */
import { render } from "preact";
import type { TransportKind } from "../../link/transport";
import type { ViewerOptions, ViewerStats } from "../options";
import { Stage } from "../stage";
import { Viewer } from "../viewer";
import { Kept } from "./kept";
import { login } from "./login";
import { adopt, styles } from "./styles";
import { View } from "./view";

declare global {
  interface Window {
    viewer: { stats(): ViewerStats; cutDirect(): void; goBy(transport: TransportKind): void };
  }
}

const HEALTH_EVERY_MS = 1_000;

const base = new URL("../", location.href).href;
const session = decodeURIComponent(location.pathname.split("/").at(-1) ?? "");
const token = new Kept(() => sessionStorage, `cobrowse.viewer.${session}`);
const query = new URLSearchParams(location.search);
const path = query.get("path");
const transport = query.get("transport");

const options: ViewerOptions = {
  base,
  session,
  secret: location.hash.slice(1) || null,
  agentToken: login.value,
  viewerToken: token.value,
  path: path === "relay" || path === "direct" ? path : "auto",
  transport: transport === "websocket" || transport === "webrtc" || transport === "http" ? transport : "auto",
  keepToken: (next) => token.keep(next),
};

adopt(styles);
const stage = new Stage((anchor) => viewer.volatiles.point(anchor));
const viewer = new Viewer(options, stage, () => {
  const { state, path, transport } = viewer.stats;
  const { dataset } = document.documentElement;
  dataset.state = state;
  if (path) dataset.path = path;
  if (transport) dataset.transport = transport;
  document.title = viewer.shared.page.title ? `${viewer.shared.page.title} · co-browsing` : "Co-browsing";
  draw();
});
window.viewer = {
  stats: () => viewer.stats,
  cutDirect: () => viewer.cutDirect(),
  goBy: (transport) => viewer.goBy(transport),
};
function draw(): void {
  render(<View viewer={viewer} stage={stage} />, document.body);
}

draw();
addEventListener("pagehide", () => viewer.leave());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
setInterval(draw, HEALTH_EVERY_MS);
