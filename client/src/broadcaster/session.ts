/** The broadcaster's session: the public object, and what joins its parts. */

import { type Anchor, anchorAt } from "../anchor";
import { Emitter } from "../emitter";
import { Server } from "../link/server";
import {
  type AdmittedViewer,
  CAPABILITIES,
  type Capability,
  type Ended,
  type FromBroadcaster,
  type IceServer,
  LOG_VERSION,
  type ToBroadcaster,
  type Updated,
  type WelcomeBroadcaster,
  WIRE_VERSION,
} from "../protocol.gen";
import { encodeRecord, type Item, isControl, VOLATILE, type Volatile } from "../records";
import { makeSecret, proofOf, randomId } from "../secret";
import { applied, type ChatLine, EMPTY, type Entry, type SharedState } from "../state";
import { type ConfirmView, Consent, type ViewerInfo } from "./consent";
import { Pump, RelayFeed } from "./feeds";
import { type Input, Inputs } from "./inputs";
import { Peers } from "./peers";
import { watchPointer } from "./pointer";
import { type PrivacyOptions, privacyOf } from "./privacy";
import { Recorder, withoutQuery } from "./recorder";
import { clear, type Stored, save } from "./store";

export interface StartOptions extends PrivacyOptions {
  /** The site's key; default: the script tag's `data-site`. */
  readonly site?: string;
  /** The server; default: where the script came from. */
  readonly server?: string;
  /** What the site knows of the visitor, for its own use. */
  readonly customData?: Readonly<Record<string, string>>;
  /** The most that may be granted in this session. */
  readonly capabilities?: readonly Capability[];
  /** "granted": the visitor has agreed already to be seen by whoever holds the link; needs the site's policy. */
  readonly consent?: "ask" | "granted";
  /** The site's own question to the visitor. */
  readonly confirmView?: ConfirmView;
  /** "relay" keeps frames off direct paths. */
  readonly path?: "auto" | "relay" | "direct";
}

export type SessionState = Updated["state"];
export type EndedReason = Ended["reason"] | "failed";

export interface Viewer extends ViewerInfo {
  readonly capabilities: readonly Capability[];
  readonly path: "direct" | "relay";
}

export interface Stats {
  readonly epoch: number;
  readonly seq: number;
  readonly viewers: number;
  readonly bytesSent: number;
  readonly checkpoints: number;
}

export type SessionEvents = {
  "session.updated": Session;
  "session.ended": Session;
  "viewer.requested": ViewerInfo;
  "viewer.joined": Viewer;
  "viewer.left": ViewerInfo;
  "viewer.updated": Viewer;
  chat: ChatLine;
  metrics: Stats;
  /** A viewer's pointer; null when it has left the page. For the widget. */
  pointer: { viewer: ViewerInfo; anchor: Anchor | null };
};

const TICK_MS = 1_000;
const MAX_TEXT = 2_000;

/** A session cannot be started or carried on; the text says why, and `code` is the close code. */
export class SessionError extends Error {
  override readonly name = "SessionError";

  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}

export class Session {
  id = "";
  code = "";
  link = "";
  state: SessionState = "pending";
  endedReason: EndedReason | null = null;
  readonly customData: Readonly<Record<string, string>>;
  /** Resolves with the first welcome; rejects with a SessionError when there will be none. */
  readonly ready: Promise<this>;

  private readonly emitter = new Emitter<SessionEvents>();
  private readonly server: Server;
  private readonly recorder: Recorder;
  private readonly consent: Consent;
  private readonly inputs: Inputs;
  private readonly peers: Peers;
  private readonly feed: RelayFeed;
  private pump: Pump | null = null;
  private readonly secret: string;
  private token: string | null;
  private epoch = 0;
  private lastEpoch: number;
  private paused: boolean;
  private over = false;
  private shared: SharedState;
  private readonly connected = new Map<string, ViewerInfo>();
  private readonly joined = new Set<string>();
  private iceServers: readonly IceServer[] = [];
  private policy: WelcomeBroadcaster | null = null;
  private granted: boolean;
  private sentBefore = 0;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly cleanups: (() => void)[] = [];

