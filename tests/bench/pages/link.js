// A connection of a page to the server, by WebRTC or by a WebSocket, on which bytes are counted and not looked at.
const PING = 64; // bytes: what is shorter is a sign of life, and is answered
const FRAME = 16_384;
const AHEAD = 262_144; // as much as the client lets wait at most
const bytesOf = (base64) => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));

let connection = null;
let channel = null;
let pong = null;
let arriving = null;

function use(made, base64) {
  channel = made;
  pong = bytesOf(base64);
  channel.binaryType = "arraybuffer";
  channel.onmessage = ({ data }) => {
    if (data.byteLength < PING) channel.send(pong);
    if (!arriving) return;
    arriving.first ??= performance.now();
    arriving.left -= data.byteLength;
    if (arriving.left <= 0) arriving.resolve(performance.now() - arriving.first);
  };
}

const opened = () => new Promise((resolve) => (channel.onopen = resolve));

window.link = {
  async offer(pong) {
    connection = new RTCPeerConnection();
    use(connection.createDataChannel("log", { negotiated: true, id: 0 }), pong);
    connection.createDataChannel("volatile", { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });
    await connection.setLocalDescription();
    return connection.localDescription.sdp;
  },
  async answered(sdp, hello) {
    const open = opened();
    await connection.setRemoteDescription({ type: "answer", sdp });
    await open;
    channel.send(bytesOf(hello));
  },
  async websocket(url, pong, hello) {
    use(new WebSocket(url), pong);
    await opened();
    channel.send(bytesOf(hello));
  },
  get isOpen() {
    return [1, "open"].includes(channel.readyState);
  },
  /** `took` becomes the ms from the first to the last of so many bytes. */
  receive(bytes) {
    globalThis.took = new Promise((resolve) => {
      arriving = { left: bytes, first: null, resolve };
    });
  },
  /** Send `count` frames of the log from `seq` on; false when the connection has been closed meanwhile. */
  async send(epoch, seq, count) {
    // [1, epoch, seq, END, bytes]: array 5, two uint 32, bin 16.
    const record = new Uint8Array(16 + FRAME);
    const view = new DataView(record.buffer);
    record.set([0x95, 1, 0xce]);
    view.setUint32(3, epoch);
    record[7] = 0xce;
    record.set([1, 0xc5], 12);
    view.setUint16(14, FRAME);
    for (let n = 0; n < count; n += 1) {
      view.setUint32(8, seq + n);
      while (link.isOpen && channel.bufferedAmount > AHEAD) await new Promise((resolve) => setTimeout(resolve, 1));
      if (!link.isOpen) return false;
      channel.send(record);
    }
    return true;
  },
};
