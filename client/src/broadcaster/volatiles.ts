/** What is not in the log: pointers and marks of typing, both ways, and probes, by which viewers measure how far they are behind. */
import { type Anchor, anchorAt } from "../anchor";
import type { Server } from "../link/server";
import { encodeRecord, VOLATILE, type Volatile } from "../records";
import { TypingMark } from "../typing";
import type { Audience } from "./audience";
import type { Consent, ViewerInfo } from "./consent";
import { Pace } from "./pace";
import type { Peers } from "./peers";
import type { PointerAt } from "./pointer";
import { Recorder } from "./recorder";

export class Volatiles {
  private readonly pace = new Pace();
  private readonly mark = new TypingMark();

  /** `onpointer`: a viewer points; null when its pointer has left the page. `ontyping`: a viewer writes a line of chat. */
  constructor(
    private readonly recorder: Recorder,
    private readonly consent: Consent,
    private readonly audience: Audience,
    private readonly peers: Peers,
    private readonly server: Server,
    private readonly hidesPointer: (node: Node) => boolean,
    private readonly onpointer: (viewer: ViewerInfo, anchor: Anchor | null) => void,
    private readonly ontyping: (viewer: ViewerInfo) => void,
  ) {}

  /** A viewer's record has come. */
  take(from: string, { name, values }: Volatile): void {
    const viewer = this.consent.admitted.get(from);
    if (!viewer || !this.consent.mayVolatile(from, name) || !this.pace.allows(from, performance.now())) return;
    if (name === "probe") {
      this.audience.note(from, values.slice(1));
      this.echo(from, values[0]);
    }
    if (name === "typing") this.ontyping(viewer);
    if (name === "pointer") {
      const [id, x, y] = values;
      const isAnchor = [id, x, y].every((value) => typeof value === "number" && Number.isFinite(value));
      this.onpointer(viewer, isAnchor ? { id: Number(id), x: Number(x), y: Number(y) } : null);
    }
  }

  /** That viewer is not here any more. */
  forget(viewer: string): void {
    this.pace.forget(viewer);
  }

  /** The visitor writes a line of chat. Call at each key. */
  type(): void {
    if (this.mark.isDue(performance.now())) this.tellAll("typing", []);
  }

  /** The visitor has sent it. */
  said(): void {
    this.mark.sent();
  }

  /** The visitor's pointer, to all that are here; not over what is masked, as that would tell what is chosen there. */
  point(at: PointerAt | null): void {
    const { mirror } = Recorder;
    if (!mirror || !this.recorder.isRecording || this.audience.size === 0) return;
    const isTold = at && !(at.target instanceof Node && this.hidesPointer(at.target));
    const anchor = isTold && anchorAt(at.target, at, window, mirror);
    this.tellAll("pointer", anchor ? [anchor.id, anchor.x, anchor.y] : []);
  }

  private tellAll(name: string, values: readonly number[]): void {
    const record = encodeRecord({ kind: VOLATILE, party: "", name, values });
    let relayed = false;
    for (const id of this.audience.ids)
      if (!this.peers.serves(id) || !this.peers.sendVolatile(id, record)) relayed = true;
    const { transport, isOpen } = this.server;
    if (relayed && isOpen) transport?.sendVolatile(record);
  }

  /** Tells the viewer where the log stands, so that it can measure its lag without comparing clocks. */
  private echo(viewer: string, at: Volatile["values"][number] | undefined): void {
    if (typeof at !== "number") return;
    const { epoch, log } = this.recorder;
    const values = [at, epoch, log.next - 1];
    const record = encodeRecord({ kind: VOLATILE, party: viewer, name: "echo", values });
    const { transport, isOpen } = this.server;
    if (!this.peers.sendVolatile(viewer, record) && isOpen) transport?.sendVolatile(record);
  }
}
