/** The broadcaster's session: the public object, and what joins its parts. */

import { anchorAt } from "../anchor";
import { Emitter } from "../emitter";
import { Server } from "../link/server";
import { WINDOW_MS } from "../log";
import {
  type AdmittedViewer,
  CAPABILITIES,
  type Capability,
  CloseCode,
  type FromBroadcaster,
  type IceServer,
  LOG_VERSION,
  type ToBroadcaster,
  type WelcomeBroadcaster,
  WIRE_VERSION,
} from "../protocol.gen";
import { encodeRecord, type Item, isControl, VOLATILE, type Volatile } from "../records";
import { makeSecret, proofOf, randomId } from "../secret";
import type { ChatLine } from "../state";
import { Audience } from "./audience";
import { type ConfirmView, Consent } from "./consent";
import { Entries } from "./entries";
import { Pump, RelayFeed } from "./feeds";
import { Hooks } from "./hooks";
import { type Input, Inputs } from "./inputs";
import {
  type EndedReason,
  type Metrics,
  SessionError,
  type SessionEvents,
  type SessionState,
  type StartOptions,
  type Stats,
  type Viewer,
} from "./options";
import { Peers } from "./peers";
import { watchPointer } from "./pointer";
import { privacyOf } from "./privacy";
import { Recorder } from "./recorder";
import { clear, type Stored, save } from "./store";

const TICK_MS = 1_000;
const MAX_TEXT = 2_000;

