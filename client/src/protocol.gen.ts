/** Generated from cobrowse/messages.py by `make protocol`. Do not edit. */

export type Protocol = (FromBroadcaster | ToBroadcaster | FromViewer | ToViewer)
export type FromBroadcaster = (HelloBroadcaster | Known | Begin | Pause | End | ExpectAway | Admit | Remove | Link | Acknowledged | Refused | Declined | Signal | Ping | Pong)
export type ToBroadcaster = (WelcomeBroadcaster | Begun | Demand | Requested | Left | ViewerInput | Updated | Ended | Ice | Closed | Signal | Ping | Pong)
export type FromViewer = (HelloViewer | Subscribe | Unsubscribe | InputMessage | End | Signal | Ping | Pong)
export type ToViewer = (WelcomeViewer | Admitted | Updated | Begun | Ended | Resumed | Reset | Acknowledged | Refused | Declined | Ice | Closed | Signal | Ping | Pong)

/**
 * The broadcaster's first message. `token` continues a session, without one a new session begins.
 * 
 * `proof` is HKDF(secret, "auth"); `epoch` is the running epoch of a mere reconnect, or null for a new one,
 * which then follows `last_epoch`. `path` is the page's wish where the site's policy is "auto". `viewers` are
 * those it has let in: the server may not know them, and puts out whom it does not name. `more`: `known` names others.
 */
export interface HelloBroadcaster {
type: "hello"
role: "broadcaster"
wire: number
log: number
site: string
token: (string | null)
proof: Uint8Array
epoch: (number | null)
last_epoch: number
paused: boolean
path: ("auto" | "relay" | "direct")
/**
 * @maxItems 64
 */
viewers: AdmittedViewer[]
more: boolean
}
/**
 * A viewer that the broadcaster has let in, with all that it may do.
 * 
 * `subject` is the same for the same agent, whatever its id and name; "" for a guest.
 */
export interface AdmittedViewer {
id: string
name: string
role: ("agent" | "guest")
subject: string
capabilities: ("view" | "pointer" | "ink" | "scroll" | "click" | "type" | "navigate" | "chat" | "call" | "record")[]
}
/**
 * After a `hello` with `more`, or another of these with it: others that the broadcaster has let in.
 */
export interface Known {
type: "known"
/**
 * @maxItems 64
 */
viewers: AdmittedViewer[]
more: boolean
}
/**
 * The broadcaster asks for the next epoch: the recorder starts again (unpause).
 */
export interface Begin {
type: "begin"
}
/**
 * The broadcaster stops sharing for now; `begin` takes it up again.
 */
export interface Pause {
type: "pause"
}
/**
 * The broadcaster ends the session, or an agent does. `failed`: the broadcaster cannot share its page.
 */
export interface End {
type: "end"
failed: boolean
}
/**
 * The broadcaster will be away, and come back within `seconds`; viewers are shown `message` meanwhile.
 */
export interface ExpectAway {
type: "expect_away"
seconds: number
message: string
}
/**
 * The broadcaster lets a viewer in, or sets anew all that it may do.
 */
export interface Admit {
type: "admit"
viewer: string
capabilities: ("view" | "pointer" | "ink" | "scroll" | "click" | "type" | "navigate" | "chat" | "call" | "record")[]
}
/**
 * The broadcaster refuses a viewer, or puts it out: then neither it nor its agent comes back to this session.
 */
export interface Remove {
type: "remove"
viewer: string
reason: string
}
/**
 * The broadcaster has made another link, of which this is the proof: the one before opens nothing more.
 */
export interface Link {
type: "link"
proof: Uint8Array
}
/**
 * The broadcaster has applied the viewer's inputs up to `n`; `viewer` names whose, and is "" on a direct path.
 */
export interface Acknowledged {
type: "acknowledged"
viewer: string
n: number
}
/**
 * The broadcaster will not apply input `n` of that viewer, and says why.
 */
export interface Refused {
type: "refused"
viewer: string
n: number
reason: string
}
/**
 * The viewer has asked for these capabilities, and does not get them; `viewer` as in `acknowledged`.
 */
