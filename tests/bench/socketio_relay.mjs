// A relay on socket.io, as its documentation has it: what comes in goes to a room. Prints its port.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
io.on("connection", (socket) => {
  socket.on("watch", (joined) => {
    socket.join("session");
    joined?.();
  });
  socket.on("frame", (frame) => socket.to("session").emit("frame", frame));
});
http.listen(0, "127.0.0.1", 1024, () => console.log(http.address().port));
