/**
 * Faults on purpose: what `?simulate=` on the viewer's page does. The server puts this script before the viewer's, only
 * when it is asked for and allowed; what each fault should look like is in `docs/delivery.md`.
 */
import type { TransportKind } from "../link/transport";

type Parameters = { readonly path?: "relay"; readonly transport?: TransportKind };

interface Fault {
  /** How the viewer is opened, unless the address says otherwise. */
  readonly open: Parameters;
  /** What must be before it begins. */
  readonly on: "live" | "direct";
  readonly begin: () => void | Promise<void>;
}

/** The page is looked at for so long before it is broken. */
const BEFORE_MS = 2_000;
const LOOK_EVERY_MS = 50;
const SWITCH_EVERY_MS = 2_000;
const TURNS: readonly TransportKind[] = ["http", "webrtc", "websocket"];

const channels: RTCDataChannel[] = [];
const create = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...options) {
  const channel = create.apply(this, options);
  channels.push(channel);
  return channel;
};

const relay: Parameters = { path: "relay" };
const nothing = () => {};

const FAULTS: Readonly<Record<string, Fault>> = {
  "kill-direct": { open: {}, on: "direct", begin: () => window.viewer.cutDirect() },
  "silence-direct": { open: {}, on: "direct", begin: silence },
  "kill-relay": { open: relay, on: "live", begin: () => ask("kill-relay") },
  "silence-relay": { open: relay, on: "live", begin: () => ask("silence-relay") },
  "kill-visitor": { open: relay, on: "live", begin: () => ask("kill-visitor") },
  "server-restart": { open: {}, on: "live", begin: () => ask("server-restart") },
  // Not to be left for another transport, which would not be slow.
  slow: { open: { path: "relay", transport: "websocket" }, on: "live", begin: () => ask("slow") },
  switch: { open: relay, on: "live", begin: takeTurns },
  "force-websocket": { open: { path: "relay", transport: "websocket" }, on: "live", begin: nothing },
  "force-webrtc": { open: { path: "relay", transport: "webrtc" }, on: "live", begin: nothing },
  "force-http": { open: { path: "relay", transport: "http" }, on: "live", begin: nothing },
};

/** As a network that drops every packet does: nobody is told. */
function silence(): void {
  for (const channel of channels) {
    channel.onmessage = null;
    channel.send = nothing;
  }
}

/** The relay by one transport after another, for as long as the page is open. */
function takeTurns(): void {
  let turn = 0;
  const next = () => {
    const kind = TURNS[turn % TURNS.length] ?? "websocket";
    turn += 1;
    window.viewer.goBy(kind);
  };
  next();
  setInterval(next, SWITCH_EVERY_MS);
}

/** What only the server can break; who asks is known by the viewer's token. */
async function ask(fault: string): Promise<void> {
  const session = decodeURIComponent(location.pathname.split("/").at(-1) ?? "");
  const token = sessionStorage.getItem(`cobrowse.viewer.${session}`);
  const address = new URL(`../simulate/${fault}`, location.href);
  const response = await fetch(address, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`simulate=${fault}: ${await response.text()}`);
}

function start(name: string, fault: Fault): void {
  const address = new URL(location.href);
  for (const [key, value] of Object.entries(fault.open))
    if (!address.searchParams.has(key)) address.searchParams.set(key, value);
  history.replaceState(history.state, "", address);
  const look = setInterval(() => {
    const { state, path } = window.viewer?.stats() ?? {};
    if (state !== "live" || (fault.on === "direct" && path !== "direct")) return;
    clearInterval(look);
    setTimeout(async () => {
      await fault.begin();
      console.info(`cobrowse: simulate=${name} has begun`);
      document.documentElement.dataset.simulated = name;
    }, BEFORE_MS);
  }, LOOK_EVERY_MS);
}

const name = new URLSearchParams(location.search).get("simulate") ?? "";
const fault = FAULTS[name];
if (fault) start(name, fault);
