/**
 * Who is let in, and what each may do. Decided here, in the visitor's browser, and nowhere else; what is not granted
 * is refused.
 */
import type { AdmittedViewer, Capability, Requested } from "../protocol.gen";

export interface ViewerInfo {
  readonly id: string;
  readonly name: string;
  readonly role: "agent" | "guest";
}

/** Asks the visitor, by the widget or by the site's own screen. True lets in; false, a rejection and silence do not. */
export type ConfirmView = (viewer: ViewerInfo) => boolean | Promise<boolean>;

/** How long a question may stand before it counts as a no. */
const ANSWER_WITHIN_MS = 120_000;
/** What an admitted viewer has without a further question, as far as the site allows it. */
const ON_ADMISSION: readonly Capability[] = ["view", "pointer", "chat"];

export interface ConsentPolicy {
  /** The visitor has agreed to be seen by whoever holds the link; needs the site's policy. */
  readonly granted: boolean;
  /** The most that may be granted. */
  readonly capabilities: readonly Capability[];
}

export class Consent {
  readonly admitted = new Map<string, AdmittedViewer>();
  private readonly asking = new Map<string, Requested>();
  private closed = false;

  constructor(
    private readonly policy: ConsentPolicy,
    private readonly confirmView: ConfirmView,
    private readonly onadmit: (viewer: AdmittedViewer) => void,
    private readonly onrefuse: (viewer: string, reason: string) => void,
  ) {}

  /** A viewer asks to be let in, or is back. */
  async request(requested: Requested): Promise<void> {
    const { viewer: id, name, role, link } = requested;
    const known = this.admitted.get(id);
    if (known) {
      this.onadmit(known);
      return;
    }
    if (this.asking.has(id)) return;
    if (this.policy.granted && link) {
      this.admit({ id, name, role });
      return;
    }
    this.asking.set(id, requested);
    const yes = await this.ask({ id, name, role });
    if (this.closed || this.asking.get(id) !== requested) return;
    this.asking.delete(id);
    if (yes) this.admit({ id, name, role });
    else this.onrefuse(id, "the visitor did not let you in");
  }

  /** The viewer, or everybody, has gone while it was asked about. */
  withdraw(id?: string): void {
    if (id === undefined) this.asking.clear();
    else this.asking.delete(id);
  }

  may(id: string, capability: Capability): boolean {
    return this.admitted.get(id)?.capabilities.includes(capability) ?? false;
  }

  grant(id: string, capabilities: readonly Capability[]): void {
    const viewer = this.admitted.get(id);
    if (!viewer) throw new RangeError(`cobrowse: no viewer ${JSON.stringify(id)} has been let in`);
    const wanted = new Set<Capability>([...viewer.capabilities, ...capabilities]);
    this.set(
      viewer,
      this.policy.capabilities.filter((capability) => wanted.has(capability)),
    );
  }

  /** Take capabilities back; without any named, the viewer is put out. False if it was not in. */
  revoke(id: string, capabilities?: readonly Capability[]): boolean {
    const viewer = this.admitted.get(id);
    if (!viewer) return false;
    if (!capabilities || capabilities.includes("view")) {
      this.admitted.delete(id);
      this.onrefuse(id, "the visitor has ended your access");
    } else {
      this.set(
        viewer,
        viewer.capabilities.filter((capability) => !capabilities.includes(capability)),
      );
    }
    return true;
  }

  close(): void {
    this.closed = true;
    this.asking.clear();
  }

  private admit(viewer: ViewerInfo): void {
    this.set(
      viewer,
      ON_ADMISSION.filter((capability) => this.policy.capabilities.includes(capability)),
    );
  }

  private set({ id, name, role }: ViewerInfo, capabilities: readonly Capability[]): void {
    const admitted = { id, name, role, capabilities: [...new Set<Capability>(["view", ...capabilities])] };
    this.admitted.set(id, admitted);
    this.onadmit(admitted);
  }

  private async ask(viewer: ViewerInfo): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ANSWER_WITHIN_MS);
    });
    try {
      return (await Promise.race([this.confirmView(viewer), silence])) === true;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
