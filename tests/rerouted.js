// Puts a page's WebRTC behind proxies. As an init script, with `reroute` bound to what gives a proxy's port for an address,
// or with `deaf`: the page is told no candidates, and learns of the other end when that end calls.
(() => {
  const LINE = /^((?:a=)?candidate:\S+ 1 udp \d+ )(\S+) (\d+)( typ host.*)$/i;
  const prototype = RTCPeerConnection.prototype;
  const { setRemoteDescription, addIceCandidate } = prototype;
  const turns = new WeakMap(); // what is asked of a connection goes on in order

  async function rerouted(line) {
    const [, head, address, port, rest] = LINE.exec(line) ?? [];
    if (globalThis.deaf || address === undefined || address.includes(":")) return null;
    return `${head}${await globalThis.reroute(address, Number(port))}${rest}`;
  }

  function inTurn(connection, step) {
    const turn = (turns.get(connection) ?? Promise.resolve()).then(step, step);
    turns.set(connection, turn);
    return turn;
  }

  prototype.setRemoteDescription = function (description) {
    return inTurn(this, async () => {
      const lines = [];
      for (const line of (description.sdp ?? "").split("\r\n"))
        if (!line.startsWith("a=candidate:")) lines.push(line);
        else lines.push((await rerouted(line)) ?? []);
      await setRemoteDescription.call(this, { type: description.type, sdp: lines.flat().join("\r\n") });
    });
  };

  prototype.addIceCandidate = function (given) {
    return inTurn(this, async () => {
      const candidate = given?.candidate && (await rerouted(given.candidate));
      if (candidate) await addIceCandidate.call(this, { ...given, candidate });
    });
  };
})();
