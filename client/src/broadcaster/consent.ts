/**
 * Who is let in, and what each may do: the one place that decides, in the visitor's browser, by the table of `rights.ts`.
 * It fails closed: what is not known, not allowed by the site, or not answered with a yes, is refused.
 */
import { type AdmittedViewer, CAPABILITIES, type Capability, type Requested } from "../protocol.gen";
import { neededByInput, neededByVolatile, QUESTIONS, type Question, questionFor } from "./rights";

export interface ViewerInfo {
  readonly id: string;
  readonly name: string;
  readonly role: "agent" | "guest";
}

/**
 * Asks the visitor, by the widget or by the site's own screen. True is a yes; all else, a rejection and silence are no.
 * `signal` is aborted when an answer is of no use any more.
 */
export type Ask = (
  question: Question,
  viewer: ViewerInfo,
  capabilities: readonly Capability[],
  signal: AbortSignal,
) => boolean | Promise<boolean>;

/** How long a question may stand before it counts as a no. */
export const ANSWER_WITHIN_MS = 120_000;
/** A viewer that was told no is not asked about the same again for this long. */
const AGAIN_AFTER_MS = 30_000;
/** Questions that may stand at once; a viewer that comes then is refused. */
const MAX_QUESTIONS = 20;
/** A link by which so many were refused is ended: else whoever has it could have the visitor asked without end. */
const MAX_REFUSALS = 3;
/** Those let in that are remembered, and are not here; four times as many as the server has places for. */
const MAX_KNOWN = 4_000;
/** Those put out that are remembered; beyond that the earliest are forgotten. */
const MAX_REMOVED = 1_000;

const NOT_LET_IN = "the visitor did not let you in";
const PUT_OUT = "the visitor has ended your access";

export interface ConsentPolicy {
  /** The visitor has agreed to be seen by whoever holds the link; needs the site's policy. */
  readonly granted: boolean;
  /** The most that may be granted: what the site and the page's options allow. */
  readonly capabilities: readonly Capability[];
}

export interface ConsentEvents {
  /** Whether that viewer is connected, by whatever path. */
  isHere(id: string): boolean;
  /** So many were let in that this one is remembered no longer. */
  forget(id: string): void;
  /** Let in, or back, or may do other things than before. */
  admit(viewer: AdmittedViewer): void;
  /** Refused, or put out. */
  remove(id: string, reason: string): void;
  /** The link is with somebody who is not wanted: it must open nothing more. */
  endLink(): void;
  /** Asked for these, and will not have them. */
  decline(id: string, capabilities: readonly Capability[], reason: string): void;
}

export class Consent {
  private readonly viewers = new Map<string, AdmittedViewer>();
  private readonly removed = new Set<string>();
  /** By viewer and question. */
  private readonly asking = new Map<string, AbortController>();
  private readonly refusedAt = new Map<string, number>();
  private refusals = 0; // of guests, by the link that stands

  constructor(
    private readonly policy: ConsentPolicy,
    private readonly ask: Ask,
    private readonly events: ConsentEvents,
  ) {}

  get admitted(): ReadonlyMap<string, AdmittedViewer> {
    return this.viewers;
  }

  /** What another page needs to know. */
  get stored(): { viewers: readonly AdmittedViewer[]; removed: readonly string[] } {
    return { viewers: [...this.viewers.values()], removed: [...this.removed] };
  }

  restore({ viewers, removed }: Consent["stored"]): void {
    this.viewers.clear();
    for (const one of removed) this.removed.add(one);
    for (const viewer of viewers) if (!this.isRemoved(viewer)) this.viewers.set(viewer.id, viewer);
  }

  // What is decided --------------------------------------------------------------------------------------------

  may(id: string, capability: Capability): boolean {
    const viewer = this.viewers.get(id);
    if (!viewer?.capabilities.includes(capability)) return false;
    return this.allows(capability, viewer.role);
  }