/** Recording stops when nobody has been here for as long as the log reaches back: nobody could resume from it. */
const REST_AFTER_MS = WINDOW_MS;
const MAX_ABSENCE_S = 3_600;

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
  private readonly hooks: Hooks;
  private readonly entries: Entries;
  private readonly audience: Audience;
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
  private suspended = false;
  private emptySince = Number.POSITIVE_INFINITY;
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
    if (stored) this.describe(stored.id, stored.code);
    this.entries = new Entries((entry) => this.recorder.add(entry), stored?.state);
    this.recorder = new Recorder(
      privacy,
      () => this.entries.state,
      () => this.notePage(),
      () => this.pumpAll(),
    );
    this.hooks = new Hooks(ask, stored?.hooked ?? false);
    this.hooks.give(options.confirmView);
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
      this.hooks.mayView,
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
    this.audience = new Audience(this.consent.admitted, (id) => this.peers.serves(id));
    this.peers = new Peers(this.recorder, () => ({ iceServers: this.iceServers }), {
      signal: (signal) => this.send(signal),
      input: (viewer, message) => this.inputs.take(viewer, message),
      volatile: (viewer, record) => this.volatile(viewer, record),
      onchange: () => this.viewersChanged(),
    });
    this.server = new Server(base, options.transport ?? "auto", {
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
    return this.audience.viewers;
  }

  get chat(): readonly ChatLine[] {
    return this.entries.state.chat;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /** Whether the session goes on in another tab, or in the page that this one has made way for. */
  get isElsewhere(): boolean {
    return this.suspended;
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (payload: SessionEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener);
  }

  /** Stop sharing for now: nothing more of the page is recorded. */
  pause(): void {
    if (this.over || this.suspended || this.paused) return;
    this.paused = true;
    this.recorder.stop();
    this.send({ type: "pause" });
    this.keep();
    this.emitter.emit("session.updated", this);
  }

  unpause(): void {
    if (this.over || this.suspended || !this.paused) return;
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
    if (line && !this.over && !this.suspended)
      this.enterLine({ id: randomId(), from: "", name: "Visitor", text: line });
  }

  /**
   * The visitor is about to be away, at a bank say: the session is kept that long, and viewers are told why. Throws
   * RangeError for seconds that are not above 0 and at most an hour.
   */
  expectAway({ seconds, message = "" }: { seconds: number; message?: string }): void {
    if (!(seconds > 0 && seconds <= MAX_ABSENCE_S))
      throw new RangeError(`cobrowse: expectAway takes seconds from 0 to ${MAX_ABSENCE_S}, got ${seconds}`);
    this.send({ type: "expect_away", seconds, message: message.slice(0, MAX_TEXT) });
  }

  /** Take hooks of a later `start()`: a page load loses those of the first. */
  rehook(options: StartOptions): void {
    this.hooks.give(options.confirmView);
  }

  stats(): Stats {
    return {
      epoch: this.recorder.epoch,
      seq: this.recorder.log.next - 1,
      viewers: this.audience.size,
      bytesSent: this.sentBefore + (this.pump?.sent ?? 0) + this.peers.sent,
      checkpoints: this.recorder.checkpoints,
    };
  }

  private get metrics(): Metrics {
    const { transport, rttMs } = this.server;
    const { behind } = this.audience;
    return { ...this.stats(), transport: transport?.kind ?? null, serverRttMs: rttMs, behind };
  }

  // Another tab, another page ----------------------------------------------------------------------------------

  /** All that another page needs to take the session over; null before the server has answered. */
  get stored(): Stored | null {
    if (!this.token) return null;
    const { confirmView: _, ...options } = this.options;
    return {
      site: this.site,
      server: this.base,
      id: this.id,
      token: this.token,
      secret: this.secret,
      code: this.code,
      epoch: Math.max(this.epoch, this.lastEpoch),
      paused: this.paused,
      granted: this.granted,
      hooked: this.hooks.hasAny,
      options,
      state: this.entries.state,
      viewers: [...this.consent.admitted.values()],
      inputs: this.inputs.next,
    };
  }

  /** Make way: nothing is recorded or sent any more, until `takeUp`. */
  suspend(): void {
    if (this.over || this.suspended) return;
    this.keep();
    this.suspended = true;
    this.recorder.stop();
    this.peers.close();
    this.server.disconnect();
    this.feed.begin();
    this.consent.withdraw();
    this.audience.clear();
    this.state = "away";
    this.emitter.emit("session.updated", this);
  }

  /** Go on here, from where the other page has left it. */
  takeUp(stored: Stored): void {
    if (this.over || !this.suspended) return;
    this.token = stored.token;
    this.lastEpoch = Math.max(this.lastEpoch, this.epoch, stored.epoch);
    this.epoch = 0;
    this.paused = stored.paused;
    this.granted = stored.granted;
    this.entries.state = stored.state;
    this.consent.admitted.clear();
    for (const viewer of stored.viewers) this.consent.admitted.set(viewer.id, viewer);
    this.inputs.restore(stored.inputs);
    this.suspended = false;
    this.keep();
    this.server.connect();
  }

  /** It was ended elsewhere. */
  endedElsewhere(): void {
    if (this.suspended) this.finish("broadcaster");
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
        this.audience.connected.set(id, { id, name, role });
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
    this.pump = transport && this.server.mayCarry ? new Pump(transport, this.feed) : null;
    this.keep();
    this.record();
    this.emitter.emit("session.updated", this);
  }

  private lost(final: { code: number; reason: string } | null): boolean {
    this.feed.begin();
    if (!final) return true;
    if (final.code === CloseCode.REPLACED) {
      // Another tab has taken over, and this one was not asked: it may have been frozen.
      this.suspend();
      return false;
    }
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
    if (this.over || this.suspended || this.consent.admitted.size === 0 || this.epoch === 0) return;
    if (this.recorder.epoch === this.epoch) {
      if (this.isResting) this.send({ type: "begin" });
      return;
    }
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => this.record(), { once: true });
      return;
    }
    this.entries.begin();
    this.emptySince = performance.now();
    this.recorder.begin(this.epoch, !this.paused);
  }

  /** Nobody is here to see what is recorded, and nobody could resume from it any more. */
  private rest(): void {
    if (this.audience.size > 0) this.emptySince = Number.POSITIVE_INFINITY;
    else this.emptySince = Math.min(this.emptySince, performance.now());
    if (this.recorder.isRecording && performance.now() - this.emptySince > REST_AFTER_MS) this.recorder.stop();
  }

  private get isResting(): boolean {
    return !this.paused && !this.recorder.isRecording;
  }

  private notePage(): void {
    if (!this.paused && !this.over && !this.suspended) this.entries.notePage();
  }

  private enterLine(line: ChatLine): void {
    if (!this.entries.enter({ kind: "chat", line })) return;
    this.keep();
    this.emitter.emit("chat", line);
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
    const isNew = this.audience.join(id);
    if (isNew) this.notePresent();
    const known = this.audience.viewer(id);
    if (known) this.emitter.emit(isNew ? "viewer.joined" : "viewer.updated", known);
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
    const viewer = this.audience.leave(id);
    if (!viewer) return;
    this.notePresent();
    this.emitter.emit("pointer", { viewer, anchor: null });
    this.emitter.emit("viewer.left", viewer);
  }

  private notePresent(): void {
    const present = this.viewers.map(({ id, name, role }) => ({ id, name, role }));
    this.entries.enter({ kind: "present", present });
  }

  private viewersChanged(): void {
    for (const viewer of this.viewers) this.emitter.emit("viewer.updated", viewer);
  }

  private apply(viewer: string, input: Input): void {
    const { name } = this.consent.admitted.get(viewer) ?? { name: "" };
    if (input.kind === "chat") this.enterLine({ id: input.id, from: viewer, name, text: input.text });
  }

  private volatile(from: string, { name, values }: Volatile): void {
    const viewer = this.consent.admitted.get(from);
    if (!viewer) return;
    if (name === "probe") {
      this.audience.noteLag(from, values[1]);
      this.echo(from, values[0]);
    }
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
    if (!this.recorder.isRecording || this.audience.size === 0) return;
    const anchor = at && anchorAt(at.target, at, window, Recorder.mirror);
    const values = anchor ? [anchor.id, anchor.x, anchor.y] : [];
    const record = encodeRecord({ kind: VOLATILE, party: "", name: "pointer", values });
    let relayed = false;
    for (const id of this.audience.ids)
      if (!this.peers.serves(id) || !this.peers.sendVolatile(id, record)) relayed = true;
    const { transport } = this.server;
    if (relayed && transport && transport.bufferedAmount === 0) transport.sendVolatile(record);
  }

  // Time and the end -------------------------------------------------------------------------------------------

  private tick(): void {
    if (this.suspended) return;
    this.rest();
    this.recorder.tick();
    this.peers.tick();
    this.notePage();
    this.pumpAll();
    this.emitter.emit("metrics", this.metrics);
  }

  private describe(id: string, code: string): void {
    this.id = id;
    this.code = code;
    this.link = `${this.base}v/${id}#${this.secret}`;
  }

  private keep(): void {
    const { stored } = this;
    if (stored && !this.over && !this.suspended) save(stored);
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
