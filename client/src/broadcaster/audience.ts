/** Who is here of those that were let in, and how each says that it does. */
import type { Route } from "../link/peer";
import type { AdmittedViewer } from "../protocol.gen";
import type { ViewerInfo } from "./consent";
import type { Viewer, ViewerMetrics } from "./options";

type Said = Pick<ViewerMetrics, "lagMs" | "rttMs" | "resets" | "bytesReceived">;
const NOTHING: Said = { lagMs: null, rttMs: null, resets: null, bytesReceived: null };

export class Audience {
  /** Whoever is connected, let in or not. */
  readonly connected = new Map<string, ViewerInfo>();
  private readonly joined = new Set<string>();
  private readonly said = new Map<string, Said>();

  constructor(
    private readonly admitted: ReadonlyMap<string, AdmittedViewer>,
    private readonly isDirect: (id: string) => boolean,
    private readonly routeOf: (id: string) => Route | null,
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

  get perViewer(): ViewerMetrics[] {
    return this.viewers.map(({ id, path }) => ({
      viewer: id,
      path,
      route: path === "direct" ? this.routeOf(id) : null,
      ...(this.said.get(id) ?? NOTHING),
    }));
  }

  viewer(id: string): Viewer | null {
    const viewer = this.joined.has(id) ? this.admitted.get(id) : undefined;
    if (!viewer) return null;
    const { name, role, capabilities } = viewer;
    return { id, name, role, capabilities, path: this.isDirect(id) ? "direct" : "relay" };
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
    this.said.delete(id);
    return this.joined.delete(id) && viewer ? viewer : null;
  }

  /** All are gone from here: the session goes on elsewhere. */
  clear(): void {
    this.connected.clear();
    this.joined.clear();
    this.said.clear();
  }

  /** What a viewer's probe says of itself; what is no number is not known. */
  note(id: string, values: readonly unknown[]): void {
    const [lagMs, rttMs, resets, bytesReceived] = values.map((value) =>
      typeof value === "number" && Number.isFinite(value) ? value : null,
    );
    this.said.set(id, {
      lagMs: lagMs ?? null,
      rttMs: rttMs ?? null,
      resets: resets ?? null,
      bytesReceived: bytesReceived ?? null,
    });
  }
}
