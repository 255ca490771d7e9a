/** The viewers of a broadcast: who asks, who is let in, who is here, and what they ask of the page. */
import { coalesced } from "../coalesced";
import type { Emitter } from "../emitter";
import type { AdmittedViewer, Capability, FromBroadcaster, InputMessage, Requested } from "../protocol.gen";
import type { ChatLine } from "../state";
import { Audience } from "./audience";
import { type Ask, Consent, type ConsentPolicy, type ViewerInfo } from "./consent";
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
  /** A guest was put out: the link that it has must open nothing more. */
  relink(): void;
  /** A viewer has written a line. */
  line(line: ChatLine): void;
}

/** Viewers that one message names. */
const MAX_NAMED = 64;

type StoredViewers = Pick<Stored, "viewers" | "removed" | "inputs">;

export class Viewers {
  readonly consent: Consent;
  readonly audience: Audience;
  private readonly inputs: Inputs;
  private unnamed: string[] = [];
  private endingLink = false; // those that are put out with it do not end another one

  constructor(
    policy: ConsentPolicy,
    ask: Ask,
    stored: StoredViewers | null,
    private readonly entries: Entries,
    private readonly peers: () => Peers,
    private readonly emitter: Emitter<SessionEvents>,
    private readonly events: ViewersEvents,
  ) {
    this.consent = new Consent(policy, ask, {
      isHere: (id) => this.audience.connected.has(id) || this.peers().serves(id),
      forget: (id) => this.inputs.forget(id),
      admit: (viewer) => this.admit(viewer),
      remove: (id, reason) => this.remove(id, reason),
      endLink: () => this.endLink(),
      decline: (viewer, capabilities, reason) =>
        this.answer(viewer, { type: "declined", viewer, capabilities: [...capabilities], reason }),
    });
    this.audience = new Audience(
      this.consent.admitted,
      (id) => this.peers().serves(id),
      (id) => this.peers().routeOf(id),
    );
    this.inputs = new Inputs(
      {
        may: (viewer, kind) => this.consent.mayInput(viewer, kind),
        apply: (viewer, input) => this.apply(viewer, input),
        acknowledge: (viewer, n) => this.answer(viewer, { type: "acknowledged", viewer, n }),
        refuse: (viewer, n, reason) => this.answer(viewer, { type: "refused", viewer, n, reason }),
      },
      {},
    );
    if (stored) this.restore(stored);
  }

  /** What another page needs to know of them. */
  get stored(): StoredViewers {
    return { ...this.consent.stored, inputs: this.inputs.next };
  }

  restore(stored: StoredViewers): void {
    this.consent.restore(stored);
    this.inputs.restore(stored.inputs);
  }

  /** For `hello`: those that were let in, the latest first, as far as one message names them. */
  get named(): { viewers: AdmittedViewer[]; more: boolean } {
    this.unnamed = [...this.consent.admitted.keys()].reverse();
    return this.nextNamed();
  }

  /** After it: the others. */
  nameOthers(): void {
    while (this.unnamed.length > 0) this.events.send({ type: "known", ...this.nextNamed() });
  }

  may(viewer: string, capability: Capability): boolean {
    return this.consent.may(viewer, capability);
  }

  requested(message: Requested): void {
    const { viewer: id, name, role } = message;
    this.audience.connected.set(id, { id, name, role });
    if (this.consent.isNew(message)) this.emitter.emit("viewer.requested", { id, name, role });
    void this.consent.request(message);
  }

  /** `removed`: for good, on a direct path too. */
  left(viewer: string, removed: boolean): void {
    this.consent.withdraw(viewer);
    if (removed) this.consent.drop(viewer);
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
    this.keep();
  }

  private remove(viewer: string, reason: string): void {
    this.peers().close(viewer);
    this.events.send({ type: "remove", viewer, reason });
    this.inputs.forget(viewer);
    this.gone(viewer);
    this.keep();
  }

  /**
   * Whoever has the link may be the one that was put out. Guests that are here stay; the places of those that are not,
   * which nobody sees, are ended with it.
   */
  private endLink(): void {
    if (this.endingLink) return;
    this.endingLink = true;
    this.events.relink();
    for (const { id, role } of [...this.consent.admitted.values()])
      if (role === "guest" && !this.audience.connected.has(id)) this.consent.revoke(id);
    this.endingLink = false;
  }

  private gone(id: string): void {
    const viewer: ViewerInfo | null = this.audience.leave(id);
    if (!viewer) return;
    this.notePresent();
    this.emitter.emit("pointer", { viewer, anchor: null });
    this.emitter.emit("viewer.left", viewer);
  }

  private nextNamed(): { viewers: AdmittedViewer[]; more: boolean } {
    const viewers = this.unnamed.splice(0, MAX_NAMED).flatMap((id) => this.consent.admitted.get(id) ?? []);
    return { viewers, more: this.unnamed.length > 0 };
  }

  private readonly keep = coalesced(() => this.events.keep());

  /** Each entry names everybody who is here. */
  private readonly notePresent = coalesced(() => {
    const present = this.audience.viewers.map(({ id, name, role }) => ({ id, name, role }));
    this.entries.enter({ kind: "present", present });
  });

  private apply(viewer: string, input: Input): void {
    const { name } = this.consent.admitted.get(viewer) ?? { name: "" };
    if (input.kind === "request") void this.consent.seek(viewer, input.capabilities);
    else if (input.kind === "chat") this.events.line({ id: input.id, from: viewer, name, text: input.text });
  }

  /** By the viewer's direct path where it has one. */
  private answer(viewer: string, message: FromBroadcaster): void {
    if (!this.peers().send(viewer, { ...message, viewer: "" })) this.events.send(message);
  }
}
