/**
 * The script tag: a few KB that wait. Everything else is loaded when a session starts, or goes on: after a page load,
 * after the page was brought back from the history, or in another tab of the site. Only the topmost page of its origin
 * takes part.
 */
import { coalesced } from "../coalesced";
import type { Broadcast } from "./broadcast";
import { imported } from "./imported";
import type { StartOptions } from "./options";
import type { Session } from "./session";
import { clear, load, type Stored, save } from "./store";
import { lock, type Release, Tabs } from "./tabs";

declare const __VERSION__: string;

interface Broadcaster {
  start(base: string, site: string, options: StartOptions): Promise<Broadcast>;
  carryOn(stored: Stored): Promise<Broadcast>;
}
type Call = [StartOptions | undefined, (session: Session) => void, (error: unknown) => void];
interface Stub {
  q?: Call[];
}

const script = document.currentScript as HTMLScriptElement | null;

class Cobrowse {
  readonly version = __VERSION__;
  private broadcast: Broadcast | null = null;
  /** Called when there is a session, or none any more. For the launcher. */
  onchange: () => void = () => {};
  /** When this tab has its session of before the page load, or has none. */
  readonly carriedOn: Promise<void>;
  private carrying = true;
  private starting: Promise<Session> | null = null;
  private release: Release | null = null;
  /** A session that another page of the site holds, or none, as it was last heard of. */
  private elsewhere: Stored | null = null;
  private taking: Promise<void> | null = null;
  private loading: Promise<Broadcaster> | null = null;
  private readonly base = new URL(".", script?.src || location.href).href;
  private readonly tabs: Tabs;

  constructor() {
    this.tabs = new Tabs(`cobrowse ${this.base}`, {
      held: () => (this.holds ? (this.broadcast?.stored ?? null) : null),
      give: () => this.makeWay(),
      found: (stored) => {
        if (this.holds) return;
        this.elsewhere = stored;
        // What this tab had stored when it let go is out of date.
        if (this.broadcast?.id === stored.id) save(stored);
      },
      over: (id) => {
        if (this.elsewhere?.id === id) this.elsewhere = null;
        if (this.broadcast?.id === id) this.broadcast.endedElsewhere();
      },
      seen: () => void this.takeOver().catch(report),
    });
    this.carriedOn = this.carryOn()
      .catch(report)
      .finally(() => {
        this.carrying = false;
        this.onchange();
      });
    addEventListener("pagehide", ({ persisted }) => persisted && this.makeWay());
    addEventListener("pageshow", ({ persisted }) => persisted && this.comeBack());
  }

  get session(): Session | null {
    return this.broadcast?.session ?? null;
  }

  get isFree(): boolean {
    return !this.carrying && !this.starting && !this.session;
  }

  private get holds(): boolean {
    return this.broadcast !== null && !this.broadcast.isSuspended;
  }

  /** Start a session, or get the one there is. */
  start = async (options: StartOptions = {}): Promise<Session> => {
    await this.carriedOn;
    if (!this.holds && (this.elsewhere || this.taking)) await this.takeOver();
    this.broadcast?.rehook(options);
    if (this.session) return this.session;
    this.starting ??= this.begin(options).finally(() => {
      this.starting = null;
      this.onchange();
    });
    this.onchange();
    return this.starting;
  };

  private async carryOn(): Promise<void> {
    const stored = load();
    const stolen = () => this.makeWay();
    let release = stored && (await lock(stored.id, false, stolen));
    if (!release) {
      await this.tabs.who();
      // The page before this one may have been long in letting go of it, on a busy machine.
      if (stored && !this.elsewhere) release = await lock(stored.id, false, stolen, true);
    }
    // Another tab holds it: this one is a copy, and its storage with it.
    if (stored && !release) clear();
    const left = load(); // by the page before this one, until it let go
    if (left && release) await this.goOn(left, release);
    else release?.();
  }

  /** Go on with a session whose lock is held. Until it does, it is one that this page, or another, may take. */
  private async goOn(stored: Stored, release: Release): Promise<void> {
    this.release = release;
    this.elsewhere = stored;
    try {
      const { carryOn } = await this.load();
      if (this.release !== release || !this.elsewhere) return; // another page has it, or has ended it
      this.elsewhere = null;
      this.hold(await carryOn(stored), release);
    } finally {
      if (!this.holds) release();
    }
  }

  /** The session goes on elsewhere; this page may take it up again. */
  private makeWay(): void {
    if (this.holds && this.broadcast) {
      this.elsewhere = this.broadcast.stored;
      this.broadcast.suspend();
    }
    this.release?.();
    this.release = null;
  }

  /** Take the session over from the page that holds it. Whoever asks meanwhile waits for the same. */
  private takeOver(): Promise<void> {
    this.taking ??= this.take().finally(() => {
      this.taking = null;
      this.onchange();
    });
    return this.taking;
  }

