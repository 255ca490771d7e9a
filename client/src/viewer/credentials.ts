/** What a viewer shows to be let in: its token of before, an agent's token, the link's proof; the next when one is refused. */
import type { Bytes } from "../records";
import { proofOf } from "../secret";

type Kind = "viewer" | "agent" | "link";

export class Credentials {
  private kinds: Kind[];

  /** `keep` stores the token for a reload of the page; null when it is of no use any more. */
  constructor(
    private readonly secret: string | null,
    private readonly agentToken: string | null,
    private token: string | null,
    private readonly keep: (token: string | null) => void,
  ) {
    const held: [Kind, string | null][] = [
      ["viewer", token],
      ["agent", agentToken],
      ["link", secret],
    ];
    this.kinds = held.flatMap(([kind, value]) => (value ? [kind] : []));
  }

  /** For `hello`. */
  get shown(): { proof: Bytes | null; token: string | null } {
    const [kind] = this.kinds;
    const token = kind === "viewer" ? this.token : kind === "agent" ? this.agentToken : null;
    return { proof: this.secret ? proofOf(this.secret) : null, token };
  }

  /** The server has welcomed it: from now on it comes back as the same viewer, also to a server that has forgotten it. */
  welcomed(token: string): void {
    this.token = token;
    if (this.kinds[0] !== "viewer") this.kinds.unshift("viewer");
    this.keep(token);
  }

  /** What was shown is not valid; false if there is nothing else. */
  refused(): boolean {
    if (this.kinds.length < 2) return false;
    this.kinds.shift();
    return true;
  }

  forget(): void {
    this.keep(null);
  }
}
