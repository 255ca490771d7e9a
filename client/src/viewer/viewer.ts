/** The viewer: connects, reads the log by whichever path delivers, and sends the agent's inputs. */
import type { Numbered } from "../inputs";
import type { Ice, Route } from "../link/peer";
import { Server } from "../link/server";
import type { TransportKind } from "../link/transport";
import { direct, signalIn, signalTo } from "../messages";
import {
  type Chat,
  CloseCode,
  type FromViewer,
  LOG_VERSION,
  type ToViewer,
  type Updated,
  type WelcomeViewer,
  WIRE_VERSION,
} from "../protocol.gen";
import { type Bytes, decode, encodeRecord, type Item, isControl, packed, VOLATILE, type Volatile } from "../records";
import type { SharedState } from "../state";
import { Credentials } from "./credentials";
import { Direct } from "./direct";
import { BEHIND_MS } from "./health";
import { Interruption } from "./interruption";
import { Lines } from "./lines";
import { noticeOf } from "./notice";
import type { ViewerOptions, ViewerStats } from "./options";
import { Page } from "./page";
import { type Command, type Path, Paths } from "./paths";
import { UnreadableLog } from "./reader";
import type { Stage } from "./stage";
import { ENDED, stateAfter, stateIn, type ViewerState } from "./states";
import { Volatiles } from "./volatiles";
import { Wished } from "./wished";

const TICK_MS = 500;
const PROBE_EVERY_MS = 1_000;

export class Viewer {
  state: ViewerState = "connecting";
  /** Why it is denied, ended or failed, or what the site says of its absence; for the others the state says enough. */
  reason = "";
  welcome: WelcomeViewer | null = null;
  readonly lines: Lines;
  readonly volatiles: Volatiles;

