/**
 * The script tag: a few KB that wait. Everything else is loaded when a session starts, or goes on after a page load.
 * Only the topmost page of its origin takes part.
 */
import type { Session, StartOptions } from "./session";

declare const __VERSION__: string;

interface Broadcaster {
  start(base: string, site: string, options: StartOptions): Promise<Session>;
  carryOn(): Promise<Session | null>;
}
type Call = [StartOptions | undefined, (session: Session) => void, (error: unknown) => void];
interface Stub {
  q?: Call[];
}

type Release = () => void;

const STORE_KEY = "cobrowse.session";
const LOCK_WITHIN_MS = 1_000;
const script = document.currentScript as HTMLScriptElement | null;

class Cobrowse {
  readonly version = __VERSION__;
  session: Session | null = null;
  /** Called when there is a session, or none any more. For the launcher. */
  onchange: () => void = () => {};
  /** When this tab has its session of before the page load, or has none. */
  readonly carriedOn: Promise<void>;
  private carrying = true;
  private starting: Promise<Session> | null = null;
  private readonly base = new URL(".", script?.src || location.href).href;

  constructor() {
    this.carriedOn = this.carryOn()
      .catch((error: unknown) => console.error("cobrowse:", error))
      .finally(() => {
        this.carrying = false;
        this.onchange();
      });
  }

  get isFree(): boolean {
    return !this.carrying && !this.starting && !this.session;
  }

  /** Start a session, or get the one there is. */
  start = async (options: StartOptions = {}): Promise<Session> => {
    await this.carriedOn;
    if (this.session) return this.session;
    this.starting ??= this.begin(options).finally(() => {
      this.starting = null;
      this.onchange();
    });
    this.onchange();
    return this.starting;
  };

  private async carryOn(): Promise<void> {
    const id = storedId();
    if (id === null) return;
    const release = await lock(id);
    if (!release) {
      sessionStorage.removeItem(STORE_KEY); // another tab holds it: this one is a copy, and its storage with it
      return;
    }
    const session = await (await this.load()).carryOn();
    if (session) this.hold(session, Promise.resolve(release));
    else release();
  }

  private async begin(options: StartOptions): Promise<Session> {
    try {
      const data = script?.dataset ?? {};
      const site = options.site ?? data.site;
      if (!site) throw new TypeError("no site: give data-site on the script tag, or the option `site`");
      const base = options.server ? new URL(options.server.replace(/\/?$/, "/"), location.href).href : this.base;
      const consent = options.consent ?? (data.consent === "granted" ? "granted" : "ask");
      const { start } = await this.load();
      const session = await start(base, site, { ...options, consent });
      this.hold(session, lock(session.id));
      return session;
    } catch (error) {
      console.error(`cobrowse: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  private hold(session: Session, held: Promise<Release | null>): void {
    this.session = session;
    session.on("session.ended", () => {
      void held.then((release) => release?.());
      this.session = null;
      this.onchange();
    });
    if (session.state === "ended") this.session = null;
  }

  private load(): Promise<Broadcaster> {
    return import(`${this.base}static/broadcaster.js?v=${this.version}`) as Promise<Broadcaster>;
  }
}

function storedId(): string | null {
  try {
    const text = sessionStorage.getItem(STORE_KEY);
    return text && (JSON.parse(text) as { id: string }).id;
  } catch {
    return null;
  }
}

/** Holds the session for this tab, until released or the page goes; null when another tab has it. */
function lock(id: string): Promise<Release | null> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(() => {}); // no secure context: nobody can say
  return new Promise((resolve) => {
    // The page before this one in the same tab lets go of it a moment after this one has begun.
    const signal = AbortSignal.timeout(LOCK_WITHIN_MS);
    locks
      .request(`cobrowse:${id}`, { signal }, () => new Promise<void>((release) => resolve(release)))
      .catch(() => resolve(null));
  });
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
  const root = host.attachShadow({ mode: "closed" });
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
}
