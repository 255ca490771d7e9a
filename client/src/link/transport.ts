/** What carries bytes between two ends, whatever it is made of. */
import type { Bytes } from "../records";

export type TransportKind = "websocket" | "webrtc" | "http";

export interface Transport {
  readonly kind: TransportKind;
  readonly isOpen: boolean;
  /** Bytes handed over that have not left yet. */
  readonly bufferedAmount: number;
  /** Bytes that one message may have. */
  readonly maxMessage: number;
  /** Send one message. Does nothing when closed: what counts is sent again after a resume. */
  send(message: Bytes): void;
  /** Send on the lossy channel where there is one. */
  sendVolatile(message: Bytes): void;
  close(code?: number, reason?: string): void;
}

export interface TransportEvents {
  onopen(): void;
  onmessage(message: Bytes): void;
  /** Less waits than before: more may be sent. */
  ondrain(): void;
  onclose(code: number, reason: string): void;
}