  mayInput(id: string, kind: string): boolean {
    const capability = neededByInput(kind);
    return capability !== null && this.may(id, capability);
  }

  mayVolatile(id: string, kind: string): boolean {
    const capability = neededByVolatile(kind);
    return capability !== null && this.may(id, capability);
  }

  /** Whether a viewer that asks is neither known nor to be refused at once. */
  isNew({ viewer: id, subject }: Requested): boolean {
    return !this.viewers.has(id) && !this.isRemoved({ id, subject });
  }

  /** A viewer asks to be let in, or is back. */
  async request({ viewer: id, name, role, link, subject }: Requested): Promise<void> {
    const viewer = { id, name, role, subject };
    const known = this.viewers.get(id);
    if (this.isRemoved(viewer)) this.events.remove(id, PUT_OUT);
    else if (known) this.events.admit(known);
    else {
      const yes = (this.policy.granted && link) || (await this.answer("view", viewer, ["view"]));
      if (yes) this.set(viewer, this.grantable(role, "view"));
      else if (yes === false) this.refuse(viewer);
    }
  }

  /** A viewer asks for more than it may do; each kind of question is asked on its own. */
  async seek(id: string, capabilities: readonly Capability[]): Promise<void> {
    const viewer = this.viewers.get(id);
    if (!viewer) return;
    const missing = [...new Set(capabilities)].filter((capability) => !viewer.capabilities.includes(capability));
    const forbidden = missing.filter((capability) => !this.allows(capability, viewer.role));
    if (forbidden.length > 0) this.events.decline(id, forbidden, "the site does not allow it");
    const asked = QUESTIONS.map((question) => {
      const those = this.grantable(viewer.role, question).filter((capability) => missing.includes(capability));
      return those.length > 0 ? this.seekBy(question, viewer, those) : null;
    });
    await Promise.all(asked);
  }

  // What the visitor and the site do ---------------------------------------------------------------------------

  /** Add capabilities, as far as the site allows them. Throws RangeError for a viewer that has not been let in. */
  grant(id: string, capabilities: readonly Capability[]): void {
    const viewer = this.viewers.get(id);
    if (!viewer) throw new RangeError(`cobrowse: no viewer ${JSON.stringify(id)} has been let in`);
    const added = capabilities.filter((capability) => this.allows(capability, viewer.role));
    this.set(viewer, [...viewer.capabilities, ...added]);
  }

  /** Take capabilities back; without any named, the viewer is put out for good. False if it was not in. */
  revoke(id: string, capabilities?: readonly Capability[]): boolean {
    const viewer = this.viewers.get(id);
    if (!viewer) return false;
    if (!capabilities || capabilities.includes("view")) this.putOut(viewer);
    else
      this.set(
        viewer,
        viewer.capabilities.filter((capability) => !capabilities.includes(capability)),
      );
    return true;
  }

  /** A viewer's login was revoked: it is out. The agent may ask again, by another login. */
  drop(id: string): void {
    this.withdraw(id);
    if (this.viewers.delete(id)) this.events.remove(id, PUT_OUT);
  }

  /** The viewer, or everybody, has gone while it was asked about. */
  withdraw(id?: string): void {
    for (const [key, asked] of [...this.asking]) {
      if (id !== undefined && !key.startsWith(`${id} `)) continue;
      this.asking.delete(key);
      asked.abort();
    }
  }

  close(): void {
    this.withdraw();
    this.viewers.clear();
  }

  // Inside -----------------------------------------------------------------------------------------------------

  /** Whether such a viewer may have the capability at all. To be let in is to view: no policy takes that out. */
  private allows(capability: Capability, role: string): boolean {
    const isOfSite = capability === "view" || this.policy.capabilities.includes(capability);
    return isOfSite && questionFor(capability, role) !== null;
  }

  /** What a yes to the question may give such a viewer. */
  private grantable(role: string, question: Question): Capability[] {
    return CAPABILITIES.filter(
      (capability) => questionFor(capability, role) === question && this.allows(capability, role),
    );
  }