  private readonly server: Server;
  private readonly direct: Direct;
  private readonly paths: Paths;
  private readonly page: Page;
  private ice: Ice = { iceServers: [] };
  private session: Updated["state"] = "pending";
  private admitted = false;
  private over = false;
  private probedAt = 0;
  private lastActive: Path | null = null;
  private readonly wish = new Wished((reason) => this.finish("failed", reason));
  private readonly gap = new Interruption();
  private readonly credentials: Credentials;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly options: ViewerOptions,
    private readonly stage: Stage,
    private readonly onchange: () => void,
  ) {
    const { secret, agentToken, viewerToken, keepToken } = options;
    this.credentials = new Credentials(secret, agentToken, viewerToken, keepToken);
    this.lines = new Lines((input) => this.sendInput(input));
    this.page = new Page(
      stage,
      () => this.settle(),
      () => {
        this.lines.seen(this.page.shared.chat);
        this.volatiles.seen(this.page.shared.chat);
        this.onchange();
      },
    );
    this.volatiles = new Volatiles(this.page, stage, (record) => this.sendVolatile(record), onchange);
    this.paths = new Paths(options.path);
    this.direct = new Direct(() => this.ice, {
      signal: (signal) => this.control(signalTo("", signal)),
      onopen: () => this.run(this.paths.opened("direct", this.page.reader.position)),
      onmessage: (message) => this.directMessage(message),
      onclose: () => {
        this.run(this.paths.closed("direct", this.page.reader.position));
        this.settle();
      },
    });
    this.server = new Server(options.base, options.transport, {
      hello: () => this.hello(),
      onitem: (item) => this.item("relay", item),
      onlost: (final, code) => this.lost(final, code),
      ondrain: () => {},
    });
    this.timer = setInterval(() => this.tick(), TICK_MS);
    if (options.path === "direct") this.onlyDirect();
    else if (options.transport !== "auto")
      this.wish.within(() => this.server.mayCarry, `no connection to the server by ${options.transport} could be made`);
    this.server.connect();
  }

  /** What the direct path goes by; null while there is none. */
  get route(): Route | null {
    return this.direct.route;
  }

  get shared(): SharedState {
    return this.page.shared;
  }

  get stats(): ViewerStats {
    const path = this.paths.active;
    const transport = path === "direct" ? "webrtc" : path === "relay" ? (this.server.transport?.kind ?? null) : null;
    const { reader, lag, bytes, frames, resets } = this.page;
    return {
      state: this.state,
      path,
      transport,
      rttMs: lag.rttMs,
      lagMs: lag.lagMs,
      epoch: reader.epoch,
      seq: reader.seq,
      bytesReceived: bytes,
      framesReceived: frames,
      resets,
      eventsHeld: this.stage.player.held,
      leftOut: this.stage.player.left.byReason,
    };
  }

  /** What is to be said where the page is not live, in a sentence. */
  get notice(): string {
    const { state, reason, admitted, gap } = this;
    const { progress } = this.page.reader;
    const interruptedMs = gap.lastsMs(performance.now());
    return noticeOf({ state, reason, admitted, progress, slow: gap.slow, interruptedMs });
  }

  /** What was left out of the page, in a sentence; null when nothing was. */
  get leftOut(): string | null {
    return this.stage.player.left.sentence;
  }

  /** The last round trip to the server, in ms. */
  get serverRttMs(): number | null {
    return this.server.rttMs;
  }

  /** A line of chat; it stays pending until it is seen in the log. */
  say(text: string): void {
    if (!this.mayChat || !this.lines.say(text, performance.now())) return;
    this.volatiles.said();
    this.onchange();
  }

  /** Whether a line can be written now: somebody was let in, and the session goes on. */
  get mayChat(): boolean {
    return this.admitted && !this.over;
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

  /** For diagnosis: change the relay to that transport, and stay with it. */
  goBy(transport: TransportKind): void {
    this.server.goBy(transport);
  }

  private hello(): object {
    const position = this.paths.active === "direct" ? null : this.page.reader.position;
    // Right after hello: nothing waits for the answer.
    if (this.server.mayCarry) {
      const commands = this.paths.opened("relay", position);
      queueMicrotask(() => this.run(commands));
    }
    return {
      type: "hello",
      role: "viewer",
      wire: WIRE_VERSION,
      log: LOG_VERSION,
      session: this.options.session,
      name: "",
      ...this.credentials.shown,
    } satisfies FromViewer;
  }

  private lost(final: { code: number; reason: string } | null, code: number | null): boolean {
    if (code === CloseCode.SLOW || (code !== null && this.isBehind)) this.gap.slow = true;
    this.run(this.paths.closed("relay", this.page.reader.position));
    if (!final) {
      this.settle();
      return true;
    }
    if (final.code === CloseCode.UNAUTHORIZED && this.credentials.refused()) return true;
    const state = stateAfter(final.code);
    const told = state === "ended" ? this.reason : "";
    this.finish(state, told || final.reason || `the connection closed with code ${final.code}`);
    return false;
  }

  private control(message: FromViewer, by: Path = "relay"): void {
    if (by === "direct") this.direct.transport?.send(packed(message));
    else this.server.send(message);
  }

  private run(commands: readonly Command[]): void {
    for (const { path, message } of commands) this.control(message, path);
  }

  private directMessage(message: Bytes): void {
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
    } else if (item.kind === VOLATILE) {
      this.volatiles.take(item, this.state === "live");
    } else if (this.paths.accepts(path)) {
      try {
        const taken = this.page.take(item);
        if (taken === "gap") this.run(this.paths.gap(path, this.page.reader.position));
        else if (taken === "applied") this.paths.delivered();
        else if (taken === "restored") this.paths.started();
      } catch (error) {
        if (error instanceof UnreadableLog) this.startOver(error);
        else {
          this.finish("failed", error instanceof Error ? error.message : String(error));
          throw error;
        }
      }
    }
  }

  private message(path: Path, message: ToViewer): void {
    switch (message.type) {
      case "welcome":
        this.welcomed(message);
        break;
      case "ice":
        this.ice = { ...this.ice, iceServers: message.ice_servers };
        break;
      case "admitted":
        this.admitted = true;
        if (this.isDirectOnly) this.direct.attempt();
        this.settle();
        break;
      case "updated":
        this.session = message.state;
        this.reason = message.message;
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
        if (taken) this.page.reset();
        this.settle();
        break;
      }
      case "acknowledged":
        this.lines.acknowledged(message.n);
        break;
      case "refused":
        this.lines.refused(message.n, message.reason);
        this.onchange();
        break;
      case "signal":
        if (message.declined) this.direct.decline();
        else this.direct.receive(signalIn(message));
        break;
      case "ping":
        this.control({ type: "pong", at: message.at }, path);
        break;
    }
  }

  private welcomed(welcome: WelcomeViewer): void {
    const wished = this.options.path;
    this.welcome = welcome;
    this.ice = { iceServers: welcome.ice_servers, policy: welcome.ice_policy };
    this.session = welcome.state;
    this.credentials.welcomed(welcome.token);
    if (wished !== "auto" && welcome.path !== "auto" && welcome.path !== wished) {
      this.finish("failed", `the path ${wished} was asked for, and this session goes by ${welcome.path} only`);
      return;
    }
    if (welcome.path === "relay") this.paths.restrict("relay");
    if (welcome.path === "direct" && wished === "auto") this.onlyDirect();
    this.settle();
  }

  private startOver(error: UnreadableLog): void {
    console.warn("cobrowse: the log cannot be read on; starting over", error);
    if (this.page.startOver()) {
      this.settle();
      this.run(this.paths.unreadable());
    } else this.finish("failed", `the page cannot be shown: ${error.message}`);
  }

  private sendInput({ n, base, input }: Numbered<Chat>): void {
    const path = this.paths.active === "direct" && this.direct.transport ? "direct" : "relay";
    this.control({ type: "input", n, base, input }, path);
  }

  private tick(): void {
    const now = performance.now();
    this.direct.closeSilent(now);
    if (now - this.probedAt >= PROBE_EVERY_MS) {
      this.probedAt = now;
      this.direct.probe(now);
      this.volatiles.probe(now);
    }
    if (this.direct.transport && !this.paths.has("direct") && (this.state === "live" || this.isDirectOnly))
      this.run(this.paths.opened("direct", this.page.reader.position));
    if (this.state === "live") this.lines.tick(now);
    this.settle();
  }

  private sendVolatile(record: Volatile): void {
    if (!this.admitted || this.over) return;
    const { transport } = this.direct;
    if (this.paths.active === "direct" && transport) transport.sendVolatile(encodeRecord(record));
    else if (this.server.isOpen) this.server.transport?.sendVolatile(encodeRecord(record));
  }

  private get isDirectOnly(): boolean {
    return this.options.path === "direct" || this.welcome?.path === "direct";
  }

  private onlyDirect(): void {
    this.paths.restrict("direct");
    this.direct.standAlone();
    this.wish.within(
      () => this.paths.active === "direct" || !this.admitted,
      "no direct path to the visitor could be made",
    );
  }

  private get isBehind(): boolean {
    return (this.page.lag.lagMs ?? 0) > BEHIND_MS;
  }

  /** After anything that may change the state or the path. */
  private settle(): void {
    if (this.over) return;
    const { active } = this.paths;
    const now = performance.now();
    this.gap.note(active !== null, now);
    if (active !== null) {
      if (active !== this.lastActive && this.lastActive !== null) this.lines.resend(now);
      this.lastActive = active;
      this.wish.granted();
    }
    this.state = stateIn({
      before: this.state,
      welcomed: this.welcome !== null,
      connected: this.server.isOpen,
      session: this.session,
      admitted: this.admitted,
      starting: this.page.reader.starting,
      shownOnce: this.page.shownOnce,
      active,
      interruptedMs: this.gap.lastsMs(now),
    });
    if (this.state === "live" && active !== null && !this.isBehind) this.gap.slow = false;
    const mayGoDirect = this.options.path !== "relay" && this.welcome?.path !== "relay";
    if (this.state === "live" && mayGoDirect && active !== "direct") this.direct.attempt();
    this.onchange();
  }

  private finish(state: ViewerState, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.state = state;
    this.reason = reason;
    clearInterval(this.timer);
    this.wish.granted();
    this.direct.stop();
    this.server.close();
    this.stage.clear();
    this.credentials.forget();
    this.onchange();
  }
}
