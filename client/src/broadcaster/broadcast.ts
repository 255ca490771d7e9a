/** A session run in this page: its connection to the server, and what joins its parts. */

import { Emitter } from "../emitter";
import type { Ice } from "../link/peer";
import { Server } from "../link/server";
import {
  CAPABILITIES,
  type Capability,
  CloseCode,
  type End,
  type FromBroadcaster,
  LOG_VERSION,
  type ToBroadcaster,
  type WelcomeBroadcaster,
  WIRE_VERSION,
} from "../protocol.gen";
import { type Item, isControl, VOLATILE } from "../records";
import { makeSecret, proofOf } from "../secret";
import type { ChatLine } from "../state";
import type { Ask } from "./consent";
import { Entries } from "./entries";
import { Pump, RelayFeed } from "./feeds";
import { Hooks, withoutHooks } from "./hooks";
import { type EndedReason, SessionError, type SessionEvents, type SessionState, type StartOptions } from "./options";
import { Peers } from "./peers";
import { watchPointer } from "./pointer";
import { Preview } from "./preview";
import { Privacy } from "./privacy";
import { Recorder } from "./recorder";
import { Recording } from "./recording";
import { Session } from "./session";
import { clear, type Stored, save } from "./store";
import { Viewers } from "./viewers";
import { Volatiles } from "./volatiles";

const TICK_MS = 1_000;
/** For so long the server is told of the end; after that it takes the visitor for one that did not come back. */
const PART_WITHIN_MS = 60_000;

export class Broadcast {
  id = "";
  code = "";
  link = "";
  state: SessionState = "pending";
  endedReason: EndedReason | null = null;
  readonly session = new Session(this);
  readonly events = new Emitter<SessionEvents>();
  readonly entries: Entries;
  readonly viewers: Viewers;
  readonly recording: Recording;
  readonly preview: Preview;
  /** Resolves with the first welcome; rejects with a SessionError when there will be none. */
  readonly ready: Promise<Session>;

  private readonly server: Server;
  private readonly privacy: Privacy;
  private readonly recorder: Recorder;
  private readonly hooks: Hooks;
  private readonly peers: Peers;
  private readonly volatiles: Volatiles;
  private readonly feed: RelayFeed;
  private pump: Pump | null = null;
  private sentBefore = 0;
  private secret: string;
  private token: string | null;
  private granted: boolean;
  private policy: WelcomeBroadcaster | null = null;
  private ice: Ice = { iceServers: [] };
  private suspended = false;
  private over = false;
  /** What is said until the server has heard of the end; the hello names those who are in, who are to hear of it. */
  private parting: { readonly hello: object; readonly end: End; readonly timer: number } | null = null;
  private welcomed: (error: SessionError | null) => void = () => {};
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly cleanups: (() => void)[] = [];