export interface Declined {
type: "declined"
viewer: string
capabilities: ("view" | "pointer" | "ink" | "scroll" | "click" | "type" | "navigate" | "chat" | "call" | "record")[]
reason: string
}
/**
 * WebRTC signaling between two admitted participants: a description, a candidate, or a refusal.
 * 
 * Going up `peer` is whom it is for, coming down whom it is from; "" is the broadcaster, "server" the server
 * itself, for a relay by WebRTC.
 */
export interface Signal {
type: "signal"
peer: string
description: (Description | null)
candidate: (Candidate | null)
declined: (string | null)
}
/**
 * An SDP offer or answer, as RTCSessionDescription (WebRTC 1.0, section 4.6).
 */
export interface Description {
type: ("offer" | "answer" | "rollback" | "pranswer")
sdp: string
}
/**
 * An ICE candidate, as RTCIceCandidateInit (WebRTC 1.0, section 4.8).
 */
export interface Candidate {
candidate: string
sdpMid: (string | null)
sdpMLineIndex: (number | null)
usernameFragment: (string | null)
}
/**
 * Anybody asks the other end for a sign of life; `at` is the asker's own clock, in ms.
 */
export interface Ping {
type: "ping"
at: number
}
/**
 * The answer to `ping`, at once, with its `at`.
 */
export interface Pong {
type: "pong"
at: number
}
/**
 * The answer to the broadcaster's `hello`: what it is to be from now on.
 * 
 * `link` false: the proof that it showed is that of a link that was ended, and it must make another one.
 */
export interface WelcomeBroadcaster {
type: "welcome"
wire: number
session: string
token: string
code: string
link: boolean
epoch: number
state: ("pending" | "active" | "paused" | "away" | "ended")
path: ("auto" | "relay" | "direct")
consent: ("ask" | "granted")
capabilities: ("view" | "pointer" | "ink" | "scroll" | "click" | "type" | "navigate" | "chat" | "call" | "record")[]
ice_servers: IceServer[]
ice_policy: ("all" | "relay")
privacy: SitePrivacy
}
/**
 * A STUN or TURN server, as RTCIceServer (WebRTC 1.0, section 4.2.4).
 */
export interface IceServer {
urls: string[]
username: (string | null)
credential: (string | null)
}
/**
 * The rules of a site.
 */
export interface SitePrivacy {
mask: ("*" | string[])
/**
 * @maxItems 200
 */
unmask: string[]
/**
 * @maxItems 200
 */
block: string[]
query: (("drop" | "keep") | string[])
/**
 * @maxItems 100
 */
rules: PagePrivacy[]
}
/**
 * Rules for pages whose address, without query and fragment, is like `url`: `*` stands for anything.
 */
export interface PagePrivacy {
mask: ("*" | string[])
/**
 * @maxItems 200
 */
unmask: string[]
/**
 * @maxItems 200
 */
block: string[]
query: (("drop" | "keep") | string[])
url: string
}
/**
 * The server grants an epoch; frames of lower ones are ignored from now on. Told to viewers too.
 */
export interface Begun {
type: "begun"
epoch: number
}
/**
 * The server says what it needs, whenever that changes; each one replaces the one before.
 * 
 * `frames`: whether frames are wanted at all; with `after`, from right after that position, else from where they
 * were, or after the checkpoint. `checkpoint`: one is needed that can be joined from. Where the broadcaster cannot
 * go on after the position, it sends a checkpoint too, and the server's log restarts there. `earlier`: the server's
 * log begins at the position, and up to 32 KiB of frames before it are of use as well, for viewers that were there.
 */
export interface Demand {
type: "demand"
frames: boolean
after: (Position | null)
checkpoint: boolean
earlier: boolean
}
/**
 * A place in the log: everything up to frame `seq` of `epoch`; -1 is the start.
 */
export interface Position {
epoch: number
seq: number
}
/**
 * A viewer asks to be let in. The server vouches for its role, for an agent's name and `subject`, which is "" for a
 * guest, and for `link`: whether it has shown the link's proof.
 */
export interface Requested {
type: "requested"
viewer: string
name: string
role: ("agent" | "guest")
subject: string
link: boolean
}
/**
 * A viewer is gone: its connection closed and it did not come back. `removed`: its login was revoked, so that it
 * is not to be served directly either.
 */
export interface Left {
type: "left"
viewer: string
removed: boolean
}
/**
 * An admitted viewer's `input`, on its way to the broadcaster.
 */
