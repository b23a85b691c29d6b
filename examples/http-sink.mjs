// A web server that prints what it gets, for the examples that send: node examples/http-sink.mjs [PORT]
import { createServer } from "node:http";

const port = Number(process.argv[2] ?? 10000);
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  console.log(`${request.method} ${request.url} ${body}`);
  response.end("thank you");
});
server.listen(port, "localhost", () => console.log(`listening at http://localhost:${port}/`));
