/** The viewers of a broadcast: who asks, who is let in, who is here, and what they ask of the page. */
import type { Emitter } from "../emitter";
import type { AdmittedViewer, Capability, FromBroadcaster, InputMessage, Requested } from "../protocol.gen";
import type { ChatLine } from "../state";
import { Audience } from "./audience";
import { type ConfirmView, Consent, type ConsentPolicy, type ViewerInfo } from "./consent";
import type { Entries } from "./entries";
import { type Input, Inputs } from "./inputs";
import type { SessionEvents } from "./options";
import type { Peers } from "./peers";
import type { Stored } from "./store";

export interface ViewersEvents {
  send(message: FromBroadcaster): void;
  /** Somebody has been let in: the page may have to be recorded. */
  record(): void;
  /** What survives a page load has changed. */
  keep(): void;
  /** A viewer has written a line. */
  line(line: ChatLine): void;
}

export class Viewers {
  readonly consent: Consent;
  readonly audience: Audience;
  private readonly inputs: Inputs;

  constructor(
    policy: ConsentPolicy,
    mayView: ConfirmView,
    stored: Pick<Stored, "viewers" | "inputs"> | null,
    private readonly entries: Entries,
    private readonly peers: () => Peers,
    private readonly emitter: Emitter<SessionEvents>,
    private readonly events: ViewersEvents,
  ) {
    this.consent = new Consent(
      policy,
      mayView,
      (viewer) => this.admit(viewer),
      (viewer, reason) => this.remove(viewer, reason),
    );
    this.audience = new Audience(
      this.consent.admitted,
      (id) => this.peers().serves(id),
      (id) => this.peers().routeOf(id),
    );
    this.inputs = new Inputs(
      {
        may: (viewer, capability) => this.may(viewer, capability),
        apply: (viewer, input) => this.apply(viewer, input),
        acknowledge: (viewer, n) => this.answer(viewer, { type: "acknowledged", viewer, n }),
        refuse: (viewer, n, reason) => this.answer(viewer, { type: "refused", viewer, n, reason }),
      },
      {},
    );
    if (stored) this.restore(stored);
  }

  /** What another page needs to know of them. */
  get stored(): Pick<Stored, "viewers" | "inputs"> {
    return { viewers: [...this.consent.admitted.values()], inputs: this.inputs.next };
  }

  restore({ viewers, inputs }: Pick<Stored, "viewers" | "inputs">): void {
    this.consent.admitted.clear();
    for (const viewer of viewers) this.consent.admitted.set(viewer.id, viewer);
    this.inputs.restore(inputs);
  }

  may(viewer: string, capability: Capability): boolean {
    return this.consent.may(viewer, capability);
  }

  requested(message: Requested): void {
    const { viewer: id, name, role } = message;
    this.audience.connected.set(id, { id, name, role });
    if (!this.consent.admitted.has(id)) this.emitter.emit("viewer.requested", { id, name, role });
    void this.consent.request(message);
  }

  left(viewer: string): void {
    this.consent.withdraw(viewer);
    this.gone(viewer);
  }

  input(viewer: string, message: InputMessage): void {
    this.inputs.take(viewer, message);
  }

  /** Whose path has changed, is told to the site. */
  changed(): void {
    for (const viewer of this.audience.viewers) this.emitter.emit("viewer.updated", viewer);
  }

  /** The session goes on elsewhere. */
  clear(): void {
    this.consent.withdraw();
    this.audience.clear();
  }

  close(): void {
    this.consent.close();
    this.inputs.close();
  }

  private admit(viewer: AdmittedViewer): void {
    const { id, capabilities } = viewer;
    this.events.send({ type: "admit", viewer: id, capabilities: [...capabilities] });
    const isNew = this.audience.join(id);
    this.events.record();
    if (isNew) this.notePresent();
    const known = this.audience.viewer(id);
    if (known) this.emitter.emit(isNew ? "viewer.joined" : "viewer.updated", known);
    this.events.keep();
  }

  private remove(viewer: string, reason: string): void {
    this.events.send({ type: "remove", viewer, reason });
    this.peers().close(viewer);
    this.inputs.forget(viewer);
    this.gone(viewer);
    this.events.keep();
  }

  private gone(id: string): void {
    const viewer: ViewerInfo | null = this.audience.leave(id);
    if (!viewer) return;
    this.notePresent();
    this.emitter.emit("pointer", { viewer, anchor: null });
    this.emitter.emit("viewer.left", viewer);
  }

  private notePresent(): void {
    const present = this.audience.viewers.map(({ id, name, role }) => ({ id, name, role }));
    this.entries.enter({ kind: "present", present });
  }

  private apply(viewer: string, input: Input): void {
    const { name } = this.consent.admitted.get(viewer) ?? { name: "" };
    if (input.kind === "chat") this.events.line({ id: input.id, from: viewer, name, text: input.text });
  }

  /** By the viewer's direct path where it has one. */
  private answer(viewer: string, message: FromBroadcaster): void {
    if (!this.peers().send(viewer, { ...message, viewer: "" })) this.events.send(message);
  }
}
