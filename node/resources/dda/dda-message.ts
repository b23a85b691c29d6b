import { z } from "zod";
import { EdgelessError } from "../../../core/errors.js";

const text = z.string();
const bytes = z.array(z.int().min(0).max(255)).transform((values) => Uint8Array.from(values));
const pair = z.tuple([text, bytes]);

/** What a function may ask of the resource: the fields of each message, by its name. */
const REQUESTS = {
  ComPublishEvent: pair,
  ComPublishAction: pair,
  ComPublishQuery: pair,
  ComPublishActionResult: pair,
  ComPublishQueryResult: pair,
  StatePublishSet: pair,
  StatePublishDelete: text,
  StoreGet: text,
  StoreSet: pair,
  StoreDelete: text,
  StoreDeleteAll: z.tuple([]),
  StoreDeletePrefix: text,
  StoreDeleteRange: z.tuple([text, text]),
  StoreScanPrefix: text,
  StoreScanRange: z.tuple([text, text]),
} as const;

type Fields = { readonly [Name in keyof typeof REQUESTS]: z.infer<(typeof REQUESTS)[Name]> };

/** A message of a function: its name and its fields. */
export type DdaRequest = {
  readonly [Name in keyof Fields]: { readonly name: Name; readonly fields: Fields[Name] };
}[keyof Fields];

const requestSchema = z.record(z.string(), z.unknown());

/**
 * Reads a message: a JSON object of one key, in the form of serde's externally tagged enums.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE
 */
export function decodeRequest(payload: string): DdaRequest {
  let given: unknown;
  try {
    given = JSON.parse(payload);
  } catch (error) {
    throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the DDA message is no JSON", error);
  }
  const [entry, ...others] = Object.entries(requestSchema.safeParse(given).data ?? {});
  const [name = "", value] = entry ?? [];
  if (others.length > 0 || !Object.hasOwn(REQUESTS, name))
    throw new EdgelessError("EDGELESS_BAD_MESSAGE", `the DDA message "${name.slice(0, 60)}" is unknown`);
  // The name was looked up in the table a moment ago.
  const fields = REQUESTS[name as keyof typeof REQUESTS].safeParse(value);
  if (!fields.success)
    throw new EdgelessError("EDGELESS_BAD_MESSAGE", `the fields of the DDA message ${name} are wrong`);
  // The schema of that name gave the fields.
  return { name, fields: fields.data } as DdaRequest;
}

/** A field of a message for a function. */
export type DdaField = string | boolean | Uint8Array;

/** The JSON of a message for a function: a single field stands alone, several as a list, bytes as numbers. */
export function encodeMessage(name: string, ...fields: readonly DdaField[]): string {
  const values = fields.map((field) => (field instanceof Uint8Array ? [...field] : field));
  return JSON.stringify({ [name]: values.length === 1 ? values[0] : values });
}
