import { get } from "node:http";

/** What a metrics page of Prometheus text holds: name and labels, in the order of their names, to value. */
export async function readMetrics(url: string): Promise<ReadonlyMap<string, number>> {
  const text = await new Promise<string>((resolve, reject) => {
    const request = get(`${url}/metrics`, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(body));
    });
    request.on("error", reject);
  });
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const sorted = labels.match(/[a-z_]+="[^"]*"/g)?.sort() ?? [];
    values.set(`${name}{${sorted.join(",")}}`, Number(value));
  }
  return values;
}
