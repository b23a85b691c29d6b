import { z } from "zod";
import type { FunctionClass } from "../../core/specification.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";
import type { Debt } from "./debt.js";
import type { DomainRecord } from "./domain.js";
import type { WorkflowRecord } from "./workflow-record.js";

/*
 * The JSON of what the controller keeps in its store. Maps are lists of pairs, so that order is kept and no key can
 * collide with a property of objects; unsigned 64-bit numbers are decimal text; code is named by its digest.
 */

const uuid = z.string().transform((text, context): Uuid => {
  const id = parseUuid(text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: "not a UUID" });
  return z.NEVER;
});
const uint64 = z
  .string()
  .regex(/^[0-9]{1,20}$/)
  .transform((text) => BigInt(text));
const pairs = z.array(z.tuple([z.string(), z.string()])).transform((items) => new Map(items));
const kind = z.enum(["function", "resource"]);

const domainSchema = z.object({
  domainId: z.string().min(1),
  orchestratorUrl: z.string(),
  nonce: uint64,
  leaseMs: z.number().nonnegative(),
});

const debtSchema = z.object({
  logicalId: uuid,
  kind: z.enum(["function", "resource", "unknown"]),
  domainId: z.string().min(1),
  nonce: uint64,
});

const classSchema = z.object({
  id: z.string(),
  functionType: z.string(),
  version: z.string(),
  outputs: z.array(z.string()),
  code: z.string().optional(),
  binary: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

const workflowSchema = z.object({
  workflowId: uuid,
  functions: z.array(
    z.object({ name: z.string(), class: classSchema, outputMapping: pairs, annotations: pairs }),
  ),
  resources: z.array(
    z.object({ name: z.string(), classType: z.string(), outputMapping: pairs, configurations: pairs }),
  ),
  annotations: pairs,
  stateIds: z.array(z.tuple([z.string(), uuid])).transform((items) => new Map(items)),
  /** Records of earlier editions have none. */
  crossings: z
    .array(
      z.object({
        id: z.number().int().positive(),
        source: z.string(),
        channel: z.string(),
        target: z.string(),
        from: z.string(),
        to: z.string(),
        portal: z.string(),
      }),
    )
    .default([]),
  placements: z.array(
    z.object({ component: z.string(), kind, domainId: z.string(), nonce: uint64, logicalId: uuid }),
  ),
});

/** Writes a domain record. */
export function encodeDomain(domain: DomainRecord): Uint8Array {
  const { domainId, orchestratorUrl, nonce, leaseMs } = domain;
  return toBytes({ domainId, orchestratorUrl, nonce: nonce.toString(), leaseMs });
}

/** Reads a domain record. @throws Error when it is ill-formed */
export function decodeDomain(bytes: Uint8Array): DomainRecord {
  return domainSchema.parse(fromBytes(bytes));
}

/** Writes a debt. */
export function encodeDebt(debt: Debt): Uint8Array {
  const { logicalId, kind, domainId, nonce } = debt;
  return toBytes({ logicalId, kind, domainId, nonce: nonce.toString() });
}

/** Reads a debt. @throws Error when it is ill-formed */
export function decodeDebt(bytes: Uint8Array): Debt {
  return debtSchema.parse(fromBytes(bytes));
}

/**
 * Writes a workflow without its code.
 * @param digestOf gives the digest under which a module is kept
 */
export function encodeWorkflow(record: WorkflowRecord, digestOf: (binary: Uint8Array) => string): Uint8Array {
  const { workflowId, workflow, stateIds, crossings, placements } = record;
  return toBytes({
    workflowId,
    functions: workflow.functions.map(({ name, functionClass, outputMapping, annotations }) => ({
      name,
      class: {
        ...functionClass,
        binary: functionClass.binary === undefined ? undefined : digestOf(functionClass.binary),
      },
      outputMapping: [...outputMapping],
      annotations: [...annotations],
    })),
    resources: workflow.resources.map(({ name, classType, outputMapping, configurations }) => ({
      name,
      classType,
      outputMapping: [...outputMapping],
      configurations: [...configurations],
    })),
    annotations: [...workflow.annotations],
    stateIds: [...stateIds],
    crossings,
    placements: [...placements.values()].map(({ nonce, ...rest }) => ({ ...rest, nonce: nonce.toString() })),
  });
}

/**
 * Reads a workflow.
 * @param codeOf gives the module of a digest
 * @throws Error when it is ill-formed or a module is not there
 */
export function decodeWorkflow(
  bytes: Uint8Array,
  codeOf: (digest: string) => Uint8Array | undefined,
): WorkflowRecord {
  const raw = workflowSchema.parse(fromBytes(bytes));
  const functionClass = ({
    code,
    binary,
    ...rest
  }: (typeof raw.functions)[number]["class"]): FunctionClass => {
    const module = binary === undefined ? undefined : codeOf(binary);
    if (binary !== undefined && module === undefined) throw new Error(`the module ${binary} is not there`);
    return {
      ...rest,
      ...(code === undefined ? {} : { code }),
      ...(module === undefined ? {} : { binary: module }),
    };
  };
  return {
    workflowId: raw.workflowId,
    workflow: {
      functions: raw.functions.map(({ class: stored, ...rest }) => ({
        ...rest,
        functionClass: functionClass(stored),
      })),
      resources: raw.resources,
      annotations: raw.annotations,
    },
    stateIds: raw.stateIds,
    crossings: raw.crossings,
    placements: new Map(raw.placements.map((placement) => [placement.component, placement])),
  };
}

/** Writes the highest number that crossings may have. */
export function encodePortalIds(reserved: number): Uint8Array {
  return toBytes({ reserved });
}

/** Reads the highest number that crossings may have. @throws Error when it is ill-formed */
export function decodePortalIds(bytes: Uint8Array): number {
  return z.object({ reserved: z.number().int().nonnegative() }).parse(fromBytes(bytes)).reserved;
}

function toBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function fromBytes(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}