  /** Throws TypeError when an option cannot be used: nothing is shared then. */
  constructor(
    private readonly base: string,
    private readonly site: string,
    private readonly options: StartOptions,
    ask: ConfirmView,
    stored: Stored | null,
  ) {
    const privacy = privacyOf(options);
    this.customData = options.customData ?? {};
    this.secret = stored?.secret ?? makeSecret();
    this.token = stored?.token ?? null;
    this.lastEpoch = stored?.epoch ?? 0;
    this.paused = stored?.paused ?? false;
    this.granted = stored?.granted ?? false;
    this.shared = stored?.state ?? EMPTY;
    if (stored) this.describe(stored.id, stored.code);
    this.recorder = new Recorder(
      privacy,
      () => this.shared,
      () => this.notePage(),
      () => this.pumpAll(),
    );
    const asked = options.confirmView ?? ask;
    const session = this;
    this.consent = new Consent(
      {
        get granted() {
          return session.granted;
        },
        get capabilities() {
          return session.allowed;
        },
      },
      (viewer) => asked(viewer),
      (viewer) => this.admit(viewer),
      (viewer, reason) => this.remove(viewer, reason),
    );
    for (const viewer of stored?.viewers ?? []) this.consent.admitted.set(viewer.id, viewer);
    this.inputs = new Inputs(
      {
        may: (viewer, capability) => this.consent.may(viewer, capability),
        apply: (viewer, input) => this.apply(viewer, input),
        acknowledge: (viewer, n) => this.answer(viewer, { type: "acknowledged", viewer, n }),
        refuse: (viewer, n, reason) => this.answer(viewer, { type: "refused", viewer, n, reason }),
      },
      stored?.inputs ?? {},
    );
    this.feed = new RelayFeed(this.recorder);
    this.peers = new Peers(this.recorder, () => this.iceServers, {
      signal: (signal) => this.send(signal),
      input: (viewer, message) => this.inputs.take(viewer, message),
      volatile: (viewer, record) => this.volatile(viewer, record),
      onchange: () => this.viewersChanged(),
    });
    this.server = new Server(new URL("ws", base.replace(/^http/, "ws")).href, {
      hello: () => this.hello(),
      onitem: (item) => this.item(item),
      onlost: (final) => this.lost(final),
      ondrain: () => this.pump?.pump(),
    });
    this.ready = new Promise((resolve, reject) => {
      const off = [
        this.on("session.updated", () => {
          if (this.id === "" || this.policy === null) return;
          for (const stop of off) stop();
          resolve(this);
        }),
        this.on("session.ended", () => {
          for (const stop of off) stop();
          reject(this.failure ?? new SessionError(`the session has ended: ${this.endedReason}`, 0));
        }),
      ];
    });
    this.ready.catch(() => {}); // whoever asked for it is told; nobody else needs to be
    this.timer = setInterval(() => this.tick(), TICK_MS);
    const keep = () => this.keep();
    addEventListener("pagehide", keep);
    const seen = () => this.notePage();
    document.addEventListener("visibilitychange", seen);
    this.cleanups.push(
      () => removeEventListener("pagehide", keep),
      () => document.removeEventListener("visibilitychange", seen),
      watchPointer((at) => this.pointer(at)),
    );
    this.server.connect();
  }

  private failure: SessionError | null = null;

  // The public surface -----------------------------------------------------------------------------------------

  get viewers(): Viewer[] {
    return [...this.joined].flatMap((id) => {
      const viewer = this.consent.admitted.get(id);
      return viewer ? [{ ...viewer, path: this.peers.serves(id) ? ("direct" as const) : ("relay" as const) }] : [];
    });
  }

  get chat(): readonly ChatLine[] {
    return this.shared.chat;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (payload: SessionEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener);
  }

  /** Stop sharing for now: nothing more of the page is recorded. */
  pause(): void {
    if (this.over || this.paused) return;
    this.paused = true;
    this.recorder.stop();
    this.send({ type: "pause" });
    this.keep();
    this.emitter.emit("session.updated", this);
  }

  unpause(): void {
    if (this.over || !this.paused) return;
    this.paused = false;
    if (this.server.isOpen) {
      this.send({ type: "begin" });
    } else {
      // The next hello asks for it.
      this.lastEpoch = Math.max(this.lastEpoch, this.epoch);
      this.epoch = 0;
    }
    this.keep();
    this.emitter.emit("session.updated", this);
  }

  end(): void {
    this.send({ type: "end" });
    this.finish("broadcaster");
  }

  /** Throws RangeError for a viewer that has not been let in. */
  grant(viewer: string, capabilities: readonly Capability[]): void {
    this.consent.grant(viewer, capabilities);
  }

  revoke(viewer: string, capabilities?: readonly Capability[]): void {
    this.consent.revoke(viewer, capabilities);
  }

  /** A line of chat from the visitor. */
  say(text: string): void {
    const line = text.trim().slice(0, MAX_TEXT);
    if (line && !this.over)
      this.enter({ kind: "chat", line: { id: randomId(), from: "", name: "Visitor", text: line } });
  }

  stats(): Stats {
    return {
      epoch: this.recorder.epoch,
      seq: this.recorder.log.next - 1,
      viewers: this.joined.size,
      bytesSent: this.sentBefore + (this.pump?.sent ?? 0) + this.peers.sent,
      checkpoints: this.recorder.checkpoints,
    };
  }

