/** Who is here of those that were let in, and how far each says that it is behind. */
import type { AdmittedViewer } from "../protocol.gen";
import type { ViewerInfo } from "./consent";
import type { Metrics, Viewer } from "./options";

export class Audience {
  /** Whoever is connected, let in or not. */
  readonly connected = new Map<string, ViewerInfo>();
  private readonly joined = new Set<string>();
  private readonly lags = new Map<string, number>();

  constructor(
    private readonly admitted: ReadonlyMap<string, AdmittedViewer>,
    private readonly isDirect: (id: string) => boolean,
  ) {}

  get size(): number {
    return this.joined.size;
  }

  get ids(): Iterable<string> {
    return this.joined;
  }

  get viewers(): Viewer[] {
    return [...this.joined].flatMap((id) => this.viewer(id) ?? []);
  }

  get behind(): Metrics["behind"] {
    return this.viewers.map(({ id, path }) => ({ viewer: id, path, lagMs: this.lags.get(id) ?? null }));
  }

  viewer(id: string): Viewer | null {
    const viewer = this.joined.has(id) ? this.admitted.get(id) : undefined;
    return viewer ? { ...viewer, path: this.isDirect(id) ? "direct" : "relay" } : null;
  }

  /** Somebody that was let in is here; true if that is new. */
  join(id: string): boolean {
    if (!this.connected.has(id) || this.joined.has(id)) return false;
    this.joined.add(id);
    return true;
  }

  /** Somebody is gone; who, if it had joined. */
  leave(id: string): ViewerInfo | null {
    const viewer = this.connected.get(id);
    this.connected.delete(id);
    this.lags.delete(id);
    return this.joined.delete(id) && viewer ? viewer : null;
  }

  /** All are gone from here: the session goes on elsewhere. */
  clear(): void {
    this.connected.clear();
    this.joined.clear();
    this.lags.clear();
  }

  noteLag(id: string, lagMs: unknown): void {
    if (typeof lagMs === "number" && Number.isFinite(lagMs)) this.lags.set(id, lagMs);
  }
}
