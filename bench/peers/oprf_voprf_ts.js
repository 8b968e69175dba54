// npm `@cloudflare/voprf-ts` with its noble provider: BlindEvaluate from bytes to bytes, as its README shows it.
// A line on stdin is JSON {key, blinded: [hex]}; the answer is {microseconds, evaluated} of one pass over all of them.
const readline = require("readline");
const { Oprf, OPRFServer, EvaluationRequest } = require("@cloudflare/voprf-ts");
const { CryptoNoble } = require("@cloudflare/voprf-ts/crypto-noble");

Oprf.Crypto = CryptoNoble;
const suite = Oprf.Suite.P256_SHA256;
const group = Oprf.getGroup(suite);

async function pass({ key, blinded }) {
  const server = new OPRFServer(suite, Buffer.from(key, "hex"));
  const requests = blinded.map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
  const before = process.cpuUsage();
  const answers = [];
  for (const bytes of requests) {
    const evaluation = await server.blindEvaluate(new EvaluationRequest([group.desElt(bytes)]));
    answers.push(evaluation.evaluated[0].serialize(true));
  }
  const spent = process.cpuUsage(before);
  const evaluated = answers.map((each) => Buffer.from(each).toString("hex"));
  return { microseconds: spent.user + spent.system, evaluated };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await pass(JSON.parse(line))));
  }
})();