  private async take(): Promise<void> {
    await this.carriedOn;
    if (!this.elsewhere || this.holds || this.starting) return;
    // Before the page that holds it lets go of it: what does not load here would leave it with nobody.
    await this.load();
    const known = this.elsewhere;
    if (!known) return;
    const stored = (await this.tabs.take(known.id)) ?? this.elsewhere;
    if (stored) await this.goOnWith(stored);
  }

  private async goOnWith(stored: Stored): Promise<void> {
    const stolen = () => this.makeWay();
    const release = (await lock(stored.id, false, stolen)) ?? (await lock(stored.id, true, stolen));
    if (!release || !this.elsewhere) return release?.();
    const { broadcast } = this;
    if (broadcast?.id === stored.id) {
      this.release = release;
      this.elsewhere = null;
      broadcast.takeUp(stored);
    } else {
      // Before another is stored: its end clears the store.
      broadcast?.endedElsewhere();
      save(stored);
      await this.goOn(stored, release);
    }
  }

  /** The page was brought back from the history: what came after it in this tab has the session, or has ended it. */
  private comeBack(): void {
    this.elsewhere = load();
    if (this.elsewhere) void this.takeOver().catch(report);
    else this.broadcast?.endedElsewhere();
  }

  private async begin(options: StartOptions): Promise<Session> {
    try {
      const data = script?.dataset ?? {};
      const site = options.site ?? data.site;
      if (!site) throw new TypeError("no site: give data-site on the script tag, or the option `site`");
      const base = options.server ? new URL(options.server.replace(/\/?$/, "/"), location.href).href : this.base;
      const consent = options.consent ?? (data.consent === "granted" ? "granted" : "ask");
      const { start } = await this.load();
      const broadcast = await start(base, site, { ...options, consent });
      const release = await lock(broadcast.id, false, () => this.makeWay());
      this.hold(broadcast, release);
      return broadcast.session;
    } catch (error) {
      console.error(`cobrowse: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  private hold(broadcast: Broadcast, release: Release | null): void {
    this.broadcast = broadcast;
    this.release = release;
    const tell = coalesced(() => {
      if (this.holds && broadcast.stored) this.tabs.held(broadcast.stored);
    });
    // A tab that takes over from one that has frozen must know who is in, who was put out, and what each may do.
    for (const name of ["session.updated", "viewer.joined", "viewer.updated", "viewer.left", "chat"] as const)
      broadcast.events.on(name, tell);
    const over = () => {
      this.release?.();
      this.release = null;
      this.broadcast = null;
      this.tabs.over(broadcast.id);
      this.onchange();
    };
    broadcast.events.on("session.ended", over);
    if (broadcast.state === "ended") over();
    else tell();
  }

  /** Rejects when it does not come; may be called again then. */
  private load(): Promise<Broadcaster> {
    const script = `${this.base}static/broadcaster.js?v=${this.version}`;
    this.loading ??= imported<Broadcaster>(script).catch((error: unknown) => {
      this.loading = null;
      throw error;
    });
    return this.loading;
  }
}

function report(error: unknown): void {
  console.error("cobrowse:", error);
}

function isTopmostOfItsOrigin(): boolean {
  try {
    return window.parent === window || !window.parent.location.href;
  } catch {
    return true; // the parent is of another origin
  }
}

function launcher(cobrowse: Cobrowse): void {
  const host = document.createElement("cobrowse-widget");
  host.setAttribute("data-cobrowse-widget", "");
  host.style.cssText = "all:initial;position:fixed;right:20px;bottom:20px;z-index:2147483646";
  const root = host.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  button.textContent = script?.dataset.launcher || "Get help";
  button.style.cssText =
    "font:600 15px system-ui,sans-serif;color:#fff;background:#1a66d6;border:0;border-radius:999px;" +
    "padding:12px 20px;cursor:pointer;box-shadow:0 6px 24px rgba(10,20,35,.3)";
  const draw = () => {
    host.style.display = cobrowse.isFree ? "block" : "none";
  };
  cobrowse.onchange = draw;
  button.onclick = () => cobrowse.start().catch(() => {});
  root.append(button);
  const add = () => document.documentElement.append(host);
  if (document.body) add();
  else document.addEventListener("DOMContentLoaded", add, { once: true });
  draw();
}

if (isTopmostOfItsOrigin()) {
  const cobrowse = new Cobrowse();
  const page = window as unknown as { Cobrowse?: Cobrowse & Stub };
  const queued = page.Cobrowse?.q ?? [];
  page.Cobrowse = cobrowse;
  for (const [options, resolve, reject] of queued) cobrowse.start(options).then(resolve, reject);
  if (script?.dataset.launcher !== undefined) launcher(cobrowse);
  if (script?.dataset.autostart !== undefined) cobrowse.start().catch(() => {});
} else {
  const queued = (window as unknown as { Cobrowse?: Stub }).Cobrowse?.q ?? [];
  const error = new Error("cobrowse: the topmost page of this origin shares its frames; call it there");
  for (const [, , reject] of queued) reject(error);
}
