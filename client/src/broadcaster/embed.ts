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
  private starting: Promise<Session> | null = null;
  private readonly base = new URL(".", script?.src || location.href).href;

  /** Start a session, or get the one there is. */
  start = (options: StartOptions = {}): Promise<Session> => {
    this.starting ??= this.begin(options).catch((error) => {
      this.starting = null;
      console.error(`cobrowse: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    });
    return this.starting;
  };

  /** Go on with this tab's session, if it has one that no other tab holds. */
  async carryOn(): Promise<void> {
    const id = storedId();
    if (id === null) return;
    const starting = this.takeUp(id);
    this.starting = starting as Promise<Session>;
    const session = await starting.catch((error: unknown) => {
      console.error("cobrowse:", error);
      return null;
    });
    if (!session) this.starting = null;
  }

  private async takeUp(id: string): Promise<Session | null> {
    const release = await lock(id);
    // Somebody else holds it: this tab is a copy, and storage is copied with a tab.
    if (!release) sessionStorage.removeItem(STORE_KEY);
    const session = release && (await (await this.load()).carryOn());
    if (session) this.hold(session, release);
    else release?.();
    return session;
  }

  private async begin(options: StartOptions): Promise<Session> {
    const data = script?.dataset ?? {};
    const site = options.site ?? data.site;
    if (!site) throw new TypeError("no site: give data-site on the script tag, or the option `site`");
    const base = options.server ? new URL(options.server.replace(/\/?$/, "/"), location.href).href : this.base;
    const consent = options.consent ?? (data.consent === "granted" ? "granted" : "ask");
    const { start } = await this.load();
    const session = await start(base, site, { ...options, consent });
    this.hold(session, await lock(session.id));
    return session;
  }

  private hold(session: Session, release: Release | null): void {
    this.session = session;
    session.on("session.ended", () => {
      release?.();
      this.session = null;
      this.starting = null;
    });
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

function launcher(cobrowse: Cobrowse, carriedOn: Promise<void>): void {
  const host = document.createElement("div");
  host.setAttribute("data-cobrowse-widget", "");
  host.style.cssText = "all:initial;position:fixed;right:20px;bottom:20px;z-index:2147483646";
  const root = host.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  button.textContent = script?.dataset.launcher || "Get help";
  button.style.cssText =
    "font:600 15px system-ui,sans-serif;color:#fff;background:#1a66d6;border:0;border-radius:999px;" +
    "padding:12px 20px;cursor:pointer;box-shadow:0 6px 24px rgba(10,20,35,.3)";
  const show = (shown: boolean) => {
    host.style.display = shown ? "block" : "none";
  };
  const hideUntilEnd = (session: Session) => {
    show(false);
    session.on("session.ended", () => show(true));
  };
  button.onclick = () => {
    show(false);
    cobrowse.start().then(hideUntilEnd, () => show(true));
  };
  root.append(button);
  document.documentElement.append(host);
  if (storedId() !== null) {
    show(false);
    void carriedOn.then(() => (cobrowse.session ? hideUntilEnd(cobrowse.session) : show(true)));
  }
}

if (isTopmostOfItsOrigin()) {
  const cobrowse = new Cobrowse();
  const page = window as unknown as { Cobrowse?: Cobrowse & Stub };
  const queued = page.Cobrowse?.q ?? [];
  page.Cobrowse = cobrowse;
  const carriedOn = cobrowse.carryOn();
  for (const [options, resolve, reject] of queued) cobrowse.start(options).then(resolve, reject);
  if (script?.dataset.launcher !== undefined) launcher(cobrowse, carriedOn);
  if (script?.dataset.autostart !== undefined) void carriedOn.then(() => cobrowse.start().catch(() => {}));
}
