/** The viewer: connects, reads the log by whichever path delivers, and sends the agent's inputs. */
import type { Anchor } from "../anchor";
import { InputSender, type Numbered } from "../inputs";
import { Server } from "../link/server";
import type { TransportKind } from "../link/transport";
import { direct, signalTo } from "../messages";
import {
  type Chat,
  CloseCode,
  type FromViewer,
  type IceServer,
  LOG_VERSION,
  type ToViewer,
  type Updated,
  type WelcomeViewer,
  WIRE_VERSION,
} from "../protocol.gen";
import { type Bytes, decode, encodeRecord, type Item, isControl, packed, VOLATILE, type Volatile } from "../records";
import { proofOf, randomId } from "../secret";
import { applied, EMPTY, entryOf, type SharedState, stateOf } from "../state";
import { isPlayable } from "./check";
import { Direct } from "./direct";
import { Lag } from "./lag";
import { type Command, type Path, Paths } from "./paths";
import { Reader, UnreadableLog } from "./reader";
import type { Stage } from "./stage";

export type ViewerState =
  | "connecting"
  | "waiting"
  | "live"
  | "resetting"
  | "paused"
  | "away"
  | "denied"
  | "ended"
  | "failed";

export interface ViewerOptions {
  /** The server's address, with a trailing slash. */
  readonly base: string;
  readonly session: string;
  readonly secret: string | null;
  readonly agentToken: string | null;
  readonly viewerToken: string | null;
  readonly path: "auto" | Path;
  readonly keepToken: (token: string | null) => void;
}

export interface ViewerStats {
  readonly state: ViewerState;
  readonly path: Path | null;
  readonly transport: TransportKind | null;
  readonly rttMs: number | null;
  readonly lagMs: number | null;
  readonly epoch: number;
  readonly seq: number;
  readonly bytesReceived: number;
  readonly framesReceived: number;
  readonly resets: number;
  readonly eventsHeld: number;
}

/** A line that has been sent and not been seen in the log. */
export interface PendingLine {
  readonly id: string;
  readonly text: string;
  readonly refused: string | null;
}

const TICK_MS = 500;
const SILENT_AFTER_MS = 3_000;
const PROBE_EVERY_MS = 1_000;
const CHAT_AGAIN_MS = 3_000;
const FORCED_WITHIN_MS = 20_000;
const MAX_UNREADABLE = 3;

const DENIED: readonly number[] = [
  CloseCode.REFUSED,
  CloseCode.REMOVED,
  CloseCode.UNAUTHORIZED,
  CloseCode.UNKNOWN_SESSION,
  CloseCode.NOT_PERMITTED,
];

export class Viewer {
  state: ViewerState = "connecting";
  /** Why it is denied, ended or failed; for the others the state says enough. */
  reason = "";
  shared: SharedState = EMPTY;
  pending: readonly PendingLine[] = [];
  welcome: WelcomeViewer | null = null;
  readonly lag = new Lag();