  // Server -----------------------------------------------------------------------------------------------------

  private hello(): object {
    return {
      type: "hello",
      role: "broadcaster",
      wire: WIRE_VERSION,
      log: LOG_VERSION,
      site: this.site,
      token: this.token,
      proof: proofOf(this.secret),
      epoch: this.epoch || null,
      last_epoch: Math.max(this.lastEpoch, this.epoch),
      paused: this.paused,
      path: this.options.path ?? "auto",
      viewers: [...this.consent.admitted.values()],
    } satisfies FromBroadcaster;
  }

  private item(item: Item): void {
    this.recorder.tick();
    if (isControl(item)) this.message(item as unknown as ToBroadcaster);
    else if (item.kind === VOLATILE) this.volatile(item.party, item);
  }

  private message(message: ToBroadcaster): void {
    switch (message.type) {
      case "welcome":
        this.welcome(message);
        break;
      case "begun":
        this.epoch = message.epoch;
        this.record();
        break;
      case "demand":
        this.feed.demand(message);
        this.pump?.pump();
        break;
      case "requested": {
        const { viewer: id, name, role } = message;
        this.connected.set(id, { id, name, role });
        if (!this.consent.admitted.has(id)) this.emitter.emit("viewer.requested", { id, name, role });
        void this.consent.request(message);
        break;
      }
      case "left":
        this.consent.withdraw(message.viewer);
        this.gone(message.viewer);
        break;
      case "input":
        this.inputs.take(message.viewer, message);
        break;
      case "signal":
        if (this.consent.may(message.peer, "view") && this.mayGoDirect) this.peers.receive(message.peer, message);
        else this.send({ ...message, description: null, candidate: null, declined: "direct paths are off here" });
        break;
      case "updated":
        this.state = message.state;
        this.emitter.emit("session.updated", this);
        break;
      case "ended":
        this.finish(message.reason);
        break;
    }
  }

  private welcome(welcome: WelcomeBroadcaster): void {
    this.policy = welcome;
    this.token = welcome.token;
    this.epoch = welcome.epoch;
    this.iceServers = welcome.ice_servers;
    this.granted = welcome.consent === "granted" && this.options.consent === "granted";
    this.state = welcome.state;
    this.describe(welcome.session, welcome.code);
    this.feed.begin();
    this.sentBefore += this.pump?.sent ?? 0;
    const { transport } = this.server;
    this.pump = transport ? new Pump(transport, this.feed) : null;
    this.keep();
    this.record();
    this.emitter.emit("session.updated", this);
  }

  private lost(final: { code: number; reason: string } | null): boolean {
    this.feed.begin();
    if (!final) return true;
    this.failure = new SessionError(final.reason || `the connection closed with code ${final.code}`, final.code);
    this.finish("failed");
    return false;
  }

  private send(message: FromBroadcaster): void {
    this.server.send(message);
  }

  /** By the viewer's direct path where it has one. */
  private answer(viewer: string, message: FromBroadcaster): void {
    if (!this.peers.send(viewer, { ...message, viewer: "" })) this.send(message);
  }

  // Recording --------------------------------------------------------------------------------------------------