export interface ViewerInput {
type: "input"
viewer: string
n: number
base: number
input: (Chat | Request)
}
/**
 * A line of chat. Its `id` stays the same however often it is sent.
 */
export interface Chat {
kind: "chat"
id: string
text: string
}
/**
 * A viewer asks for capabilities that it has not. The answer is `admitted` or `declined`.
 */
export interface Request {
kind: "request"
/**
 * @minItems 1
 * @maxItems 10
 */
capabilities: ("view" | "pointer" | "ink" | "scroll" | "click" | "type" | "navigate" | "chat" | "call" | "record")[]
}
/**
 * The session's state has changed; `message` is what the site says of it, or "".
 */
export interface Updated {
type: "updated"
state: ("pending" | "active" | "paused" | "away" | "ended")
message: string
}
/**
 * The session is over; the connection closes after this.
 */
export interface Ended {
type: "ended"
reason: ("broadcaster" | "failed" | "agent" | "pending_timeout" | "idle_timeout" | "active_timeout" | "away_timeout" | "server")
}
/**
 * The server's ICE servers anew, before the credentials of the last ones expire.
 */
export interface Ice {
type: "ice"
ice_servers: IceServer[]
}
/**
 * The last message by a transport that has no close code of its own (WebRTC): the code, and the reason.
 */
export interface Closed {
type: "closed"
code: number
reason: string
}
/**
 * A viewer's first message: the link's `proof`, an agent's `token`, or the token of an earlier `welcome`.
 */
export interface HelloViewer {
type: "hello"
role: "viewer"
wire: number
log: number
session: string
name: string
proof: (Uint8Array | null)
token: (string | null)
}
/**
 * A viewer wants the log on this path, after `position`, or from a checkpoint. A new `id` replaces the last.
 */
export interface Subscribe {
type: "subscribe"
id: number
position: (Position | null)
}
/**
 * A viewer wants no more of subscription `id` on this path.
 */
export interface Unsubscribe {
type: "unsubscribe"
id: number
}
/**
 * A viewer asks something of the broadcaster; `n` counts its inputs, so that each is applied once, in order.
 * 
 * `base` is the lowest `n` that the viewer still has: a hole below it will not be filled.
 */
export interface InputMessage {
type: "input"
n: number
base: number
input: (Chat | Request)
}
/**
 * The answer to a viewer's `hello`. It may have to wait for `admitted`.
 */
export interface WelcomeViewer {
type: "welcome"
wire: number
session: string
viewer: string
token: string
name: string
role: ("agent" | "guest")
site: string
state: ("pending" | "active" | "paused" | "away" | "ended")
path: ("auto" | "relay" | "direct")
ice_servers: IceServer[]
ice_policy: ("all" | "relay")
}
/**
 * The broadcaster has let the viewer in; these are all of its capabilities from now on.
 */
export interface Admitted {
type: "admitted"
capabilities: ("view" | "pointer" | "ink" | "scroll" | "click" | "type" | "navigate" | "chat" | "call" | "record")[]
}
/**
 * Subscription `id` goes on right after the position it named.
 */
export interface Resumed {
type: "resumed"
id: number
}
/**
 * Subscription `id` starts over: a checkpoint comes, then the frames after it.
 */
export interface Reset {
type: "reset"
id: number
reason: ("join" | "epoch" | "window")
}
export const WIRE_VERSION = 1;
export const LOG_VERSION = 1;
export const CAPABILITIES = ["view","pointer","ink","scroll","click","type","navigate","chat","call","record"] as const;
export type Capability = (typeof CAPABILITIES)[number];
/** Why a connection ended. 4000-4099: come back; 4100-4199: do not, the reason says what to mend. */
export const CloseCode = {
  RESTARTING: 4000,
  BUSY: 4001,
  SLOW: 4002,
  SILENT: 4003,
  GARBLED: 4004,
  INVALID: 4100,
  UNAUTHORIZED: 4101,
  ORIGIN_NOT_ALLOWED: 4102,
  UNKNOWN_SESSION: 4103,
  UNKNOWN_SITE: 4104,
  VERSION_MISMATCH: 4105,
  TOO_LARGE: 4106,
  NOT_PERMITTED: 4107,
  REFUSED: 4108,
  REMOVED: 4109,
  ENDED: 4110,
  REPLACED: 4111,
  NO_HELLO: 4112,
} as const;
