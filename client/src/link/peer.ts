/**
 * The direct path: one RTCPeerConnection to the other participant, by perfect negotiation (WebRTC 1.0, section 10.7),
 * with an ordered reliable channel for the log and an unordered one without retransmission for volatile things.
 */
import type { Candidate, Description, IceServer } from "../protocol.gen";
import { type Bytes, MAX_FRAME } from "../records";
import { Candidates } from "./candidates";
import type { Transport, TransportEvents } from "./transport";

/** A data record has up to 32 bytes of header beside a frame's data. */
const MAX_PEER_MESSAGE = MAX_FRAME + 64;
/** Data channels with these ids stand on both sides without being announced. */
const LOG_CHANNEL = 0;
const VOLATILE_CHANNEL = 1;
/** A pointer's position that has to wait is better not sent. */
const VOLATILE_BUFFER = 4_096;
/** Below what may wait at least (`drain.ts`), or no more would be sent when it has come to this. */
const LOW_BUFFER = 4_096;

export interface PeerSignal {
  readonly description?: Description;
  readonly candidate?: Candidate;
}

/** How a peer makes its connection: WebRTC 1.0, section 4.2. */
export interface Ice {
  readonly iceServers: readonly IceServer[];
  /** "relay": by TURN alone, so that no address of this machine is told to the other side. */
  readonly policy?: "all" | "relay";
}

/** What a peer's bytes go by, as the browser tells (Identifiers for WebRTC's Statistics, RTCIceCandidatePairStats). */
export interface Route {
  readonly rttMs: number;
  /** Kinds of the two candidates: host, srflx, prflx or relay. */
  readonly local: string;
  readonly remote: string;
  readonly protocol: string;
}

export class Peer implements Transport {
  readonly kind = "webrtc";
  readonly maxMessage = MAX_PEER_MESSAGE;
  private readonly connection: RTCPeerConnection;
  private log: RTCDataChannel | null = null;
  private volatile: RTCDataChannel | null = null;
  private makingOffer = false;
  private ignoring = false;
  /** Null for the server's, which we trust with where it is. */
  private readonly candidates: Candidates | null;
  private done = false;

  /** The `polite` side gives way when both make an offer at once. */
  constructor(
    private readonly polite: boolean,
    ice: Ice,
    private readonly signal: (signal: PeerSignal) => void,
    private readonly events: TransportEvents,
    trusted = false,
  ) {
    this.candidates = trusted ? null : new Candidates();
    this.connection = new RTCPeerConnection({
      iceServers: ice.iceServers.map(asIceServer),
      iceTransportPolicy: ice.policy ?? "all",
    });
    this.connection.onnegotiationneeded = () => void this.offer();
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate) this.signal({ candidate: asCandidate(candidate) });
    };
    this.connection.onconnectionstatechange = () => {
      if (["failed", "closed"].includes(this.connection.connectionState)) this.finish("the direct path failed");
    };
  }

  get isOpen(): boolean {
    return this.log?.readyState === "open";
  }

  get bufferedAmount(): number {
    return this.log?.bufferedAmount ?? 0;
  }

  /** Begin: the channels make a negotiation needed. */
  open(): void {
    this.channels();
  }

  /** Take a signal of the other side. */
  async receive(signal: PeerSignal): Promise<void> {
    if (this.done) return;
    try {
      if (signal.description) await this.describe(signal.description);
      if (signal.candidate && (this.candidates?.takes(signal.candidate.candidate) ?? true))
        await this.add(signal.candidate);
    } catch (error) {
      if (!this.done) this.finish(`signaling failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  send(message: Bytes): void {
    if (this.isOpen) this.log?.send(message as Uint8Array<ArrayBuffer>);
  }

  sendVolatile(message: Bytes): void {
    const channel = this.volatile;
    if (channel?.readyState === "open" && channel.bufferedAmount < VOLATILE_BUFFER)
      channel.send(message as Uint8Array<ArrayBuffer>);
  }

  /** What the bytes go by now; null before it is open. */
  async route(): Promise<Route | null> {
    if (this.done) return null;
    const stats = [...(await this.connection.getStats()).values()];
    const pairs = stats.filter(
      ({ type, state, nominated }) => type === "candidate-pair" && state === "succeeded" && nominated,
    );
    const pair = pairs.at(-1);
    if (!pair) return null;
    const of = (id: string) => stats.find((one) => one.id === id);
    const [local, remote] = [of(pair.localCandidateId), of(pair.remoteCandidateId)];
    return {
      rttMs: (pair.currentRoundTripTime ?? 0) * 1_000,
      local: local?.candidateType ?? "",
      remote: remote?.candidateType ?? "",
      protocol: local?.relayProtocol ?? local?.protocol ?? "",
    };
  }

  close(code = 1000, reason = ""): void {
    this.finish(reason, code);
  }

  private channels(): void {
    if (this.log) return;
    this.log = this.connection.createDataChannel("log", { negotiated: true, id: LOG_CHANNEL });
    this.volatile = this.connection.createDataChannel("volatile", {
      negotiated: true,
      id: VOLATILE_CHANNEL,
      ordered: false,
      maxRetransmits: 0,
    });
    for (const channel of [this.log, this.volatile]) {
      channel.binaryType = "arraybuffer";
      channel.onmessage = ({ data }) => {
        if (data instanceof ArrayBuffer) this.events.onmessage(new Uint8Array(data));
      };
    }
    this.log.bufferedAmountLowThreshold = LOW_BUFFER;
    this.log.onbufferedamountlow = () => this.events.ondrain();
    this.log.onopen = () => this.events.onopen();
    this.log.onclose = () => this.finish("the direct path was closed");
  }

  private async offer(): Promise<void> {
    try {
      this.makingOffer = true;
      await this.connection.setLocalDescription();
      this.describeToOther();
    } catch (error) {
      if (!this.done) this.finish(`no offer: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.makingOffer = false;
    }
  }

  private async describe(description: Description): Promise<void> {
    const collision = description.type === "offer" && (this.makingOffer || this.connection.signalingState !== "stable");
    this.ignoring = !this.polite && collision;
    if (this.ignoring) return;
    const { type, sdp } = description;
    await this.connection.setRemoteDescription({ type, sdp: this.candidates?.without(sdp) ?? sdp });
    if (description.type !== "offer") return;
    this.channels();
    await this.connection.setLocalDescription();
    this.describeToOther();
  }

  private async add(candidate: Candidate): Promise<void> {
    try {
      await this.connection.addIceCandidate(candidate);
    } catch (error) {
      if (!this.ignoring) throw error;
    }
  }

  private describeToOther(): void {
    const description = this.connection.localDescription;
    if (description) this.signal({ description: { type: description.type, sdp: description.sdp } });
  }

  private finish(reason: string, code = 1000): void {
    if (this.done) return;
    this.done = true;
    this.connection.close();
    this.events.onclose(code, reason);
  }
}

function asIceServer({ urls, username, credential }: IceServer): RTCIceServer {
  return { urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}) };
}

function asCandidate(candidate: RTCIceCandidate): Candidate {
  const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
  return { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment };
}
