import { z } from "zod";
import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";

/** What an instance listens to. */
export interface Subscription {
  readonly topic: string;
  readonly pattern: string;
  readonly method: string;
  /** Output channel that items are cast to. */
  readonly target: string;
}

/** What an instance may publish, by its alias. */
export interface Publication {
  readonly topic: string;
  readonly pattern: string;
}

/** The configuration of an instance. */
export interface DdaConfiguration {
  readonly url: string;
  readonly subscriptions: readonly Subscription[];
  readonly publications: ReadonlyMap<string, Publication>;
}

const subscriptionsSchema = z.array(
  z.object({ topic: z.string(), pattern: z.string(), method: z.literal("cast"), target: z.string() }),
);
const publicationsSchema = z.array(z.object({ topic: z.string(), pattern: z.string(), alias: z.string() }));

/** @throws EdgelessError EDGELESS_BAD_RESOURCE_CONFIG naming the key and the place */
export function readDdaConfiguration(configuration: StringMap): DdaConfiguration {
  const field = (key: string) => {
    const value = configuration.get(key);
    if (value === undefined) throw bad(`dda configuration incomplete: ${key} is missing`);
    return value;
  };
  const url = field("dda_url");
  const inKey = "dda_com_subscription_mapping";
  const outKey = "dda_com_publication_mapping";
  const subscriptions = parse(subscriptionsSchema, field(inKey), inKey);
  const publications = parse(publicationsSchema, field(outKey), outKey);
  const twice = repeated(subscriptions.map(({ topic, pattern, method }) => `${topic} ${pattern} ${method}`));
  if (twice !== undefined) throw bad(`${inKey} holds "${twice}" more than once`);
  const alias = repeated(publications.map((publication) => publication.alias));
  if (alias !== undefined) throw bad(`${outKey} holds the alias "${alias}" more than once`);
  return { url, subscriptions, publications: new Map(publications.map((one) => [one.alias, one])) };
}

function parse<T>(schema: z.ZodType<T>, json: string, key: string): T {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    throw bad(`${key} is no JSON`);
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw bad(`${key}: ${z.prettifyError(result.error).replaceAll(/\s+/g, " ")}`);
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, i) => names.indexOf(name) !== i);
}

function bad(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reason);
}
