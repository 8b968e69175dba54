// npm `ocpp-rpc` in strict mode, as its README shows it.
const { RPCServer } = require("ocpp-rpc");

const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: true });
server.auth((accept) => accept({}));
server.on("client", (client) => {
  client.handle("Heartbeat", () => ({ currentTime: new Date().toISOString() }));
  client.handle("MeterValues", () => ({}));
});
server.listen(0, "127.0.0.1").then((http) => console.log(http.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