  /** Record once somebody has been let in, in the granted epoch, when the page is there. */
  private record(): void {
    if (this.over || this.consent.admitted.size === 0 || this.epoch === 0 || this.recorder.epoch === this.epoch) return;
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => this.record(), { once: true });
      return;
    }
    this.shared = applied(this.shared, this.pageEntry());
    this.recorder.begin(this.epoch, !this.paused);
  }

  private pageEntry(): Entry {
    const { title, hidden } = document;
    return { kind: "page", page: { title: title.slice(0, 300), address: withoutQuery(location.href), hidden } };
  }

  private notePage(): void {
    if (this.paused || this.over) return;
    const entry = this.pageEntry();
    if (JSON.stringify(entry) !== JSON.stringify({ kind: "page", page: this.shared.page })) this.enter(entry);
  }

  /** An entry of the session: into the state, and into the log. */
  private enter(entry: Entry): void {
    const before = this.shared;
    this.shared = applied(before, entry);
    if (this.shared === before) return;
    this.recorder.add(entry);
    if (entry.kind === "chat") {
      this.keep();
      this.emitter.emit("chat", entry.line);
    }
  }

  private pumpAll(): void {
    this.pump?.pump();
    this.peers.pump();
  }

  // Viewers ----------------------------------------------------------------------------------------------------

  private get allowed(): readonly Capability[] {
    const site = this.policy?.capabilities ?? [];
    const wanted = this.options.capabilities ?? CAPABILITIES;
    return site.filter((capability) => wanted.includes(capability));
  }

  private get mayGoDirect(): boolean {
    return this.policy?.path !== "relay" && this.options.path !== "relay";
  }

  private admit(viewer: AdmittedViewer): void {
    const { id, capabilities } = viewer;
    this.send({ type: "admit", viewer: id, capabilities: [...capabilities] });
    this.record();
    if (this.connected.has(id) && !this.joined.has(id)) {
      this.joined.add(id);
      this.notePresent();
      const joined = this.viewers.find((one) => one.id === id);
      if (joined) this.emitter.emit("viewer.joined", joined);
    } else {
      const updated = this.viewers.find((one) => one.id === id);
      if (updated) this.emitter.emit("viewer.updated", updated);
    }
    this.keep();
  }

  private remove(viewer: string, reason: string): void {
    this.send({ type: "remove", viewer, reason });
    this.peers.close(viewer);
    this.inputs.forget(viewer);
    this.gone(viewer);
    this.keep();
  }

  private gone(id: string): void {
    const viewer = this.connected.get(id);
    this.connected.delete(id);
    if (!this.joined.delete(id) || !viewer) return;
    this.notePresent();
    this.emitter.emit("pointer", { viewer, anchor: null });
    this.emitter.emit("viewer.left", viewer);
  }

  private notePresent(): void {
    this.enter({ kind: "present", present: this.viewers.map(({ id, name, role }) => ({ id, name, role })) });
  }

  private viewersChanged(): void {
    for (const viewer of this.viewers) this.emitter.emit("viewer.updated", viewer);
  }

  private apply(viewer: string, input: Input): void {
    const { name } = this.consent.admitted.get(viewer) ?? { name: "" };
    if (input.kind === "chat")
      this.enter({ kind: "chat", line: { id: input.id, from: viewer, name, text: input.text } });
  }

  private volatile(from: string, { name, values }: Volatile): void {
    const viewer = this.consent.admitted.get(from);
    if (!viewer) return;
    if (name === "probe") this.echo(from, values[0]);
    if (name === "pointer" && this.consent.may(from, "pointer")) {
      const [id, x, y] = values;
      const isAnchor = [id, x, y].every((value) => typeof value === "number" && Number.isFinite(value));
      const anchor = isAnchor ? { id: Number(id), x: Number(x), y: Number(y) } : null;
      this.emitter.emit("pointer", { viewer, anchor });
    }
  }

  /** Tells the viewer where the log stands, so that it can measure its lag without comparing clocks. */
  private echo(viewer: string, at: Volatile["values"][number] | undefined): void {
    if (typeof at !== "number") return;
    const { epoch, seq } = this.stats();
    const record = encodeRecord({ kind: VOLATILE, party: viewer, name: "echo", values: [at, epoch, seq] });
    if (!this.peers.sendVolatile(viewer, record)) this.server.transport?.sendVolatile(record);
  }

  private pointer(at: { target: EventTarget | null; x: number; y: number } | null): void {
    if (!this.recorder.isRecording || this.joined.size === 0) return;
    const anchor = at && anchorAt(at.target, at, window, Recorder.mirror);
    const values = anchor ? [anchor.id, anchor.x, anchor.y] : [];
    const record = encodeRecord({ kind: VOLATILE, party: "", name: "pointer", values });
    let relayed = false;
    for (const id of this.joined) if (!this.peers.serves(id) || !this.peers.sendVolatile(id, record)) relayed = true;
    const { transport } = this.server;
    if (relayed && transport && transport.bufferedAmount === 0) transport.sendVolatile(record);
  }

  // Time and the end -------------------------------------------------------------------------------------------

  private tick(): void {
    this.recorder.tick();
    this.peers.tick();
    this.notePage();
    this.pumpAll();
    this.emitter.emit("metrics", this.stats());
  }

  private describe(id: string, code: string): void {
    this.id = id;
    this.code = code;
    this.link = `${this.base}v/${id}#${this.secret}`;
  }

  private keep(): void {
    if (this.over || !this.token) return;
    const { confirmView: _, ...options } = this.options;
    save({
      site: this.site,
      server: this.base,
      id: this.id,
      token: this.token,
      secret: this.secret,
      code: this.code,
      epoch: Math.max(this.epoch, this.lastEpoch),
      paused: this.paused,
      granted: this.granted,
      options,
      state: this.shared,
      viewers: [...this.consent.admitted.values()],
      inputs: this.inputs.next,
    });
  }

  private finish(reason: EndedReason): void {
    if (this.over) return;
    this.over = true;
    this.state = "ended";
    this.endedReason = reason;
    clear();
    clearInterval(this.timer);
    for (const cleanup of this.cleanups) cleanup();
    this.consent.close();
    this.inputs.close();
    this.peers.close();
    this.recorder.close();
    this.server.close();
    this.emitter.emit("session.updated", this);
    this.emitter.emit("session.ended", this);
  }
}