  private async seekBy(question: Question, viewer: AdmittedViewer, capabilities: readonly Capability[]): Promise<void> {
    const { id } = viewer;
    const decline = (reason: string) => this.events.decline(id, capabilities, reason);
    const key = `${id} ${question}`;
    const isFresh = performance.now() - (this.refusedAt.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER_MS;
    // What every viewer is let in with is missing only where it was taken back.
    if (question === "view" || isFresh) {
      decline(isFresh ? "the visitor has said no a moment ago" : "the visitor has taken it back");
      return;
    }
    const yes = await this.answer(question, viewer, capabilities);
    if (yes && this.viewers.has(id)) this.grant(id, capabilities);
    else if (yes === false) {
      this.refusedAt.set(key, performance.now());
      decline("the visitor has said no");
    }
  }

  private isRemoved({ id, subject }: { id: string; subject: string }): boolean {
    return this.removed.has(id) || (subject !== "" && this.removed.has(subject));
  }

  private putOut(viewer: AdmittedViewer): void {
    const { id, subject } = viewer;
    this.viewers.delete(id);
    this.withdraw(id);
    this.forgetRefusals(id);
    for (const one of subject ? [id, subject] : [id]) this.removed.add(one);
    for (const earliest of this.removed) {
      if (this.removed.size <= MAX_REMOVED) break;
      this.removed.delete(earliest);
    }
    // The link first: whoever was put out finds it ended already.
    if (viewer.role === "guest") this.endLink();
    this.events.remove(id, PUT_OUT);
  }

  private refuse({ id, role }: ViewerInfo): void {
    if (role === "guest") this.refusals += 1;
    if (this.refusals >= MAX_REFUSALS) this.endLink();
    this.events.remove(id, NOT_LET_IN);
  }

  private endLink(): void {
    this.refusals = 0;
    this.events.endLink();
  }

  private set({ id, name, role, subject }: Omit<AdmittedViewer, "capabilities">, wanted: readonly Capability[]): void {
    const capabilities = CAPABILITIES.filter((capability) => capability === "view" || wanted.includes(capability));
    const admitted = { id, name, role, subject, capabilities };
    this.viewers.set(id, admitted);
    if (this.viewers.size > MAX_KNOWN) this.forgetOne();
    this.events.admit(admitted);
  }

  /** Of those that are not here the one that was let in first: should it come back, the visitor is asked again. */
  private forgetOne(): void {
    for (const known of this.viewers.keys()) {
      if (this.events.isHere(known)) continue;
      this.viewers.delete(known);
      this.forgetRefusals(known);
      this.events.forget(known);
      return;
    }
  }

  private forgetRefusals(id: string): void {
    for (const question of QUESTIONS) this.refusedAt.delete(`${id} ${question}`);
  }

  /** The visitor's answer; null when the question was withdrawn, or stands already. */
  private async answer(
    question: Question,
    { id, name, role }: ViewerInfo,
    capabilities: readonly Capability[],
  ): Promise<boolean | null> {
    const key = `${id} ${question}`;
    if (this.asking.has(key)) return null;
    if (this.asking.size >= MAX_QUESTIONS) return false;
    const asked = new AbortController();
    this.asking.set(key, asked);
    const { signal } = asked;
    const silence = new Promise<boolean>((resolve) => {
      signal.addEventListener("abort", () => resolve(false));
    });
    const timer = setTimeout(() => asked.abort(), ANSWER_WITHIN_MS);
    let yes = false;
    try {
      yes = (await Promise.race([this.ask(question, { id, name, role }, capabilities, signal), silence])) === true;
    } catch {
      // A question that fails is not answered with a yes.
    } finally {
      clearTimeout(timer);
    }
    if (this.asking.get(key) !== asked) return null;
    this.asking.delete(key);
    return yes;
  }
}