  private readonly server: Server;
  private readonly direct: Direct;
  private readonly paths: Paths;
  private readonly reader = new Reader();
  private readonly inputs = new InputSender<Chat>();
  private iceServers: readonly IceServer[] = [];
  private session: Updated["state"] = "pending";
  private admitted = false;
  private shownOnce = false;
  private over = false;
  private heardDirect = 0;
  private probedAt = 0;
  private bytes = 0;
  private frames = 0;
  private resets = 0;
  private unreadable = 0;
  private wasActive: Path | null = null;
  private sentLines = new Map<string, number>();
  private credentials: ("viewer" | "agent" | "link")[];
  private readonly timer: ReturnType<typeof setInterval>;
  private forcedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly options: ViewerOptions,
    private readonly stage: Stage,
    private readonly onchange: () => void,
  ) {
    this.credentials = [
      ...(options.viewerToken ? (["viewer"] as const) : []),
      ...(options.agentToken ? (["agent"] as const) : []),
      ...(options.secret ? (["link"] as const) : []),
    ];
    this.paths = new Paths(options.path);
    this.direct = new Direct(() => this.iceServers, {
      signal: (signal) => this.control(signalTo("", signal)),
      onopen: () => {
        this.heardDirect = performance.now();
        this.run(this.paths.opened("direct", this.reader.position));
      },
      onmessage: (message) => this.directMessage(message),
      onclose: () => {
        this.run(this.paths.closed("direct", this.reader.position));
        this.settle();
      },
    });
    this.server = new Server(new URL("ws", options.base.replace(/^http/, "ws")).href, {
      hello: () => this.hello(),
      onitem: (item) => this.item("relay", item),
      onlost: (final) => this.lost(final),
      ondrain: () => {},
    });
    this.timer = setInterval(() => this.tick(), TICK_MS);
    if (options.path === "direct")
      this.forcedTimer = setTimeout(() => {
        if (this.paths.active !== "direct" && this.admitted)
          this.finish("failed", "no direct path to the visitor could be made");
      }, FORCED_WITHIN_MS);
    this.server.connect();
  }

  get stats(): ViewerStats {
    const path = this.paths.active;
    const transport = path === "direct" ? "webrtc" : path === "relay" ? (this.server.transport?.kind ?? null) : null;
    return {
      state: this.state,
      path,
      transport,
      rttMs: this.lag.rttMs,
      lagMs: this.lag.lagMs,
      epoch: this.reader.epoch,
      seq: this.reader.seq,
      bytesReceived: this.bytes,
      framesReceived: this.frames,
      resets: this.resets,
      eventsHeld: this.stage.player.held,
    };
  }

  /** A line of chat; it stays pending until it is seen in the log. */
  say(text: string): void {
    const line = text.trim().slice(0, 2_000);
    if (!line || this.over) return;
    const id = randomId();
    this.pending = [...this.pending, { id, text: line, refused: null }];
    this.sendLine(id, line);
    this.onchange();
  }

  /** Where the agent points; null when it has left the page. */
  point(anchor: Anchor | null): void {
    const values = anchor ? [anchor.id, anchor.x, anchor.y] : [];
    this.sendVolatile({ kind: VOLATILE, party: "", name: "pointer", values });
  }

  /** The page is going: the others need not find out by silence. */
  leave(): void {
    this.direct.stop();
    this.server.close();
  }

  /** For tests and diagnosis: cut the direct path as a network would. */
  cutDirect(): void {
    this.direct.close();
  }

  // Server -----------------------------------------------------------------------------------------------------

  private hello(): object {
    const { session, secret, agentToken, viewerToken } = this.options;
    const [credential] = this.credentials;
    if (this.paths.active !== "direct") this.run(this.paths.opened("relay", this.reader.position), true);
    else this.run(this.paths.opened("relay", null));
    return {
      type: "hello",
      role: "viewer",
      wire: WIRE_VERSION,
      log: LOG_VERSION,
      session,
      name: "",
      proof: secret ? proofOf(secret) : null,
      token: credential === "viewer" ? viewerToken : credential === "agent" ? agentToken : null,
    } satisfies FromViewer;
  }

  private lost(final: { code: number; reason: string } | null): boolean {
    this.run(this.paths.closed("relay", this.reader.position));
    if (!final) {
      this.settle();
      return true;
    }
    if (final.code === CloseCode.UNAUTHORIZED && this.credentials.length > 1) {
      this.credentials.shift();
      return true;
    }
    if (final.code === CloseCode.ENDED) this.finish("ended", this.reason || final.reason);
    else if (DENIED.includes(final.code)) this.finish("denied", final.reason);
    else this.finish("failed", final.reason || `the connection closed with code ${final.code}`);
    return false;
  }

  private control(message: FromViewer, by: Path = "relay"): void {
    if (by === "direct") this.direct.transport?.send(packed(message));
    else this.server.send(message);
  }

  private run(commands: readonly Command[], afterHello = false): void {
    for (const { path, message } of commands) {
      if (afterHello) queueMicrotask(() => this.control(message, path));
      else this.control(message, path);
    }
  }

  // What comes in ----------------------------------------------------------------------------------------------

  private directMessage(message: Bytes): void {
    this.heardDirect = performance.now();
    try {
      for (const item of decode(message)) this.item("direct", item);
    } catch (error) {
      console.warn("cobrowse: the direct path is given up", error);
      this.direct.close();
    }
  }

  private item(path: Path, item: Item): void {
    if (this.over) return;
    if (isControl(item)) {
      const message = path === "direct" ? direct(item) : (item as unknown as ToViewer);
      if (message) this.message(path, message as ToViewer);
      return;
    }
    if (item.kind === VOLATILE) {
      this.volatile(item);
      return;
    }
    this.bytes += item.data.length;
    if (!this.paths.accepts(path)) return;
    try {
      if (item.kind === 1) {
        this.frames += 1;
        const taken = this.reader.take(item);
        if (taken === "gap") this.run(this.paths.gap(path, this.reader.position));
        else if (typeof taken === "object") this.apply(taken.events);
      } else {
        const restored = this.reader.takePart(item);
        if (restored) this.restore(stateOf(restored.state), restored.events);
      }
    } catch (error) {
      if (!(error instanceof UnreadableLog)) throw error;
      this.startOver(error);
    }
  }

  private message(path: Path, message: ToViewer): void {
    switch (message.type) {
      case "welcome":
        this.welcome = message;
        this.iceServers = message.ice_servers;
        this.session = message.state;
        this.options.keepToken(message.token);
        this.settle();
        break;
      case "admitted":
        this.admitted = true;
        if (this.options.path === "direct") this.direct.attempt();
        this.settle();
        break;
      case "updated":
        this.session = message.state;
        this.settle();
        break;
      case "ended":
        this.reason = ENDED[message.reason] ?? message.reason;
        this.finish("ended", this.reason);
        break;
      case "resumed":
        this.run(this.paths.resumed(path, message.id));
        this.settle();
        break;
      case "reset": {
        const { taken, commands } = this.paths.reset(path, message.id);
        this.run(commands);
        if (taken) this.startReset();
        break;
      }
      case "acknowledged":
        this.inputs.acknowledged(message.n);
        break;
      case "refused":
        this.inputs.refused(message.n);
        this.refuseLines(message.reason);
        break;
      case "signal":
        if (message.declined) this.direct.decline();
        else this.direct.receive(peerSignal(message));
        break;
      case "ping":
        this.control({ type: "pong", at: message.at }, path);
        break;
    }
  }

  private volatile({ name, values }: Volatile): void {
    const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
    const [a, b, c] = numbers;
    const three = a !== undefined && b !== undefined && c !== undefined;
    if (name === "pointer") this.stage.point(three ? { id: a, x: b, y: c } : null);
    if (name === "echo" && three) {
      if (this.state === "live") this.lag.echoed(a, b, c, this.reader, performance.now());
      this.onchange();
    }
  }

  // The page ---------------------------------------------------------------------------------------------------

  private apply(events: readonly unknown[]): void {
    this.paths.delivered();
    this.note(events);
    this.stage.apply(events.filter(isPlayable));
    this.lag.applied(this.reader.epoch, this.reader.seq, performance.now());
  }

  private restore(state: SharedState, events: readonly unknown[]): void {
    this.paths.started();
    this.shared = state;
    this.seen();
    this.stage.restore(events.filter(isPlayable));
    this.shownOnce = true;
    // The player applies what it is given in a microtask: only then is the page there.
    queueMicrotask(() => queueMicrotask(() => this.settle()));
  }

  private startReset(): void {
    if (this.shownOnce) this.resets += 1;
    this.reader.reset();
    this.settle();
  }

  private startOver(error: UnreadableLog): void {
    console.warn("cobrowse: the log cannot be read on; starting over", error);
    this.unreadable += 1;
    if (this.unreadable >= MAX_UNREADABLE) {
      this.finish("failed", `the page cannot be shown: ${error.message}`);
      return;
    }
    this.startReset();
    this.run(this.paths.unreadable());
  }

  private note(events: readonly unknown[]): void {
    const before = this.shared;
    for (const event of events) {
      const entry = entryOf(event);
      if (entry) this.shared = applied(this.shared, entry);
    }
    if (this.shared === before) return;
    this.seen();
    this.onchange();
  }

  // Chat -------------------------------------------------------------------------------------------------------

  private sendLine(id: string, text: string): void {
    this.sentLines.set(id, performance.now());
    this.sendInput(this.inputs.send({ kind: "chat", id, text }, performance.now()));
  }

  private sendInput({ n, base, input }: Numbered<Chat>): void {
    this.control({ type: "input", n, base, input }, this.inputPath);
  }

  private get inputPath(): Path {
    return this.paths.active === "direct" && this.direct.transport ? "direct" : "relay";
  }

  /** Lines that are in the log now are pending no more. */
  private seen(): void {
    const ids = new Set(this.shared.chat.map(({ id }) => id));
    this.pending = this.pending.filter(({ id }) => !ids.has(id));
    for (const id of ids) this.sentLines.delete(id);
  }

  private refuseLines(reason: string): void {
    this.pending = this.pending.map((line) => ({ ...line, refused: reason }));
    this.onchange();
  }

  // Time, paths and state --------------------------------------------------------------------------------------

  private tick(): void {
    const now = performance.now();
    if (this.direct.transport && now - this.heardDirect > SILENT_AFTER_MS) this.direct.close();
    if (now - this.probedAt >= PROBE_EVERY_MS) {
      this.probedAt = now;
      this.direct.transport?.send(packed({ type: "ping", at: now }));
      this.sendVolatile({ kind: VOLATILE, party: "", name: "probe", values: [now] });
    }
    if (this.state === "live" && this.direct.transport && !this.paths.has("direct"))
      this.run(this.paths.opened("direct", this.reader.position));
    for (const { id, text, refused } of this.pending) {
      const sent = this.sentLines.get(id) ?? 0;
      if (refused === null && this.state === "live" && now - sent > CHAT_AGAIN_MS) this.sendLine(id, text);
    }
  }

  private sendVolatile(record: Volatile): void {
    if (!this.admitted || this.over) return;
    const { transport } = this.direct;
    if (this.paths.active === "direct" && transport) transport.sendVolatile(encodeRecord(record));
    else if (this.server.transport?.bufferedAmount === 0) this.server.transport.sendVolatile(encodeRecord(record));
  }

  /** After anything that may change the state or the path. */
  private settle(): void {
    if (this.over) return;
    const { active } = this.paths;
    if (active !== null && active !== this.wasActive && this.wasActive !== null)
      for (const input of this.inputs.resend(performance.now())) this.sendInput(input);
    if (active !== null) this.wasActive = active;
    this.state = this.currentState(active);
    if (this.state === "live" && this.options.path !== "relay" && this.welcome?.path !== "relay") this.tryDirect();
    this.onchange();
  }

  private tryDirect(): void {
    if (this.paths.active === "direct") return;
    this.direct.attempt();
  }

  private currentState(active: Path | null): ViewerState {
    if (!this.welcome || (active === null && !this.server.isOpen)) return "connecting";
    if (this.session === "away" || this.session === "paused") return this.session;
    if (!this.admitted) return "waiting";
    if (this.reader.starting) return this.shownOnce ? "resetting" : "waiting";
    return active === null ? "connecting" : "live";
  }

  private finish(state: ViewerState, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.state = state;
    this.reason = reason;
    clearInterval(this.timer);
    clearTimeout(this.forcedTimer);
    this.direct.stop();
    this.server.close();
    this.stage.clear();
    this.options.keepToken(null);
    this.onchange();
  }
}

const ENDED: Record<string, string> = {
  broadcaster: "the visitor has ended it",
  agent: "an agent has ended it",
  pending_timeout: "nobody was let in for a long time",
  idle_timeout: "nobody has watched for a long time",
  active_timeout: "it has reached the longest time allowed",
  away_timeout: "the visitor did not come back",
  server: "the server has ended it",
};

function peerSignal({ description, candidate }: Extract<ToViewer, { type: "signal" }>) {
  return { ...(description ? { description } : {}), ...(candidate ? { candidate } : {}) };
}