  /** Throws TypeError when an option cannot be used: nothing is shared then. */
  constructor(
    private readonly base: string,
    private readonly site: string,
    readonly options: StartOptions,
    ask: Ask,
    stored: Stored | null,
  ) {
    this.privacy = new Privacy(options);
    this.secret = stored?.secret ?? makeSecret();
    this.token = stored?.token ?? null;
    this.granted = stored?.granted ?? false;
    if (stored) this.describe(stored.id, stored.code);
    this.entries = new Entries((entry) => this.recorder.add(entry), this.privacy, stored?.state);
    this.recorder = new Recorder(
      this.privacy,
      () => this.entries.state,
      () => this.notePage(),
      () => this.pumpAll(),
      (error) => this.halted(error),
    );
    this.recording = new Recording(this.recorder, this.entries, stored?.epoch ?? 0, stored?.paused ?? false, () =>
      this.send({ type: "begin" }),
    );
    this.preview = new Preview(
      this.recorder,
      () => `${base}preview/${this.id}`,
      () => this.record(),
    );
    this.hooks = new Hooks(ask, stored?.hooked ?? []);
    this.hooks.give(options);
    const broadcast = this;
    const policy = {
      get granted() {
        return broadcast.granted;
      },
      get capabilities() {
        return broadcast.allowed;
      },
    };
    this.viewers = new Viewers(policy, this.hooks.ask, stored, this.entries, () => this.peers, this.events, {
      send: (message) => this.send(message),
      record: () => this.record(),
      keep: () => {
        if (!this.isIdle) this.changed();
      },
      relink: () => this.relink(),
      line: (line) => this.enterLine(line),
    });
    this.feed = new RelayFeed(this.recorder);
    this.peers = new Peers(this.recorder, () => this.ice, {
      mayView: (viewer) => this.viewers.may(viewer, "view"),
      signal: (signal) => this.send(signal),
      input: (viewer, message) => this.viewers.input(viewer, message),
      volatile: (viewer, record) => this.volatiles.take(viewer, record),
      onchange: () => this.viewers.changed(),
    });
    this.server = new Server(base, options.transport ?? "auto", {
      hello: () => this.parting?.hello ?? this.hello(),
      onitem: (item) => this.item(item),
      onlost: (final) => this.lost(final),
      ondrain: () => this.pump?.pump(),
      onpong: (at) => this.pump?.arrived(at),
    });
    this.volatiles = new Volatiles(
      this.recorder,
      this.viewers.consent,
      this.viewers.audience,
      this.peers,
      this.server,
      this.privacy.hidesPointer,
      (viewer, anchor) => this.events.emit("pointer", { viewer, anchor }),
      (viewer) => this.events.emit("typing", viewer),
    );
    this.ready = new Promise((resolve, reject) => {
      this.welcomed = (error) => (error ? reject(error) : resolve(this.session));
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
      watchPointer((at) => this.volatiles.point(at)),
      this.events.on("viewer.left", ({ id }) => this.volatiles.forget(id)),
    );
    this.server.connect();
    if (this.viewers.consent.admitted.size > 0) void this.loadRecorder();
  }

  // What the session asks for ----------------------------------------------------------------------------------

  pause(): void {
    if (this.isIdle || this.recording.paused) return;
    this.recording.paused = true;
    this.recorder.stop();
    this.send({ type: "pause" });
    this.changed();
  }

  unpause(): void {
    if (this.isIdle || !this.recording.paused) return;
    this.recording.paused = false;
    this.beginAnew();
    this.changed();
  }

  end(): void {
    this.finish("broadcaster", { type: "end", failed: false });
  }

  /** A line of chat, from whomever. */
  enterLine(line: ChatLine): void {
    if (this.isIdle || !this.entries.enter({ kind: "chat", line })) return;
    if (line.from === "") this.volatiles.said();
    this.keep();
    this.events.emit("chat", line);
  }

  /** The visitor writes a line. */
  type(): void {
    if (!this.isIdle) this.volatiles.type();
  }

  send(message: FromBroadcaster): void {
    this.server.send(message);
  }

  get stats() {
    return {
      epoch: this.recorder.epoch,
      seq: this.recorder.log.next - 1,
      viewers: this.viewers.audience.size,
      bytesSent: this.sentBefore + (this.pump?.sent ?? 0) + this.peers.sent,
      checkpoints: this.recorder.checkpoints,
    };
  }

  /** Take hooks of a later `start()`: a page load loses those of the first. */
  rehook(options: StartOptions): void {
    this.hooks.give(options);
  }

  // Another tab, another page ----------------------------------------------------------------------------------

  get isSuspended(): boolean {
    return this.suspended;
  }

  /** All that another page needs to take the session over; null before the server has answered. */
  get stored(): Stored | null {
    if (!this.token) return null;
    return {
      site: this.site,
      server: this.base,
      id: this.id,
      token: this.token,
      secret: this.secret,
      code: this.code,
      epoch: this.recording.lastEpoch,
      paused: this.recording.paused,
      granted: this.granted,
      hooked: this.hooks.own,
      options: withoutHooks(this.options),
      state: this.entries.state,
      ...this.viewers.stored,
    };
  }

  /** Make way: nothing is recorded or sent any more, until `takeUp`. */
  suspend(): void {
    if (this.isIdle) return;
    this.keep();
    this.suspended = true;
    this.recorder.stop();
    this.peers.close();
    this.preview.close();
    this.server.disconnect();
    this.feed.begin();
    this.viewers.clear();
    this.state = "away";
    this.events.emit("session.updated", this.session);
  }

  /** Go on here, from where the other page has left it. */
  takeUp(stored: Stored): void {
    if (this.over || !this.suspended) return;
    this.token = stored.token;
    this.secret = stored.secret;
    this.describe(stored.id, stored.code);
    this.recording.renew(stored.epoch);
    this.recording.paused = stored.paused;
    this.granted = stored.granted;
    this.entries.state = stored.state;
    this.viewers.restore(stored);
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
    const { epoch, lastEpoch, paused } = this.recording;
    return {
      type: "hello",
      role: "broadcaster",
      wire: WIRE_VERSION,
      log: LOG_VERSION,
      site: this.site,
      token: this.token,
      proof: proofOf(this.secret),
      epoch: epoch || null,
      last_epoch: lastEpoch,
      paused,
      path: this.options.path ?? "auto",
      ...this.viewers.named,
    } satisfies FromBroadcaster;
  }

  private item(item: Item): void {
    if (this.over) {
      if (this.parting && isControl(item) && item.type === "welcome") this.send(this.parting.end);
      return;
    }
    this.recorder.tick();
    if (isControl(item)) this.message(item as unknown as ToBroadcaster);
    else if (item.kind === VOLATILE) this.volatiles.take(item.party, item);
  }

  private message(message: ToBroadcaster): void {
    switch (message.type) {
      case "welcome":
        this.welcome(message);
        break;
      case "begun":
        this.recording.epoch = message.epoch;
        this.record();
        break;
      case "demand":
        this.feed.demand(message);
        this.pump?.pump();
        break;
      case "ice":
        this.ice = { ...this.ice, iceServers: message.ice_servers };
        break;
      case "requested":
        if (!this.recorder.isLoaded) void this.loadRecorder();
        this.viewers.requested(message);
        break;
      case "left":
        this.viewers.left(message.viewer, message.removed);
        break;
      case "input":
        this.viewers.input(message.viewer, message);
        break;
      case "signal":
        if (this.viewers.may(message.peer, "view") && this.mayGoDirect) this.peers.receive(message.peer, message);
        else this.send({ ...message, description: null, candidate: null, declined: "direct paths are off here" });
        break;
      case "updated":
        this.state = message.state;
        this.events.emit("session.updated", this.session);
        break;
      case "ended":
        this.finish(message.reason);
        break;
    }
  }

  private welcome(welcome: WelcomeBroadcaster): void {
    try {
      this.privacy.tighten(welcome.privacy);
    } catch (error) {
      this.fail((error as Error).message);
      return;
    }
    this.policy = welcome;
    this.token = welcome.token;
    this.recording.epoch = welcome.epoch;
    this.ice = { iceServers: welcome.ice_servers, policy: welcome.ice_policy };
    this.granted = welcome.consent === "granted" && this.options.consent === "granted";
    this.state = welcome.state;
    this.describe(welcome.session, welcome.code);
    this.viewers.nameOthers();
    this.feed.begin();
    this.sentBefore += this.pump?.sent ?? 0;
    const { transport } = this.server;
    this.pump = transport && this.server.mayCarry ? new Pump(transport, this.feed, () => this.server.ping()) : null;
    if (!welcome.link) this.relink(); // this page was behind: what it has is a link that was ended
    if (this.granted && !this.recorder.isLoaded) void this.loadRecorder();
    if (!this.recording.isResting) this.record();
    this.changed();
    this.welcomed(null);
  }

  /** Another link: what was shared until now opens nothing more. */
  private relink(): void {
    this.secret = makeSecret();
    this.describe(this.id, this.code);
    this.send({ type: "link", proof: proofOf(this.secret) });
    this.changed();
  }

  private lost(final: { code: number; reason: string } | null): boolean {
    if (this.over) {
      if (final) clearTimeout(this.parting?.timer);
      return !final;
    }
    this.feed.begin();
    if (!final) return true;
    if (final.code === CloseCode.REPLACED) {
      // Another tab has taken over, and this one was not asked: it may have been frozen.
      this.suspend();
      return true;
    }
    this.welcomed(new SessionError(final.reason || `the connection closed with code ${final.code}`, final.code));
    this.finish("failed");
    return false;
  }

  private get allowed(): readonly Capability[] {
    const site = this.policy?.capabilities ?? [];
    const wanted = this.options.capabilities ?? CAPABILITIES;
    return site.filter((capability) => wanted.includes(capability));
  }

  private get mayGoDirect(): boolean {
    return this.policy?.path !== "relay";
  }

  // Recording --------------------------------------------------------------------------------------------------

  private record(): void {
    if (this.isIdle || (this.viewers.consent.admitted.size === 0 && !this.preview.isOpen)) return;
    if (this.recorder.isLoaded) this.recording.record();
    else void this.loadRecorder();
  }

  /** Once somebody may look unasked, asks to look, or was let in on an earlier page: while the visitor is asked, or the connection made. */
  private async loadRecorder(): Promise<void> {
    try {
      await this.recorder.load();
    } catch (error) {
      if (!this.over) this.fail(`the recorder could not be loaded: ${(error as Error).message}`);
      return;
    }
    this.record();
  }

  private beginAnew(): void {
    if (this.server.isOpen) this.send({ type: "begin" });
    else this.recording.renew(); // the next hello asks for it
  }

  private halted(error: Error | null): void {
    if (this.isIdle) return;
    if (!error) this.beginAnew();
    else this.fail(error.message);
  }

  private fail(reason: string, code = 0): void {
    console.error(`cobrowse: ${reason}`);
    this.welcomed(new SessionError(reason, code));
    this.finish("failed", { type: "end", failed: true });
  }

  private notePage(): void {
    if (!this.recording.paused && !this.isIdle) this.entries.notePage();
  }

  private pumpAll(): void {
    this.pump?.pump();
    this.peers.pump();
    this.preview.pump();
  }

  // Time and the end -------------------------------------------------------------------------------------------

  /** Over, or gone on elsewhere: nothing is done here. */
  private get isIdle(): boolean {
    return this.over || this.suspended;
  }

  private tick(): void {
    if (this.suspended) return;
    this.recording.tick(this.viewers.audience.size + (this.preview.isOpen ? 1 : 0));
    this.recorder.tick();
    this.peers.tick();
    this.notePage();
    this.pumpAll();
    const { transport, rttMs: serverRttMs } = this.server;
    const { perViewer } = this.viewers.audience;
    const { hidden } = document;
    this.events.emit("metrics", { ...this.stats, transport: transport?.kind ?? null, serverRttMs, hidden, perViewer });
  }

  private describe(id: string, code: string): void {
    this.id = id;
    this.code = code;
    this.link = `${this.base}v/${id}#${this.secret}`;
  }

  private changed(): void {
    this.keep();
    this.events.emit("session.updated", this.session);
  }

  private keep(): void {
    const { stored } = this;
    if (stored && !this.isIdle) save(stored);
  }

  /** `end` is what the server has to hear of it. */
  private finish(reason: EndedReason, end?: End): void {
    if (this.over) return;
    if (end) this.part(end);
    this.over = true;
    this.state = "ended";
    this.endedReason = reason;
    this.welcomed(new SessionError(`the session has ended: ${reason}`, 0));
    clear();
    clearInterval(this.timer);
    for (const cleanup of this.cleanups) cleanup();
    this.viewers.close();
    this.peers.close();
    this.preview.close();
    this.recorder.close();
    this.pump = null;
    if (!this.parting) this.server.close();
    this.events.emit("session.updated", this.session);
    this.events.emit("session.ended", this.session);
  }

  /** The connection stays until the server closes it for that, and is made anew where it turns out to be dead. */
  private part(end: End): void {
    this.send(end);
    if (!this.token || this.suspended) return;
    const timer = window.setTimeout(() => this.server.close(), PART_WITHIN_MS);
    this.parting = { hello: this.hello(), end, timer };
  }
}
